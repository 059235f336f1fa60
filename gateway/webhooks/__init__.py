"""World 4, customers' endpoints: bodies, signatures, and the client that posts them."""
