"""A byte stream cut into whole frames, each one PDU with its header. What a frame holds is codec.py's."""

from collections.abc import Iterator
from itertools import pairwise
from struct import Struct
from typing import NamedTuple

from protocol.errors import BadFrame
from protocol.fields import HEADER_LENGTH

MAX_FRAME = 65_536
"""Default limit in octets: a message_payload may hold 64 KiB, and nobody sends one."""

_COMMAND_LENGTH = Struct(">I").unpack_from


class Cut(NamedTuple):
    """Octets, and where the frames in them begin and end: each begins where the one before ends."""

    octets: bytes
    bounds: list[int]
    """The last is the end of the last whole frame."""
    fault: BadFrame | None
    """What the frame behind has, which can't be one."""


_NOTHING = Cut(b"", [0], None)


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
        """Yield each frame that `data` completes.

        Raises BadFrame for a command_length below 16 or above the limit, after the frames before it; the stream is then
        at an end.
        """
        octets, bounds, fault = self.cut(data)
        for start, end in pairwise(bounds):
            yield octets[start:end]
        if fault is not None:
            raise fault

    def cut(self, data: bytes) -> Cut:
        """The same, all at once and uncut, for who reads most of it where it is."""
        if self._rest:
            self._rest += data
            # Joined only once a whole frame is there, so that a peer that drips octets costs no more than their number.
            if len(self._rest) < self._wanted:
                return _NOTHING
            data = bytes(self._rest)
        offset, end, most = 0, len(data), self._max_length
        bounds = [0]
        while end - offset >= HEADER_LENGTH:
            (length,) = _COMMAND_LENGTH(data, offset)
            if not HEADER_LENGTH <= length <= most:
                self._rest.clear()  # nothing behind it can be read, whatever more may come
                return Cut(data, bounds, BadFrame(f"command_length {length} is not within {HEADER_LENGTH} and {most}"))
            if end - offset < length:
                break
            offset += length
            bounds.append(offset)
        else:
            length = HEADER_LENGTH
        self._rest = bytearray(data[offset:])
        self._wanted = length
        return Cut(data, bounds, None)
