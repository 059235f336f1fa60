"""The operators' console: pages rendered here over gateway/desk, for a browser; begin reading in app.py."""
