"""A template's text -> its pieces, or the fault that stands in the way and where. Pure.

`{name}` and `{name:default}` are fields; `{Hello|Hi}` is a choice, where choices are asked for, and may hold fields and
further choices. Outside of braces `{{` and `}}` are braces to be sent. What it becomes is gateway.rules.templates'.
"""

from __future__ import annotations

import re
from typing import NamedTuple, TypeAlias

from gateway.rules.faults import Fault, FaultCode
from gateway.rules.values import shown, unstorable

MOST_CHARACTERS = 5_000
MOST_BRACES = 500
"""That open: what bounds the time that reading takes, to a few milliseconds."""
MOST_DEPTH = 10
"""Of choices within choices."""
FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_ENDS_PLAIN = re.compile(r"[{}|]")


class Field(NamedTuple):
    """A value to be put in."""

    name: str
    default: str | None
    """None: it has to be given."""


class Choice(NamedTuple):
    """One of several."""

    options: tuple[Sequence, ...]


Piece: TypeAlias = str | Field | Choice
Sequence: TypeAlias = tuple[Piece, ...]


def read_text(text: str, *, spintax: bool) -> Sequence | Fault:
    """The pieces of a template's text, in their order."""
    if len(text) > MOST_CHARACTERS:
        words = f"is too long for a template: {len(text):,} characters, {MOST_CHARACTERS:,} are the most"
        return Fault(words, FaultCode.TOO_LONG)
    fault = unstorable(text)
    if fault is not None:
        return fault
    if text.count("{") > MOST_BRACES:
        return Fault(f"has more than {MOST_BRACES} opening braces", FaultCode.TOO_LONG)
    try:
        return _Reader(text, spintax=spintax).read()
    except _Wrong as wrong:
        return wrong.fault


def field_fault(name: str) -> Fault | None:
    """Why this can't be the name of a field."""
    if FIELD_NAME.fullmatch(name):
        return None
    words = f"'{shown(name)}' is no name of a field: 1 to 64 letters, digits, _, . and -, a letter or _ first"
    return Fault(words, FaultCode.TEMPLATE_NOT_VALID)


class _Wrong(Exception):  # noqa: N818 - it never leaves this file
    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.fault = Fault(words, FaultCode.TEMPLATE_NOT_VALID)


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, text: str, *, spintax: bool) -> None:
        self._text = text
        self._spintax = spintax
        self._at = 0
        self._closes = _closings(text)

    def read(self) -> Sequence:
        text, pieces = self._text, list[Piece]()
        while self._at < len(text):
            at, character = self._at, text[self._at]
            if character == "{" and not self._is_doubled(at):
                pieces.append(self._braces(1))
            elif character in "{}":
                if text[at + 1 : at + 2] != character:
                    raise _Wrong(f"has }} at position {at + 1} that closes nothing; write }}}} for a brace")
                pieces.append(character)
                self._at += 2
            else:
                pieces.append(self._plain())
        return _joined(pieces)

    def _is_doubled(self, at: int) -> bool:
        """Whether the brace here is the first of `{{`: not if a choice begins with a choice, as in `{{a|b} c|d}`.

        That is so where the two are not closed side by side; read as a brace to be sent, such a text would have a
        brace that closes nothing.
        """
        if self._text[at + 1 : at + 2] != "{":
            return False
        outer, inner = self._closes.get(at), self._closes.get(at + 1)
        return not self._spintax or outer is None or inner is None or outer == inner + 1

    def _braces(self, depth: int) -> Field | Choice:
        """What stands between a brace and the one that closes it; it ends behind that."""
        text, start = self._text, self._at
        end = self._closes.get(start)
        if end is None:
            raise _Wrong(f"has {{ at position {start + 1} that is not closed; write {{{{ for a brace")
        if depth > MOST_DEPTH:
            raise _Wrong(f"has choices within choices deeper than {MOST_DEPTH} at position {start + 1}")
        options, pieces = list[Sequence](), list[Piece]()
        self._at += 1
        while self._at < end:
            character = text[self._at]
            if character == "{":
                pieces.append(self._braces(depth + 1))
            elif character == "|":
                options.append(_joined(pieces))
                pieces = []
                self._at += 1
            else:
                pieces.append(self._plain())
        self._at = end + 1
        if not options:
            return _field(text[start + 1 : end], start + 1)
        if not self._spintax:
            raise _Wrong(f"has a choice at position {start + 1}; set spintax, or write {{{{ and }}}} for braces")
        return Choice((*options, _joined(pieces)))

    def _plain(self) -> str:
        if self._text[self._at] == "|":
            self._at += 1
            return "|"
        start, ends = self._at, _ENDS_PLAIN.search(self._text, self._at)
        self._at = len(self._text) if ends is None else ends.start()
        return self._text[start : self._at]


def _closings(text: str) -> dict[int, int]:
    """Where each opening brace would be closed, all braces being counted."""
    closes: dict[int, int] = {}
    opened: list[int] = []
    for at, character in enumerate(text):
        if character == "{":
            opened.append(at)
        elif character == "}" and opened:
            closes[opened.pop()] = at
    return closes


def _field(inside: str, position: int) -> Field:
    name, colon, default = inside.partition(":")
    if not inside:
        raise _Wrong(f"has {{}} at position {position}, without the name of a field; write {{{{}}}} for braces")
    if "{" in inside:
        raise _Wrong(f"has braces within braces at position {position}, where nothing is to be chosen with |")
    fault = field_fault(name)
    if fault is not None:
        raise _Wrong(f"has {{{shown(inside)}}} at position {position}, and {fault.words}")
    return Field(name, default if colon else None)


def _joined(pieces: list[Piece]) -> Sequence:
    """With neighbouring texts as one."""
    found: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and found and isinstance(found[-1], str):
            found[-1] += piece
        else:
            found.append(piece)
    return tuple(found)
