"""Recipients as CSV (RFC 4180, read by Python's csv), in pieces: the fields of each record by the header's names.

Quoted fields with line ends, a BOM, and `;` or tabs between the fields are taken. Memory stays flat whatever comes.
"""

import codecs
import csv
import io
from collections.abc import Collection
from typing import Any

from gateway.api.problems import Problem, invalid_fields
from gateway.api.uploads.ndjson_lines import MOST_LINE, unreadable
from gateway.rules.campaign_checks import PHONE_NAMES
from gateway.rules.faults import FaultCode, ItemErrors

RECIPIENTS = "recipients"
MOST_COLUMNS = 200
_MOST_NAME = 64
_ENOUGH = 16 * 1024
"""Octets with which a record that was begun is looked at again."""
_DELIMITERS = ",;\t"


class _NeedMore(Exception):  # noqa: N818 - no fault: the record goes on in the next piece
    """The lines are used up in the midst of a record."""


class _Lines:
    """Lines for csv.reader, which knows how many it took."""

    def __init__(self, lines: list[str], *, last: bool) -> None:
        self._lines = lines
        self._last = last
        self.at = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self.at == len(self._lines):
            raise StopIteration if self._last else _NeedMore
        self.at += 1
        return self._lines[self.at - 1]


class CsvReader:
    """Fed with pieces of a body; a piece larger than some 16 KiB would hold the loop for long."""

    def __init__(self, number_names: Collection[str] = PHONE_NAMES) -> None:
        """`number_names`: of its columns, those that may hold the number; one of them is needed."""
        self._number_names = number_names
        # What is not UTF-8 becomes halves of surrogate pairs, which nothing else makes here.
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="surrogateescape")
        self._text = ""
        self._fresh = bytearray()
        self._skipping = False
        self._delimiter = ","
        self.header: list[str] | None = None

    def feed(self, piece: bytes, *, last: bool) -> list[Any]:
        """The recipients that the piece completes: their fields, or ItemErrors of records that are none.

        Raises a Problem 422 for a header that can't be used.
        """
        self._fresh += piece
        if len(self._fresh) < min(len(self._text), _ENOUGH) and not last:
            # The record that was begun is read again with each piece: with many small ones, only as it doubles.
            return []
        text = self._text + self._decoder.decode(self._fresh, last)
        self._fresh.clear()
        if self._skipping:
            end = text.find("\n")
            if end < 0:
                self._text = ""
                return []
            text, self._skipping = text[end + 1 :], False
        lines = list(io.StringIO(text, newline=""))
        # A carriage return may be half of a line end.
        rest = lines.pop() if lines and not last and not lines[-1].endswith("\n") else ""
        if self.header is None and lines:
            self._delimiter = _delimiter(lines[0])
        found: list[Any] = []
        used = self._records(lines, found, last=last)
        left = "".join(lines[used:]) + rest
        if len(left) > MOST_LINE:
            left = self._give_up(left, found)
        self._text = left
        if last and self.header is None:
            raise _no_header("is empty; its first line names the columns", FaultCode.EMPTY)
        return found

    def _records(self, lines: list[str], found: list[Any], *, last: bool) -> int:
        """Read whole records; how many lines they were."""
        source = _Lines(lines, last=last)
        reader = csv.reader(source, delimiter=self._delimiter)
        start = 0
        while True:
            start = source.at
            try:
                row = next(reader)
            except (StopIteration, _NeedMore):
                return start
            except csv.Error:
                found.append(unreadable("is not CSV", FaultCode.NOT_CSV))
                continue
            taken = source.at - start
            if taken > 1 and last and source.at == len(lines) and _is_open(lines[start:]):
                # A quote swallowed the rest of the file: its own line is at fault, the others are read.
                found.append(_unclosed())
                source.at = start + 1
                continue
            if row and (len(row) > 1 or row[0].strip()):
                self._take(row, found)

    def _take(self, row: list[str], found: list[Any]) -> None:
        if not _is_text(row):
            if self.header is None:
                raise _no_header("is not UTF-8; save the file as UTF-8", FaultCode.NOT_UTF8)
            found.append(unreadable("is not UTF-8; save the file as UTF-8", FaultCode.NOT_UTF8))
        elif self.header is None:
            self.header = _checked_header(row, self._number_names)
        elif len(row) > len(self.header):
            words = (
                f"has {len(row)} values, the header names {len(self.header)}; quote a value that holds the delimiter"
            )
            found.append(unreadable(words, FaultCode.NOT_CSV))
        else:
            # An empty cell is no value, so that a default of the template stands in for it.
            found.append({name: value for name, value in zip(self.header, row, strict=False) if value and name})

    def _give_up(self, left: str, found: list[Any]) -> str:
        """A record without end: its first line is at fault, and reading goes on behind that."""
        if self.header is None:
            raise _no_header(f"has a first line of more than {MOST_LINE:,} characters", FaultCode.TOO_LONG)
        end = left.find("\n") + 1
        found.append(_unclosed() if 0 < end <= MOST_LINE else _too_long())
        self._skipping = end == 0
        # What is behind it is read with the next piece; more than two records' worth is never kept.
        return left[end:] if end else ""


def _is_text(row: list[str]) -> bool:
    """Whether all of it was UTF-8."""
    joined = "".join(row)
    if joined.isascii():
        return True
    try:
        joined.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_open(lines: list[str]) -> bool:
    return sum(line.count('"') for line in lines) % 2 == 1


def _delimiter(header: str) -> str:
    """The one that is there most often outside of names; a comma where none is."""
    counts = {mark: header.count(mark) for mark in _DELIMITERS}
    return max(_DELIMITERS, key=lambda mark: counts[mark])


def _checked_header(row: list[str], number_names: Collection[str]) -> list[str]:
    names = [name.strip() for name in row]
    if len(names) > MOST_COLUMNS:
        raise _no_header(f"has {len(names):,} columns, {MOST_COLUMNS} are the most", FaultCode.TOO_LONG)
    twice = next((name for at, name in enumerate(names) if name and name in names[:at]), None)
    if twice is not None:
        raise _no_header(f"has the column {_shown(twice)} twice", FaultCode.GIVEN_TWICE)
    if not any(name in number_names for name in names):
        shown = ", ".join(_shown(name) for name in names[:10])
        raise _no_header(f"has no column {min(number_names)}: its first line names {shown}", FaultCode.MISSING)
    return names


def _shown(name: str) -> str:
    return name[:_MOST_NAME].encode("utf-8", "replace").decode()


def _no_header(words: str, code: FaultCode) -> Problem:
    return invalid_fields({RECIPIENTS: [words]}, {RECIPIENTS: [code.value]})


def _unclosed() -> ItemErrors:
    return unreadable("opens a quote that is never closed", FaultCode.NOT_CSV)


def _too_long() -> ItemErrors:
    return unreadable(f"is longer than {MOST_LINE:,} characters", FaultCode.TOO_LONG)
