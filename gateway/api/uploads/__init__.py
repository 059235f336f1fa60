"""Bodies that are worked on while they are still arriving, and what their lines or records hold."""
