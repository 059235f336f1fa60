"""The calls for campaigns: taking one in, showing how it stands, moving it; and their description."""
