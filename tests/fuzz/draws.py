"""What a target makes of the octets it is given: numbers, pieces, choices. Out of octets, all is zero or empty."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """Reads octets from the front; a fuzzer that changes one octet changes one draw."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0
        self._end = len(octets)

    def __bool__(self) -> bool:
        """Whether there are octets left."""
        return self._at < self._end

    def octets(self, count: int) -> bytes:
        """The next so many, or as many as there are."""
        piece = self._octets[self._at : self._at + count]
        self._at += len(piece)
        return piece

    def number(self, width: int = 1) -> int:
        """Of so many octets."""
        if width != 1:
            return int.from_bytes(self.octets(width), "big")
        # Nearly all that a target draws: a million inputs make some hundred million of these.
        at = self._at
        if at >= self._end:
            return 0
        self._at = at + 1
        return self._octets[at]

    def short(self) -> bytes:
        """Octets behind one that counts them."""
        return self.octets(self.number())

    def choice(self, options: Sequence[T]) -> T:
        """One of at most 256."""
        return options[self.number() % len(options)]

    def rest(self) -> bytes:
        """All that is left."""
        return self.octets(self._end)
