"""What one `sluice bulk` sends: the lines that a file and the options make, under one Idempotency-Key.

The same file with the same options makes the same lines under the same key, octet by octet: that is what makes a run
that was cut off go on where it was. Keys are kept for 24 hours; each message's own client_id guards it as long as the
message is kept.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gateway.cli.bulk.rows import NUMBER_NAMES, FileError, Format, Row, Source

_VERSION = 1
"""Of how messages are made: raised when the same options would make other ones."""
_JOB_LENGTH = 20
"""Hexadecimal digits; with a line's number the client_id stays below its 40 characters."""
_MOST_OCTETS = 128 * 1024
"""Of a batch: a gateway takes in as many though nobody reads its answers."""
_MOST_LINE = 64 * 1024
"""Octets that a gateway takes in one line."""
_SWITCHES = frozenset({"allow_unicode", "allowUnicode", "transliterate", "flash", "spintax"})
_COUNTS = frozenset({"max_parts", "validity"})
CLIENT_ID_NAMES = ("client_id", "clientId")


class Slice(NamedTuple):
    """A batch of rows, sent and counted together."""

    first_line: int
    """The number of the first of its lines; they follow on each other."""
    rows: list[Row]
    """Those that have a line, in its order."""
    refused: list[tuple[Row, str]]
    """Those that can have none, and why."""
    lines: list[bytes]


@dataclass(slots=True)
class _Filling:
    """A batch that takes rows as long as there is room."""

    first_line: int
    rows: list[Row] = field(default_factory=list)
    refused: list[tuple[Row, str]] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    octets: int = 0

    def has_room(self, octets: int) -> bool:
        """For one more line; the first finds room whatever its size."""
        return not self.lines or self.octets + octets <= _MOST_OCTETS

    def add(self, row: Row, line: bytes) -> None:
        self.rows.append(row)
        self.lines.append(line)
        self.octets += len(line)

    def whole(self) -> Slice:
        return Slice(self.first_line, self.rows, self.refused, self.lines)

    def next(self) -> "_Filling":
        """The one behind it."""
        return _Filling(self.first_line + len(self.lines))


@dataclass(frozen=True, slots=True)
class Options:
    """What is said of all rows: fields of a message, by their names in the API, but `text` and `template`."""

    text: str | None
    template: str | None
    fields: Mapping[str, Any]
    run: str
    batch: int


class Job:
    """A file to be sent in one way."""

    def __init__(self, source: Source, options: Options) -> None:
        """Raises FileError where neither the options nor the file have a text."""
        self.source = source
        self._options = options
        self._is_template = options.text is not None or options.template is not None
        if not self._is_template and source.format is Format.CSV and not {"text", "message"} & set(source.columns):
            raise FileError(
                "There is no text: give one by --template or --template-name, or have a column `text` in the file."
            )
        named = [_VERSION, source.digest, source.format.value, options.text, options.template, options.run]
        told = json.dumps([*named, sorted(options.fields.items())])
        self.id = hashlib.sha256(told.encode()).hexdigest()[:_JOB_LENGTH]

    @property
    def key(self) -> str:
        """The Idempotency-Key of all lines."""
        return f"bulk-{self.id}"

    def slices(self) -> Iterator[Slice]:
        """All rows in their order. Raises FileError when the file was changed."""
        filling = _Filling(1)
        for row in self.source.rows():
            line = None if row.fault is not None else self._encoded(row)
            if line is None or len(line) > _MOST_LINE:
                words = f"has more than {_MOST_LINE:,} octets" if line else "holds a number that JSON cannot carry"
                filling.refused.append((row, row.fault or words))
                continue
            if not filling.has_room(len(line)):
                yield filling.whole()
                filling = filling.next()
            filling.add(row, line)
            if len(filling.lines) == self._options.batch:
                yield filling.whole()
                filling = filling.next()
        if filling.rows or filling.refused:
            yield filling.whole()

    def item(self, row: Row) -> dict[str, Any]:
        """The message that a row asks for."""
        client_id = next((row.fields[name] for name in CLIENT_ID_NAMES if name in row.fields), None)
        own = {"client_id": f"bulk-{self.id}-{row.line}" if client_id is None else client_id}
        return own | (self._by_template(row) if self._is_template else self._as_it_stands(row))

    def is_own(self, client_id: str | None) -> bool:
        """Whether it is one that this job made up for a row."""
        return client_id is not None and client_id.startswith(f"bulk-{self.id}-")

    def _by_template(self, row: Row) -> dict[str, Any]:
        options = self._options
        wording = {"text": options.text} if options.text is not None else {"template": options.template}
        number_name = next((name for name in NUMBER_NAMES if name in row.fields), None)
        left_out = {number_name, *CLIENT_ID_NAMES}
        variables = {name: value for name, value in row.fields.items() if name not in left_out}
        number = {} if number_name is None else {"to": row.fields[number_name]}
        return {**number, **wording, **options.fields, "variables": variables}

    def _as_it_stands(self, row: Row) -> dict[str, Any]:
        fields = {name: value for name, value in row.fields.items() if name not in CLIENT_ID_NAMES}
        if "to" not in fields and "phone" in fields:
            fields["to"] = fields.pop("phone")
        if self.source.format is Format.CSV:
            fields = {name: _typed(name, value) for name, value in fields.items()}
        return {**self._options.fields, **fields}

    def _encoded(self, row: Row) -> bytes | None:
        try:
            return json.dumps(self.item(row), allow_nan=False, separators=(",", ":")).encode() + b"\n"
        except ValueError:
            return None


def _typed(name: str, cell: str) -> Any:
    """A cell as the API wants it; what cannot be read so is left for the gateway to refuse."""
    if name in _SWITCHES:
        return {"true": True, "false": False}.get(cell.strip().lower(), cell)
    if name in _COUNTS and cell.strip().isdecimal():
        return int(cell)
    return cell
