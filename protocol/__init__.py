"""SMPP 3.4 (and what 5.0 adds) without I/O: bytes and `now` come in; bytes, events and a deadline come out."""
