"""Large JSON bodies: looked through in slices before they are decoded, since nobody is served while one is.

What is decoded takes about as long as it has values, so those are counted first, and more than any good body has are
refused. What the JSON means, and where its faults are, is told by bodies.py.
"""

import re
from typing import Any

import trio

from gateway.api import problem_types
from gateway.api.bodies import UNREAD, decode, is_plain, read_quickly, read_slowly
from gateway.api.problems import Problem

VALUES_PER_MESSAGE = 40
"""A message has 14 fields, one of them with 10 TLVs; each is a value, and the message is one."""
LEAST_VALUES = 20_000
"""Taken in any body, however few messages a bulk may hold. To decode and check so many takes some 10 ms."""
MOST_DEPTH = 1_000
"""Of arrays and objects in each other; Python's own reader takes no more."""
MOST_DIGITS = 4_300
"""Of a number, as Python has it; in a large body, of all numbers beyond _LONG_NUMBER together."""
_LONG_NUMBER = 400
"""Octets. Larger ones take a time of their own to decode, by the square of their length."""
_SLICE = 64 * 1024
"""Octets looked through without a pause, with nothing in them."""
_TOKENS = 5_000
"""Looked at without a pause."""
_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)
_OUTSIDE = re.compile(rb'[\[\]{},"]')
_IN_STRING = re.compile(rb'["\\]')
_OPENING, _CLOSING, _COMMA, _QUOTE = frozenset(b"[{"), frozenset(b"]}"), ord(","), ord('"')


async def decode_in_turns(body: bytes, most_items: int) -> Any:
    """`decode`, with others served in between; what would hold the loop for long is refused.

    Raises a Problem 400 or 413.
    """
    if len(body) <= 2 * LEAST_VALUES:
        return decode(body)
    await _refuse_slow(body, most_items, max(LEAST_VALUES, VALUES_PER_MESSAGE * most_items))
    value = read_quickly(body)
    await trio.lowlevel.checkpoint()
    if value is UNREAD or not is_plain(value, body):
        await trio.lowlevel.checkpoint()
        value = read_slowly(body)
    await trio.lowlevel.checkpoint()
    return value


def is_slow(body: bytes, most_values: int) -> bool:
    """Whether it may hold so many values, or numbers so long, that decoding it would hold the loop."""
    return _has_many(body, most_values) or _has_long_number(body)


def _has_many(body: bytes, most_values: int) -> bool:
    # Each value but the first stands behind one of these, inside an array or an object.
    return body.count(b",") + body.count(b"[") + body.count(b"{") >= most_values


def _has_long_number(body: bytes) -> bool:
    return b"0" * _LONG_NUMBER in body.translate(_ZEROS)


async def _refuse_slow(body: bytes, most_items: int, most_values: int) -> None:
    has_many = _has_many(body, most_values)
    await trio.lowlevel.checkpoint()
    if has_many or _has_long_number(body):
        # Or a text has many commas, or many digits: only a closer look tells.
        await _Look(body, most_items, most_values).through()
    await trio.lowlevel.checkpoint()


class _Look:
    """One pass over a body, by its quotes, commas and brackets."""

    def __init__(self, body: bytes, most_items: int, most_values: int) -> None:
        self._body = body
        self._most_items = most_items
        self._most_values = most_values
        self._is_array = body.lstrip()[:1] == b"["
        self._values = self._items = 1
        self._depth = 0
        self._digits = 0
        self._number_from = 0

    async def through(self) -> None:
        """Raises a Problem for what a decoder must not be given."""
        body, size = self._body, len(self._body)
        at, in_string = 0, False
        while at < size:
            end, tokens = at + _SLICE, 0
            while tokens < _TOKENS and (found := (_IN_STRING if in_string else _OUTSIDE).search(body, at, end)):
                at, tokens = found.end(), tokens + 1
                octet = body[at - 1]
                if not in_string:
                    self._gap(at - 1)
                if octet == _QUOTE:
                    in_string = not in_string
                elif in_string:
                    at += 1  # what stands behind a backslash is no token
                else:
                    self._mark(octet)
                self._number_from = at
            if tokens < _TOKENS:
                at = max(at, end)
            await trio.lowlevel.checkpoint()

    def _mark(self, octet: int) -> None:
        if octet in _CLOSING:
            self._depth -= 1
            return
        self._values += 1
        if octet in _OPENING:
            self._depth += 1
            if self._depth > MOST_DEPTH:
                raise Problem(problem_types.INVALID_JSON, "The body is nested too deep.")
        elif self._depth == 1 and self._is_array:
            self._items += 1
            if self._items > self._most_items:
                raise too_many_items(None, self._most_items)
        if self._values > self._most_values:
            raise Problem(
                problem_types.BODY_TOO_LARGE,
                f"The body holds more than {self._most_values:,} values.",
                members={"limit_values": self._most_values},
            )

    def _gap(self, end: int) -> None:
        """What stands between two tokens outside of strings: blanks, a colon, and at most one number or word."""
        if end - self._number_from > _LONG_NUMBER:
            gap = self._body[self._number_from : end]
            self._digits += len(gap) - len(gap.translate(None, b"0123456789"))
            if self._digits > MOST_DIGITS:
                raise Problem(problem_types.INVALID_JSON, "The body has a number with too many digits.")


def too_many_items(count: int | None, most_items: int) -> Problem:
    """A bulk above its limit; None: it was not counted to its end."""
    held = f"more than {most_items:,} messages" if count is None else f"{count:,} messages"
    return Problem(
        problem_types.TOO_MANY_ITEMS,
        f"The array holds {held}; at most {most_items:,} go into one call.",
        members={"limit": most_items},
    )
