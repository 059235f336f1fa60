"""Recipients as NDJSON, one JSON value a line, read in pieces: what a line holds, or what is wrong with it.

Which values are recipients is told by gateway/rules/campaign_checks.
"""

from typing import Any

from gateway.api.bodies import decode
from gateway.api.problems import Problem
from gateway.rules.faults import Fault, FaultCode, ItemErrors

MOST_LINE = 64 * 1024
"""Octets of one recipient."""
LINE = "line"
"""Stands as the field where a line could not be read."""
_BOM = b"\xef\xbb\xbf"


class NdjsonReader:
    """Fed with pieces of a body; a piece larger than some 16 KiB would hold the loop for long."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._skipping = False
        self._begun = False

    def feed(self, piece: bytes, *, last: bool) -> list[Any]:
        """The recipients that the piece completes: JSON values, or ItemErrors of lines that are none."""
        self._rest += piece
        if b"\n" not in piece and len(self._rest) <= MOST_LINE and self._begun and not last:
            return []
        if not self._begun:
            if len(self._rest) < len(_BOM) and not last:
                return []
            self._begun = True
            if self._rest.startswith(_BOM):
                del self._rest[: len(_BOM)]
        *lines, rest = bytes(self._rest).split(b"\n")
        if last:
            lines.append(rest)
            rest = b""
        found = []
        for line in lines:
            if self._skipping:
                self._skipping = False
            elif line and not line.isspace():
                found.append(_value(line))
        if len(rest) > MOST_LINE:
            if not self._skipping:
                found.append(too_long())
            self._skipping, rest = True, b""
        self._rest = bytearray(rest)
        return found


def too_long() -> ItemErrors:
    return unreadable(f"is longer than {MOST_LINE:,} octets", FaultCode.TOO_LONG)


def unreadable(words: str, code: FaultCode) -> ItemErrors:
    """A recipient that could not be read."""
    return ItemErrors.of(LINE, Fault(words, code))


def _value(line: bytes) -> Any:
    if len(line) > MOST_LINE:
        return too_long()
    try:
        return decode(line)
    except Problem as problem:
        words = problem.detail.removeprefix("Line 1, ").rstrip(".")
        return unreadable(f"is not JSON: {words[:1].lower()}{words[1:]}", FaultCode.NOT_JSON)
