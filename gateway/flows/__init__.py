"""What the gateway does, in the order a message lives it: accept, send, receive, notify. Start reading here."""
