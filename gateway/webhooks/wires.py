"""What the octets of a POST go through where nobody waits: written and read at once, or not at all.

Here without TLS; gateway.webhooks.encrypted has it with.
"""

import os
from typing import Protocol

import trio

_READ_BYTES = 4_096
"""An answer that is longer is not plain."""


class Wire(Protocol):
    """One end of a connection."""

    @property
    def is_over(self) -> bool:
        """Nothing more can be asked on it, even if its socket has nothing to read."""

    def write(self, octets: bytes) -> bytes | None:
        """None: all went out. Else what the connection's stream has to send for the rest of it to go out, which may be
        nothing where the stream holds that rest itself. Raises OSError.
        """

    def read(self) -> bytes:
        """What the peer said, and nothing where it ended. Raises BlockingIOError where it has said nothing, OSError."""


class PlainWire:
    """A socket."""

    is_over = False

    def __init__(self, socket: trio.socket.SocketType) -> None:
        self._socket = socket

    def write(self, octets: bytes) -> bytes | None:
        try:
            written = os.write(self._socket.fileno(), octets)
        except BlockingIOError:
            written = 0
        return None if written == len(octets) else octets[written:]

    def read(self) -> bytes:
        return os.read(self._socket.fileno(), _READ_BYTES)
