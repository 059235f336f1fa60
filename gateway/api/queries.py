"""Query parameters and ids of paths, checked: what is not a parameter of the call is refused rather than ignored."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import trio
from quart import Request

from gateway import identifiers
from gateway.api.problems import Problem, invalid_field, invalid_fields, not_found
from gateway.desk.cursors import position_of
from gateway.rules.faults import FaultCode

LIMIT = 50
MOST = 500
_ROWS_PER_TURN = 50
Row = TypeVar("Row")
Entity = TypeVar("Entity")


class Paging(NamedTuple):
    limit: int
    cursor: int | None


def parameters(request: Request, *names: str) -> dict[str, str]:
    """The call's own parameters by name. Raises a Problem 422 for others, for one given twice, and for U+0000."""
    fields: dict[str, list[str]] = {}
    codes: dict[str, list[str]] = {}
    for name, values in request.args.lists():
        fault = None
        if name not in names:
            fault = f"is not a parameter of this call; it takes {', '.join(names)}", FaultCode.UNKNOWN_FIELD
        elif len(values) > 1:
            fault = "is given more than once", FaultCode.GIVEN_TWICE
        elif "\0" in values[0]:
            fault = "holds U+0000", FaultCode.NUL
        if fault is not None:
            fields[name[:40]], codes[name[:40]] = [fault[0]], [fault[1].value]
    if fields:
        raise invalid_fields(fields, codes, done="Nothing was looked up")
    return {name: values[0] for name, values in request.args.lists()}


def paging(given: dict[str, str]) -> Paging:
    """`limit` and `cursor` of a list. Raises a Problem 422."""
    limit = given.get("limit", str(LIMIT))
    if not limit.isascii() or not limit.isdigit() or len(limit) > 9 or not 1 <= int(limit) <= MOST:
        raise invalid_field("limit", f"must be a number from 1 to {MOST}", _range_code(limit))
    cursor = given.get("cursor")
    if cursor is None:
        return Paging(int(limit), None)
    position = position_of(cursor)
    if position is None:
        raise not_a_cursor()
    return Paging(int(limit), position)


def not_a_cursor() -> Problem:
    """A 422 for a `cursor` that no list gave."""
    return invalid_field("cursor", "is not a next_cursor that this API gave", "not_a_cursor")


def flag(given: Mapping[str, str], name: str) -> bool:
    """A parameter that is false unless it is given as true. Raises a Problem 422."""
    word = given.get(name, "false")
    if word not in ("true", "false"):
        raise invalid_field(name, "must be true or false", FaultCode.WRONG_TYPE.value)
    return word == "true"


async def rendered(rows: Sequence[Row], render: Callable[[Row], Entity]) -> list[Entity]:
    """Rows as callers see them; others get their turns meanwhile."""
    found: list[Entity] = []
    for start in range(0, len(rows), _ROWS_PER_TURN):
        if start:
            await trio.lowlevel.checkpoint()
        found += map(render, rows[start : start + _ROWS_PER_TURN])
    return found


def message_id(text: str) -> int:
    """The integer behind a message's id in a path. Raises a Problem 404, with a hint for ids of the caller's own."""
    found = identifiers.internal(identifiers.MESSAGE, text)
    if found is None:
        problem = not_found("message")
        if not text.startswith(identifiers.MESSAGE):
            problem.detail = "Ids of messages begin with msg_. Look for your own with GET /v1/sms?client_id=..."
        raise problem
    return found


def event_id(text: str) -> int:
    """The integer behind an event's id in a path. Raises a Problem 404."""
    return _id(identifiers.EVENT, text, "event")


def campaign_id(text: str) -> int:
    """The integer behind a campaign's id in a path. Raises a Problem 404."""
    return _id(identifiers.CAMPAIGN, text, "campaign")


def _id(prefix: str, text: str, what: str) -> int:
    found = identifiers.internal(prefix, text)
    if found is None:
        raise not_found(what)
    return found


def _range_code(limit: str) -> str:
    digits = limit.removeprefix("-")
    if not digits.isascii() or not digits.isdigit():
        return FaultCode.WRONG_TYPE.value
    return (FaultCode.TOO_SMALL if limit.startswith("-") or set(limit) == {"0"} else FaultCode.TOO_LARGE).value
