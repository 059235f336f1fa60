"""The body of a stream -> its lines -> what they hold. Pieces come as they come; a line may lie in several of them.

Lines that are empty keep the connection alive and are none. What a line's value means is the rules' matter.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import trio

from gateway.api.bodies import decode, is_plain
from gateway.api.large_bodies import LEAST_VALUES, VALUES_PER_MESSAGE, decode_in_turns, is_slow
from gateway.api.problems import Problem

MOST_LINE = 64 * 1024
"""Octets of a line."""
_BOM = b"\xef\xbb\xbf"
_BLANKS = b" \t\r"
_OPEN, _CLOSED = ord("{"), ord("}")
_LINES_PER_TURN = 10
_QUICK = 40_000
"""Octets that are decoded without a look at what is in them, as those of other bodies are."""
_decode_lines = msgspec.json.Decoder().decode_lines


class LineReader:
    """Fed with pieces; keeps what is no whole line yet."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._begun = False
        self.is_too_long = False
        """A line was longer than MOST_LINE: it and what follows is not given."""

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that the piece completes, without the empty ones."""
        if self.is_too_long:
            return []
        self._rest += piece
        if b"\n" not in piece:
            self.is_too_long = len(self._rest) > MOST_LINE
            return []
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        return self._checked(lines, is_rest_long=len(rest) > MOST_LINE)

    def finish(self) -> list[bytes]:
        """The last line, if it had no end of its own."""
        if self.is_too_long:
            return []
        last, self._rest = bytes(self._rest), bytearray()
        return self._checked([last], is_rest_long=False)

    def _checked(self, lines: list[bytes], *, is_rest_long: bool) -> list[bytes]:
        if not self._begun:
            self._begun = True
            lines[0] = lines[0].removeprefix(_BOM)
        # The rest of the one before may have made the first one long, all others came in one piece.
        if max(map(len, lines)) > MOST_LINE:
            self.is_too_long = True
            lines = lines[: next(at for at, line in enumerate(lines) if len(line) > MOST_LINE)]
        self.is_too_long = self.is_too_long or is_rest_long
        # A carriage return is no part of a line: neither of what its key guards, nor of what is decoded in one go.
        return [stripped for line in lines if (stripped := line.strip(_BLANKS))]


async def values_of(lines: Sequence[bytes]) -> list[Any]:
    """What each line holds, or the Problem of one that holds no JSON."""
    if len(lines) > 1:
        block = b"\n".join(lines)
        if _are_objects(block, len(lines)):
            try:
                values = _decode_lines(block)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                values = []
            # As many as there are lines, and none goes over the end of one: so each line holds one.
            if len(values) == len(lines) and is_plain(values, b"[" + block):
                return values
    found = []
    for at, line in enumerate(lines, 1):
        found.append(await _value(line))
        if at % _LINES_PER_TURN == 0:
            await trio.lowlevel.checkpoint()
    return found


def _are_objects(block: bytes, count: int) -> bool:
    """Whether all lines begin and end as objects do. A value cannot go on behind such an end: it lacks a comma."""
    if block[0] != _OPEN or block[-1] != _CLOSED or block.count(b"}\n{") != count - 1:
        return False
    return len(block) <= _QUICK or not is_slow(block, max(LEAST_VALUES, VALUES_PER_MESSAGE * count))


async def _value(line: bytes) -> Any:
    try:
        return decode(line) if len(line) <= _QUICK else await decode_in_turns(line, 1)
    except Problem as problem:
        # Told of a body, which a line is here; its number stands beside it.
        words = problem.detail.replace("Line 1, column", "Column").replace("The body", "The line")
        return Problem(problem.kind, words, members=problem.members)
