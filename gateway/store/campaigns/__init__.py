"""Campaigns on disk: loaded, moved, expanded into messages, counted, completed, and erased in the end."""
