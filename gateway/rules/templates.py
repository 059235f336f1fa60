"""Templates: a text with fields and choices, read once, and rendered for each recipient. Pure.

The choice follows from the template and the seed (the recipient's number), so that a repeat says the same, and each
variant is as likely as any other. How texts are read is gateway.rules.template_syntax's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.rules.template_syntax import Choice, Field, Piece, Sequence, read_text
from gateway.rules.values import LARGEST_INTEGER, type_fault, unstorable
from protocol.segments import MAX_PARTS

MOST_VARIANTS = 1_000
MOST_VALUE = 5_000
"""Characters of one value."""
MOST_VARIANT_SHOWN = 60
_MOST_RENDERED = MAX_PARTS * 153
_MOST_KEPT = 256
"""Templates kept read."""
_MOST_PIECES_KEPT = 10_000
"""Of one template's variants, so that memory is bounded whatever texts come."""
_MISSING = "is missing: the text has {{{}}} without a default"


class Rendered(NamedTuple):
    """A text for one recipient."""

    text: str
    variant: str | None
    """The options chosen, at most 60 characters; None: there was nothing to choose."""


class _Plan(NamedTuple):
    """One variant, laid out: pieces to be joined, where the fields stand among them, and what it is called."""

    pieces: list[str]
    fields: list[tuple[int, Field]]
    variant: str | None


class Template:
    """A text that was read. Make it with `parse_template`."""

    __slots__ = ("_hash", "_kept", "_needed", "_plans", "_root", "fields", "variants")

    def __init__(self, text: str, root: Sequence, variants: int) -> None:
        found = list(_fields(root))
        self.fields = frozenset(field.name for field in found)
        """All that it has, with a default or without."""
        self.variants = variants
        """How many texts it may become, before any value is put in."""
        self._needed = tuple(dict.fromkeys(field.name for field in found if field.default is None))
        self._root = root
        self._plans: dict[int, _Plan] = {}
        self._kept = 0
        self._hash = hashlib.blake2b(text.encode(), digest_size=8)

    def render(self, values: Mapping[str, Any], seed: str, *, at: str = "variables.") -> Rendered | ItemErrors:
        """The text for one recipient, whose number is the seed, or all that is wrong with the values.

        A field that is needed has to be given whichever variant is chosen. Values that it does not use are not looked
        at. An error is told of `at` and the field's name.
        """
        for name in self._needed:
            if values.get(name) is None:
                return self._errors(values, at)
        plan = self._plan(seed)
        pieces = plan.pieces.copy()
        for place, (name, default) in plan.fields:
            value = values.get(name)
            if type(value) is str and len(value) <= MOST_VALUE:
                pieces[place] = value
            elif value is None:
                pieces[place] = default or ""
            else:
                written = written_value(value)
                if isinstance(written, Fault):
                    return self._errors(values, at)
                pieces[place] = written
        if plan.fields and sum(map(len, pieces)) > _MOST_RENDERED:
            return _too_long()
        text = "".join(pieces)
        # The whole text at once: what is wrong in it is in one of the values, since the template was looked at.
        if plan.fields and unstorable(text) is not None:
            return self._errors(values, at)
        return Rendered(text, plan.variant)

    def _errors(self, values: Mapping[str, Any], at: str) -> ItemErrors:
        errors = ItemErrors()
        for name in sorted(self.fields):
            value = values.get(name)
            written = "" if value is None else written_value(value)
            if isinstance(written, Fault):
                errors.add(at + name, written)
            elif value is None and name in self._needed:
                errors.add(at + name, Fault(_MISSING.format(name), FaultCode.MISSING))
        return errors

    def _plan(self, seed: str) -> _Plan:
        number = 0
        if self.variants > 1:
            chosen = self._hash.copy()
            chosen.update(b"\0" + seed.encode("utf-8", "surrogatepass"))
            number = int.from_bytes(chosen.digest()) % self.variants
        plan = self._plans.get(number)
        if plan is None:
            plan = _planned(self._root, number, self.variants)
            self._kept += len(plan.pieces)
            if self._kept <= _MOST_PIECES_KEPT or not self._plans:
                self._plans[number] = plan
        return plan


@lru_cache(maxsize=_MOST_KEPT)
def parse_template(text: str, *, spintax: bool) -> Template | Fault:
    """The template of a text, or what is wrong with it and where. `spintax`: whether `{a|b}` is a choice."""
    root = read_text(text, spintax=spintax)
    if isinstance(root, Fault):
        return root
    variants = _count(root)
    if variants > MOST_VARIANTS:
        words = f"has more than {MOST_VARIANTS:,} variants; take out some choices"
        return Fault(words, FaultCode.TOO_MANY_VARIANTS)
    return Template(text, root, variants)


def text_fault(value: Any, *, spintax: bool) -> Fault | None:
    """What is wrong with the text of a template as a body gives it."""
    if value is None:
        return Fault("is missing", FaultCode.MISSING)
    if type(value) is not str:
        return type_fault(value, "a string")
    if not value:
        return Fault("is empty", FaultCode.EMPTY)
    template = parse_template(value, spintax=spintax)
    return template if isinstance(template, Fault) else None


def written_value(value: Any) -> str | Fault:
    """A value as it stands in the text: numbers and booleans as JSON writes them."""
    kind = type(value)
    if kind is str:
        if len(value) > MOST_VALUE:
            words = f"is too long: {len(value):,} characters, {MOST_VALUE:,} are the most"
            return Fault(words, FaultCode.TOO_LONG)
        return unstorable(value) or value
    if kind is bool:
        return "true" if value else "false"
    if (kind is int and abs(value) <= LARGEST_INTEGER) or kind is float:
        return msgspec.json.encode(value).decode()
    return type_fault(value, "a string, a number, true or false")


def _too_long() -> ItemErrors:
    words = f"is too long with its values: {_MOST_RENDERED:,} characters are the most"
    return ItemErrors.of("text", Fault(words, FaultCode.TOO_MANY_SEGMENTS))


def _fields(pieces: Sequence) -> Iterator[Field]:
    for piece in pieces:
        if isinstance(piece, Field):
            yield piece
        elif isinstance(piece, Choice):
            for option in piece.options:
                yield from _fields(option)


def _count(pieces: Sequence) -> int:
    """How many texts these may become."""
    variants = 1
    for piece in pieces:
        if isinstance(piece, Choice):
            variants *= sum(map(_count, piece.options))
    return variants


def _planned(root: Sequence, number: int, variants: int) -> _Plan:
    """The variant of that number, from 0."""
    chosen: list[str] = []
    pieces: list[str] = []
    fields: list[tuple[int, Field]] = []
    for piece in root:
        flat, number = _flat((piece,), number)
        if isinstance(piece, Choice):
            chosen.append("".join(map(_as_written, flat)) or "(nothing)")
        for one in flat:
            if isinstance(one, Field):
                fields.append((len(pieces), one))
            pieces.append(one if isinstance(one, str) else "")
    return _Plan(pieces, fields, None if variants == 1 else _name(" | ".join(chosen), chosen))


def _flat(pieces: Sequence, number: int) -> tuple[list[str | Field], int]:
    """Texts and fields once every choice is made by the number, and what is left of the number."""
    found: list[str | Field] = []
    for piece in pieces:
        if not isinstance(piece, Choice):
            found.append(piece)
            continue
        number, mine = divmod(number, _count((piece,)))
        for option in piece.options:
            count = _count(option)
            if mine < count:
                found += _flat(option, mine)[0]
                break
            mine -= count
    return found, number


def _as_written(piece: Piece) -> str:
    return f"{{{piece.name}}}" if isinstance(piece, Field) else str(piece)


def _name(name: str, chosen: list[str]) -> str:
    """Names that would be too long keep apart by a digest of the whole."""
    if len(name) <= MOST_VARIANT_SHOWN:
        return name
    digest = hashlib.blake2b("\0".join(chosen).encode(), digest_size=3).hexdigest()
    return f"{name[: MOST_VARIANT_SHOWN - 9]}… #{digest}"
