"""What lists are filtered by, read from what was asked for by name: each value that is wrong is told, by its name.

In a query a plus means a blank, and few remember to write %2B: numbers and offsets of times are read with it put back.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from gateway import identifiers
from gateway.desk.faults import WrongFields
from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.rules.numbers import Numbers
from gateway.rules.timestamps import parse_rfc3339
from gateway.rules.values import read_label

T = TypeVar("T")
CREATED = ("created_after", "created_before")
_MOST_SENDER = 21
_LOST_PLUS = re.compile(r" (?=\d\d:\d\d\Z)", re.ASCII)


class Filters:
    """The parameters of one call; what is wrong is collected, and raised by `refuse_wrong`."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self._errors = ItemErrors()

    def read(self, name: str, parse: Callable[[str], T | Fault]) -> T | None:
        """What the parameter says; None where it is not given or wrong."""
        text = self._given.get(name)
        if text is None:
            return None
        found = parse(text) if text else Fault("is empty; leave it out or give it a value", FaultCode.EMPTY)
        if isinstance(found, Fault):
            self._errors.add(name, found)
            return None
        return found

    def one_of(self, name: str, values: Collection[str]) -> str | None:
        return self.read(name, lambda text: text if text in values else _not_among(name, values))

    def some_of(self, name: str, values: Collection[str]) -> list[str] | None:
        """Several with commas."""

        def parse(text: str) -> list[str] | Fault:
            found = list(dict.fromkeys(text.split(",")))
            if set(found) <= set(values):
                return found
            return _not_among(name, values, "; several with commas")

        return self.read(name, parse)

    def id_of(self, name: str, prefix: str, what: str) -> int | None:
        """The integer behind a public id. One that no such thing has is none's, and so finds nothing."""

        def parse(text: str) -> int | Fault:
            found = identifiers.internal(prefix, text)
            return _not_an_id(what, prefix) if found is None else found

        return self.read(name, parse)

    def times(self, names: tuple[str, str] = CREATED) -> tuple[int | None, int | None]:
        """Both ends of a range of time in milliseconds."""
        after, before = (self.read(name, parse_time) for name in names)
        if after is not None and before is not None and before < after:
            self._errors.add(names[1], Fault(f"is before {names[0]}", FaultCode.TOO_SMALL))
        return after, before

    def refuse(self, names: Collection[str], words: str) -> None:
        """These are not to be given."""
        for name in names:
            if name in self._given:
                self._errors.add(name, Fault(words, FaultCode.UNKNOWN_FIELD))

    def refuse_wrong(self) -> None:
        """Raises WrongFields where anything was."""
        if self._errors.fields:
            raise WrongFields(self._errors)


def parse_time(text: str) -> int | Fault:
    at = parse_rfc3339(_LOST_PLUS.sub("+", text))
    if at is None:
        return Fault(
            "is not a time: write it as RFC 3339 with its zone, such as 2026-11-21T18:04:05Z", FaultCode.NOT_A_TIME
        )
    return at


def parse_number(text: str, numbers: Numbers) -> str | Fault:
    """A recipient as messages have it."""
    found = numbers.check(_with_plus(text))
    return found if isinstance(found, Fault) else found.e164


def parse_sender(text: str) -> str | Fault:
    """A number or a name as it stands."""
    return read_label(_with_plus(text), _MOST_SENDER)


def _with_plus(text: str) -> str:
    return f"+{text[1:]}" if text[0] == " " and text[1:].isdecimal() else text


def _not_among(name: str, values: Collection[str], more: str = "") -> Fault:
    named = {"status": FaultCode.UNKNOWN_STATUS, "lane": FaultCode.UNKNOWN_LANE}
    return Fault(f"must be of {', '.join(values)}{more}", named.get(name, FaultCode.UNKNOWN_VALUE))


def _not_an_id(what: str, prefix: str) -> Fault:
    return Fault(f"is not the id of a {what}: those begin with {prefix}", FaultCode.NOT_AN_ID)
