"""How it goes, second by second: read off counters that others keep, kept for 15 minutes, told to all consoles."""
