"""A byte stream cut into whole frames, each one PDU with its header. What a frame holds is codec.py's."""

from collections.abc import Iterator
from struct import Struct

from protocol.errors import BadFrame
from protocol.fields import HEADER_LENGTH

MAX_FRAME = 65_536
"""Default limit in octets: a message_payload may hold 64 KiB, and nobody sends one."""

_COMMAND_LENGTH = Struct(">I").unpack_from


class Framer:
    """Keeps what is left of an incomplete frame between calls, at most one frame of it."""

    def __init__(self, max_length: int = MAX_FRAME) -> None:
        self._max_length = max_length
        self._rest = bytearray()
        self._wanted = HEADER_LENGTH

    @property
    def rest(self) -> bytes:
        """The beginning of a frame that has not come whole."""
        return bytes(self._rest)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield each frame that `data` completes; run it to its end, or the octets behind are lost.

        Raises BadFrame for a command_length below 16 or above the limit, after the frames before it; the stream is then
        at an end.
        """
        if self._rest:
            self._rest += data
            # Joined only once a whole frame is there, so that a peer that drips octets costs no more than their number.
            if len(self._rest) < self._wanted:
                return
            data = bytes(self._rest)
        offset, end = 0, len(data)
        while end - offset >= HEADER_LENGTH:
            (length,) = _COMMAND_LENGTH(data, offset)
            if not HEADER_LENGTH <= length <= self._max_length:
                self._rest.clear()  # nothing behind it can be read, whatever more may come
                raise BadFrame(f"command_length {length} is not within {HEADER_LENGTH} and {self._max_length}")
            if end - offset < length:
                break
            yield data[offset : offset + length]
            offset += length
        else:
            length = HEADER_LENGTH
        self._rest = bytearray(data[offset:])
        self._wanted = length
