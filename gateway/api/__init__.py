"""World 1, callers: the HTTP API for accounts, and the operators' listener."""
