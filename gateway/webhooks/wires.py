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
    def may_be_asked(self) -> bool:
        """Nothing came that would be taken for the answer to what is written next, unless its socket has it to read."""

    def write(self, octets: bytes) -> bool:
        """Whether all went out; `send_rest` is there for what did not. Raises OSError."""

    async def send_rest(self) -> None:
        """With waiting. Raises BrokenResourceError."""

    def read(self) -> bytes:
        """What the peer said, and nothing where it ended. Raises BlockingIOError where it has said nothing, OSError."""


class PlainWire:
    """A socket."""

    may_be_asked = True

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._socket = stream.socket
        self._unsent = b""

    def write(self, octets: bytes) -> bool:
        try:
            written = os.write(self._socket.fileno(), octets)
        except BlockingIOError:
            written = 0
        self._unsent = octets[written:]
        return not self._unsent

    async def send_rest(self) -> None:
        octets, self._unsent = self._unsent, b""
        await self._stream.send_all(octets)

    def read(self) -> bytes:
        return os.read(self._socket.fileno(), _READ_BYTES)
