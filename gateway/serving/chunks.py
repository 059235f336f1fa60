"""A request's body that comes in chunks (RFC 9112 §7.1), piece by piece as it is read.

Faults are told in the words of h11, which reads the front's.
"""

import re

from gateway.api import problem_types
from gateway.api.problems import Problem
from gateway.serving.waits import MOST_HEAD

# Of what a caller chooses, no octet may be tried in two places: a long row of blanks would take seconds to refuse.
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,20})(?:;[^\r\n\x00]*|[ \t]*)")
_TRAILER = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\x00\n\r\v\f]*")

_TOO_LONG = "Receive buffer too long."


class Chunks:
    """`feed` it what is read until it `is_whole`; what came behind the body is then in `rest`."""

    def __init__(self) -> None:
        self.is_whole = False
        self.rest = b""
        """What was fed and is not yet understood; at the end, what follows the body."""
        self._left = 0
        """Octets of the chunk under way, with the CRLF behind it; 0: a size comes next."""
        self._trailers: list[bytes] | None = None
        self._trailer_octets = 0

    def feed(self, octets: bytes) -> bytes:
        """The body's octets among these. Raises a Problem 400 or 431."""
        octets = self.rest + octets if self.rest else octets
        pieces: list[bytes] = []
        at, size = 0, len(octets)
        while not self.is_whole:
            if self._left:
                if at == size or (self._left == 2 and octets[at : at + 2] == b"\r"):
                    break
                at = self._take(octets, at, pieces)
            else:
                end = octets.find(b"\r\n", at)
                if end < 0:
                    if size - at > MOST_HEAD:
                        raise Problem(problem_types.HEAD_TOO_LARGE, _TOO_LONG)
                    break
                self._read_line(octets[at:end])
                at = end + 2
        self.rest = octets[at:]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _take(self, octets: bytes, at: int, pieces: list[bytes]) -> int:
        """What is there of a chunk's octets; up to where it was read."""
        left, there = self._left - 2, len(octets) - at
        if left > 0 and there < left + 2:
            # The CRLF is read in one piece, so its octets stay behind.
            part = min(there, left)
            pieces.append(octets[at : at + part])
            self._left -= part
            return at + part
        if octets[at + left : at + left + 2] != b"\r\n":
            raise Problem(problem_types.BAD_REQUEST, "Malformed chunk footer.")
        if left:
            pieces.append(octets[at : at + left])
        self._left = 0
        return at + left + 2

    def _read_line(self, line: bytes) -> None:
        if self._trailers is not None:
            self._read_trailer(line, self._trailers)
            return
        found = _SIZE.fullmatch(line)
        if found is None:
            raise Problem(problem_types.BAD_REQUEST, "Illegal chunk header.")
        if size := int(found[1], 16):
            self._left = size + 2
        else:
            self._trailers = []

    def _read_trailer(self, line: bytes, before: list[bytes]) -> None:
        """They are judged at their end, and then forgotten."""
        if line:
            before.append(line)
            self._trailer_octets += len(line)
            if self._trailer_octets > MOST_HEAD:
                raise Problem(problem_types.HEAD_TOO_LARGE, _TOO_LONG)
        elif all(map(_TRAILER.fullmatch, before)):
            self.is_whole = True
        else:
            raise Problem(problem_types.BAD_REQUEST, "Illegal header line.")
