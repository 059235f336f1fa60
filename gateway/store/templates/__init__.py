"""Named templates on disk: kept by their names, few, and read as a whole."""
