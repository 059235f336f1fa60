"""Inbound messages: whose they are, their parts until all are in, and telling and erasing them."""
