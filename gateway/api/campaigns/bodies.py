"""A campaign as one JSON body, looked through in turns: where its members lie, and its recipients in small slices.

Nobody waits while a body of 60 MB is read: a turn looks at 64 KiB. Each slice is decoded once to be sure that all is
JSON before anything is kept, and once more when its recipients are checked, so that only the octets stay in memory.
"""

import re
from collections.abc import AsyncIterator
from typing import Any

import trio

from gateway.api import problem_types
from gateway.api.bodies import decode
from gateway.api.large_bodies import MOST_DEPTH
from gateway.api.problems import Problem

MOST_RECIPIENT = 64 * 1024
"""Octets of one recipient."""
MOST_DEFINITION = 256 * 1024
"""Octets of all other members together."""
RECIPIENTS = b'"recipients"'
_SLICE_ITEMS = 100
_TURN = 64 * 1024
_TOKENS = 5_000

_BLANK = rb"[ \t\r\n]*+"
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_FLAT = rb"(?:" + _STRING + rb'|\{(?:[^{}\[\]"]++|' + _STRING + rb")*+\}|[-+.\w]++)"
"""A value without objects or arrays within; what stands between its quotes and braces is the decoder's to judge."""
_blank = re.compile(_BLANK).match
_member = re.compile(rb"(" + _STRING + rb")" + _BLANK + rb":", re.DOTALL).match
_value = re.compile(_FLAT, re.DOTALL).match
_run = re.compile(rb"(?:" + _BLANK + _FLAT + _BLANK + rb",){1,%d}+" % _SLICE_ITEMS, re.DOTALL).match
_element = re.compile(_BLANK + rb"(" + _FLAT + rb")" + _BLANK + rb",?", re.DOTALL).match
_token = re.compile(rb'[\[\]{}"]').search
_in_string = re.compile(rb'["\\]').search
_long_number = re.compile(rb"[0-9]{400}").search


class CampaignBody:
    """A body that was looked through: `definition` are its other members, decoded."""

    def __init__(self, body: bytearray) -> None:
        self._body = body
        self._slices: list[tuple[int, int]] = []
        self.definition: dict[str, Any] = {}
        self.has_recipients = False
        self.count = 0

    def recipients(self) -> AsyncIterator[list[Any]]:
        """In their order, some at a time."""
        return _Slices(self._body, self._slices)

    async def look_through(self, most_recipients: int) -> None:
        """Raises a Problem 400, 413 or 422."""
        members: list[bytes] = []
        size = 0
        at = await self._skip_blank(0)
        if at == len(self._body):
            raise Problem(problem_types.INVALID_JSON, "The body is empty.")
        if self._octet(at) != b"{":
            if self._octet(at) == b"[":
                raise Problem(
                    problem_types.NOT_AN_OBJECT, 'Send one campaign as an object: {"recipients": [...], ...}.'
                )
            raise await self._fault(at, "a JSON object is expected")
        at = await self._skip_blank(at + 1)
        while self._octet(at) != b"}":
            name = _member(self._body, at, at + MOST_DEFINITION)
            if name is None:
                raise await self._fault(at, "a member's name is expected, with a colon behind it")
            value_at = await self._skip_blank(name.end())
            if name[1] == RECIPIENTS and self._octet(value_at) == b"[":
                if self.has_recipients:
                    raise Problem(problem_types.INVALID_JSON, 'An object has the member "recipients" twice.')
                self.has_recipients = True
                at = await self._look_at_recipients(value_at + 1, most_recipients)
            else:
                end = await self._skip_value(value_at)
                size += end - at
                if size > MOST_DEFINITION:
                    raise _too_large("All but the recipients has", MOST_DEFINITION)
                members.append(bytes(self._body[at:end]))
                at = end
            at = await self._behind(at, b"}")
        if await self._skip_blank(at + 1) < len(self._body):
            raise await self._fault(at + 1, "the end of the body is expected")
        self.definition = decode(b"{" + b",".join(members) + b"}")
        if self.has_recipients and "recipients" in self.definition:
            raise Problem(problem_types.INVALID_JSON, 'An object has the member "recipients" twice.')

    async def _behind(self, at: int, closing: bytes) -> int:
        """Where the next member or element begins, or the closing mark stands."""
        at = await self._skip_blank(at)
        if self._octet(at) == b",":
            at = await self._skip_blank(at + 1)
            if self._octet(at) != closing:
                return at
        elif self._octet(at) == closing:
            return at
        raise await self._fault(at, f"a comma or {closing.decode()} is expected")

    async def _look_at_recipients(self, at: int, most: int) -> int:
        """Behind the array that begins before `at`."""
        at = await self._skip_blank(at)
        while self._octet(at) != b"]":
            run = _run(self._body, at, at + _TURN)
            if run is not None:
                # Its last comma has one more element behind it.
                self._keep(at, run.end() - 1)
                at = await self._skip_blank(run.end())
                if self._octet(at) == b"]":
                    raise await self._fault(at, "one more recipient is expected behind the comma")
            else:
                end = await self._skip_value(at)
                if end - at > MOST_RECIPIENT:
                    raise _too_large(f"recipients[{self.count}] has", MOST_RECIPIENT)
                self._keep(at, end)
                at = await self._behind(end, b"]")
            if self.count > most:
                raise too_many_recipients(most)
            await trio.lowlevel.checkpoint()
        return at + 1

    def _keep(self, start: int, end: int) -> None:
        self.count += len(_decoded(bytes(self._body[start:end]), self.count))
        self._slices.append((start, end))

    async def _skip_value(self, at: int) -> int:
        """Behind the value at this place, whatever it holds."""
        found = _value(self._body, at, at + _TURN)
        if found is not None and found.end() < at + _TURN:
            return found.end()
        if self._octet(at) not in (b"[", b"{", b'"'):
            raise await self._fault(at, "a value is expected")
        depth, in_string = 0, False
        while at < len(self._body):
            end, tokens = at + _TURN, 0
            search = _in_string if in_string else _token
            while tokens < _TOKENS and (mark := search(self._body, at, end)):
                at, tokens = mark.end(), tokens + 1
                octet = mark[0]
                if in_string and octet == b"\\":
                    at += 1
                    continue
                if octet == b'"':
                    in_string = not in_string
                    search = _in_string if in_string else _token
                elif octet in b"[{":
                    depth += 1
                    if depth > MOST_DEPTH:
                        raise Problem(problem_types.INVALID_JSON, "The body is nested too deep.")
                else:
                    depth -= 1
                if depth == 0 and not in_string:
                    return at
            if tokens < _TOKENS:
                at = max(at, end)
            await trio.lowlevel.checkpoint()
        raise await self._fault(len(self._body), "the body ends too early")

    async def _skip_blank(self, at: int) -> int:
        while True:
            found = _blank(self._body, at, at + _TURN)
            end = at if found is None else found.end()
            if end < at + _TURN or end >= len(self._body):
                return min(end, len(self._body))
            at = end
            await trio.lowlevel.checkpoint()

    def _octet(self, at: int) -> bytes:
        return bytes(self._body[at : at + 1])

    async def _fault(self, at: int, words: str) -> Problem:
        """With line and column, from 1."""
        line, newest = 1, 0
        for start in range(0, at, 16 * _TURN):
            end = min(at, start + 16 * _TURN)
            line += self._body.count(b"\n", start, end)
            newest = max(newest, self._body.rfind(b"\n", start, end) + 1)
            await trio.lowlevel.checkpoint()
        if at >= len(self._body):
            words = "the body ends too early"
        return Problem(problem_types.INVALID_JSON, f"Line {line}, column {at - newest + 1}: {words}.")


class _Slices:
    def __init__(self, body: bytearray, slices: list[tuple[int, int]]) -> None:
        self._body = body
        self._left = iter(slices)

    def __aiter__(self) -> "_Slices":
        return self

    async def __anext__(self) -> list[Any]:
        for start, end in self._left:
            return _decoded(bytes(self._body[start:end]), 0)
        raise StopAsyncIteration


def _decoded(part: bytes, first: int) -> list[Any]:
    """The recipients in a piece of the array, of which the first is the `first` of all. Raises a Problem 400."""
    if len(part) > _TURN // 4 and _long_number(part):
        raise Problem(problem_types.INVALID_JSON, "The body has a number with too many digits.")
    array = b"[" + part + b"]"
    try:
        return list(decode(array))
    except Problem as fault:
        raise _in_recipient(part, first) or fault from None


def _in_recipient(part: bytes, first: int) -> Problem | None:
    """The fault of the first recipient that has one."""
    at = 0
    while (found := _element(part, at)) is not None:
        try:
            decode(found[1])
        except Problem as fault:
            return Problem(problem_types.INVALID_JSON, f"recipients[{first}]: {fault.detail}")
        at, first = found.end(), first + 1
    return None


def _too_large(what: str, most: int) -> Problem:
    return Problem(problem_types.BODY_TOO_LARGE, f"{what} more than {most:,} bytes.", members={"limit_bytes": most})


def too_many_recipients(most: int) -> Problem:
    return Problem(
        problem_types.TOO_MANY_RECIPIENTS,
        f"There are more than {most:,} recipients, which are the most in one such body.",
        members={"limit": most},
    )
