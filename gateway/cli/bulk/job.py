"""What one `sluice bulk` sends: the requests that a file and the options make, each with its Idempotency-Key.

The same file with the same options makes the same requests under the same keys, octet by octet: that is what makes a
run that was cut off go on where it was. Keys are kept for 24 hours; each message's own client_id guards it as long as
the message is kept, whatever the size of the requests.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gateway.cli.bulk.rows import NUMBER_NAMES, FileError, Format, Row, Source

_VERSION = 1
"""Of how requests are made: raised when the same options would make other ones."""
_JOB_LENGTH = 20
"""Hexadecimal digits; with a line's number the client_id stays below its 40 characters."""
_MOST_OCTETS = 1 << 20
"""Of one request, half of what a gateway takes (`http.body_limit`)."""
_MOST_VALUES = 15_000
"""Of one request; a gateway looks closer at bodies of 20,000, and may refuse them."""
_SWITCHES = frozenset({"allow_unicode", "allowUnicode", "transliterate", "flash", "spintax"})
_COUNTS = frozenset({"max_parts", "validity"})
CLIENT_ID_NAMES = ("client_id", "clientId")


class Slice(NamedTuple):
    """One request."""

    key: str
    rows: list[Row]
    """Those that are in its body, by their index there."""
    refused: list[tuple[Row, str]]
    """Those that can be in no body, and why."""
    body: bytes
    """Empty where there is nothing to send."""


@dataclass(slots=True)
class _Filling:
    """A request that takes rows as long as a gateway takes it."""

    rows: list[Row] = field(default_factory=list)
    refused: list[tuple[Row, str]] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    octets: int = 0
    values: int = 0

    def has_room(self, octets: int, values: int) -> bool:
        """For one more message; the first finds room whatever its size."""
        return not self.items or (self.octets + octets <= _MOST_OCTETS and self.values + values <= _MOST_VALUES)

    def add(self, row: Row, item: str, values: int) -> None:
        self.rows.append(row)
        self.items.append(item)
        self.octets += len(item) + 1
        self.values += values


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

    def slices(self) -> Iterator[Slice]:
        """All requests in their order. Raises FileError when the file was changed."""
        filling, number = _Filling(), 0
        for row in self.source.rows():
            item = row.fault or self._encoded(row)
            if row.fault is not None or item is None:
                filling.refused.append((row, row.fault or "holds a number that JSON cannot carry"))
                continue
            more = len(row.fields) + len(self._options.fields) + 4
            if not filling.has_room(len(item), more):
                yield self._slice(number, filling)
                filling, number = _Filling(), number + 1
            filling.add(row, item, more)
            if len(filling.items) == self._options.batch:
                yield self._slice(number, filling)
                filling, number = _Filling(), number + 1
        if filling.rows or filling.refused:
            yield self._slice(number, filling)

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

    def _encoded(self, row: Row) -> str | None:
        try:
            return json.dumps(self.item(row), allow_nan=False, separators=(",", ":"))
        except ValueError:
            return None

    def _slice(self, number: int, filled: _Filling) -> Slice:
        key = f"bulk-{self.id}-{self._options.batch}-{number}"
        body = f"[{','.join(filled.items)}]".encode() if filled.items else b""
        return Slice(key, filled.rows, filled.refused, body)


def _typed(name: str, cell: str) -> Any:
    """A cell as the API wants it; what cannot be read so is left for the gateway to refuse."""
    if name in _SWITCHES:
        return {"true": True, "false": False}.get(cell.strip().lower(), cell)
    if name in _COUNTS and cell.strip().isdecimal():
        return int(cell)
    return cell
