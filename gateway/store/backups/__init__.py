"""Backups of the embedded store: taken while it is used, checked, kept, and restored. Plain files, without a loop."""
