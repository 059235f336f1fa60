"""The file of `sluice bulk`: CSV or NDJSON, examined whole before anything is sent, and then read row by row.

What makes the file unreadable is found by the examination; what is wrong with one row is that row's own fault.
Memory stays flat however many rows there are.
"""

import csv
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

NUMBER_NAMES = ("to", "phone")
"""Columns that may hold the number; the first of them that is there does."""
REFUSAL_NAMES = ("refused_line", "refused_code", "refused_reason")
"""Columns that the file of errors has before the rows' own: no fields, when it is given back corrected."""
_DELIMITERS = ",;\t"
_MOST_LINE = 128 * 1024
"""Characters of one cell of a CSV file (as Python's csv has it), octets of one line of NDJSON."""
_MOST_DIGITS = 20
"""Of a whole number: 64 bits."""
_DEEPEST = 3
"""Arrays and objects in each other: `tlvs` and `variables` of a message need two."""


class FileError(Exception):
    """The file cannot be used; its text is for the user."""


class Format(Enum):
    """How the file is written."""

    CSV = "csv"
    NDJSON = "ndjson"


class Row(NamedTuple):
    """One recipient."""

    line: int
    """Where it begins in the file, from 1."""
    cells: tuple[str, ...]
    """As it was written: those of the header's columns, or the whole line of NDJSON."""
    fields: Mapping[str, Any]
    fault: str | None = None
    """Why there are no fields."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was examined."""

    path: Path
    format: Format
    digest: str
    """SHA-256, in hexadecimal."""
    count: int
    """Rows, the good and the bad."""
    columns: tuple[str, ...]
    """Of the CSV file's header; none of NDJSON."""
    _seen: tuple[int, int]

    def rows(self) -> Iterator[Row]:
        """All rows in their order. Raises FileError when the file is not what was examined any more."""
        with self.path.open("rb") as file:
            for row in _rows(file, self.format):
                if _stamp(file) != self._seen:
                    raise FileError(f"{self.path} was changed while it was read. What was sent of it stays sent.")
                yield row


def examine(path: Path, format_: Format | None) -> Source:
    """Reads all of the file. `format_`: None goes by its name. Raises FileError."""
    known = format_ or (Format.NDJSON if path.suffix.lower() in {".ndjson", ".jsonl"} else Format.CSV)
    try:
        if path.exists() and not path.is_file():
            raise FileError(f"{path} is not a plain file. It is read twice, so a pipe does not do.")
        with path.open("rb") as file:
            seen = _stamp(file)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            columns = _header(file)[0] if known is Format.CSV else ()
            file.seek(0)
            count = sum(1 for _ in _rows(file, known))
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}") from None
    if not count:
        raise FileError(f"{path} has no rows.")
    return Source(path, known, digest, count, columns, seen)


def _stamp(file: BinaryIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def _rows(file: BinaryIO, format_: Format) -> Iterator[Row]:
    return _csv_rows(file) if format_ is Format.CSV else _ndjson_rows(file)


def _csv_rows(file: BinaryIO) -> Iterator[Row]:
    header, records = _header(file)
    kept = set(header) - {"", *REFUSAL_NAMES}
    for line, cells in records:
        if len(cells) > len(header):
            words = f"has {len(cells)} cells, the header has {len(header)}; quote a cell that holds the delimiter"
            yield Row(line, tuple(cells), {}, words)
        else:
            # An empty cell is no value, so that a default of the template stands in for it.
            fields = {name: cell for name, cell in zip(header, cells, strict=False) if cell and name in kept}
            yield Row(line, tuple(cells), fields)


def _header(file: BinaryIO) -> tuple[tuple[str, ...], Iterator[tuple[int, list[str]]]]:
    """The names of the columns, and the records behind them."""
    lines = _lines(file)
    first = next(lines, "")
    delimiter = max(_DELIMITERS, key=first.count)
    records = _records(chain((first,), lines), delimiter)
    _, names = next(records, (1, []))
    header = tuple(name.strip() for name in names)
    twice = next((name for at, name in enumerate(header) if name and name in header[:at]), None)
    if twice is not None:
        raise FileError(f"The header names the column {twice!r} twice.")
    if not any(name in header for name in NUMBER_NAMES):
        shown = ", ".join(name[:40] for name in header[:10]) or "nothing"
        raise FileError(f"The first line has to name the columns, one of them `to` or `phone`; it says: {shown}.")
    return header, records


def _records(lines: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """What stands in the records that hold anything, and where each begins."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            why = "a quote is opened that is never closed" if "end of data" in str(error) else str(error)
            raise FileError(f"The record that begins in line {line} is not CSV: {why}.") from None
        if len(cells) > 1 or (cells and cells[0].strip()):
            yield line, cells


def _lines(file: BinaryIO) -> Iterator[str]:
    """Decoded, with their ends. Raises FileError at the first that is not UTF-8, or too long."""
    number = 0
    while octets := file.readline(_MOST_LINE + 1):
        number += 1
        if len(octets) > _MOST_LINE:
            raise FileError(f"Line {number} is longer than {_MOST_LINE:,} octets.")
        try:
            yield octets.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise FileError(f"Line {number} is not UTF-8. Save the file as UTF-8.") from None


def _ndjson_rows(file: BinaryIO) -> Iterator[Row]:
    for number, line in enumerate(_lines(file), start=1):
        text = line.strip()
        if text:
            yield _ndjson_row(number, text)


def _ndjson_row(number: int, text: str) -> Row:
    try:
        value = json.loads(text, parse_constant=_no_number, parse_int=_whole_number)
    except (ValueError, RecursionError):
        return Row(number, (text,), {}, "is not JSON, or holds a number beyond 64 bits")
    if isinstance(value, str):
        value = {"to": value}
    if not isinstance(value, dict):
        return Row(number, (text,), {}, 'is neither an object, such as {"to": "+34600000001"}, nor a number in quotes')
    if _is_deep(value, _DEEPEST):
        return Row(number, (text,), {}, "has values that are nested too deep")
    return Row(number, (text,), value)


def _whole_number(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        # Long numbers would have the gateway refuse the whole request.
        raise ValueError(digits[:_MOST_DIGITS])
    return int(digits)


def _no_number(name: str) -> float:
    raise ValueError(name)


def _is_deep(value: Any, left: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return left == 0 or any(_is_deep(item, left - 1) for item in inner)
