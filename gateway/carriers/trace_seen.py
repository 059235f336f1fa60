"""One PDU as it passed, for all that make something of the trace."""

from typing import NamedTuple


class Seen(NamedTuple):
    """A frame that was written or read, or what could not be read as one."""

    at_ns: int
    """Nanoseconds since the Unix epoch."""
    bind: str
    """Its name, `telco/1`."""
    connection: int
    """Tells the connections of a carrier apart, one after the other."""
    sent: bool
    """By us."""
    frame: bytes
    """Whole, with its header; empty where there is a note instead."""
    note: str = ""
