"""A carrier to try against: the SMSC role of protocol.Session behind a socket, with faults."""
