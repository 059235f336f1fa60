"""The calls of /admin: one file a subject, thin over gateway/desk. gateway/api/operators.py registers them."""
