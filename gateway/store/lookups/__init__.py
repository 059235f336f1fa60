"""What can be asked of a store without changing it, but for lists (see gateway.store.lists)."""
