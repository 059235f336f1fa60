"""The calls about named templates, and their description."""
