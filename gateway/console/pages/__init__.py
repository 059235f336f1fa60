"""One file for each of the console's subjects: its routes, and what its templates are given."""
