"""What text is sent in which alphabet: GSM 03.38 wherever it can carry the text, UCS-2 only where that was allowed.

A text is never cut, and never changed unless the account or the message asked for transliteration. How segments are
cut is protocol/segments.py's.
"""

from typing import NamedTuple
from unicodedata import combining

from gateway.rules.faults import Fault, FaultCode
from gateway.rules.transliteration import transliterated
from gateway.rules.values import unstorable
from protocol.segments import MAX_PARTS, count
from protocol.text import Encoding, NotEncodable, encode_gsm, unencodable

_MOST_CHARACTERS = MAX_PARTS * 153
_MOST_SEPTETS_ALONE = 160
_MOST_MARKS = 32
_LONG = 1_000
_SLICE = 1_000
"""Characters. Of a longer text that can't go, no more is looked at than up to what stands in its way."""
GSM7 = Encoding.GSM7.value


class ReadyText(NamedTuple):
    text: str
    encoding: str
    """`gsm7` or `ucs2`."""
    segments: int
    """By GSM 03.38 or UCS-2 as they stand; a carrier's own alphabet may need others."""


def fits_one(text: str) -> bool:
    """Whether `prepare` gives it as it is, in one segment of GSM 03.38: nearly every text."""
    try:
        return len(text) <= _MOST_SEPTETS_ALONE and len(encode_gsm(text)) <= _MOST_SEPTETS_ALONE
    except NotEncodable:
        return False


def prepare(text: str, *, allow_unicode: bool, transliterate: bool) -> ReadyText | Fault:
    """The text as it will be sent, or what stands against it. Each permission is used only where the text needs it.

    With both it is transliterated where that makes all of it GSM 03.38, and else goes as UCS-2, as it was.
    """
    if len(text) > _MOST_CHARACTERS:
        return unstorable(text) or _too_many(f"{len(text)} characters", f"{_MOST_CHARACTERS} are the most")
    foreign = unencodable(text) if len(text) > _LONG else None
    try:
        if foreign is None:
            is_one = len(encode_gsm(text)) <= _MOST_SEPTETS_ALONE
            return ReadyText(text, GSM7, 1) if is_one else _fitting(text, Encoding.GSM7)
    except NotEncodable as error:
        foreign = error.position, error.character
    # Only here, since what GSM 03.38 carries can be stored.
    fault = unstorable(text)
    if fault is not None:
        return fault
    if transliterate:
        stuck = _unencodable_at(text)
        plain = transliterated(text) if stuck is None else ""
        if stuck is None and (plain or not allow_unicode):
            return _fitting(plain, Encoding.GSM7) if plain else Fault("is empty once transliterated", FaultCode.EMPTY)
        foreign = stuck or foreign
    return _fitting(text, Encoding.UCS2) if allow_unicode else _needs_unicode(*foreign)


def _unencodable_at(text: str) -> tuple[int, str] | None:
    """The first character that nothing plain stands for, with its place in the caller's own text.

    A character may become several, and several may become one: a letter is looked at together with its marks. By
    slices, so that a text that can't go is not first rewritten whole.
    """
    start = 0
    while start < len(text):
        end = _next_letter(text, start + _SLICE, len(text))
        if unencodable(transliterated(text[start:end])) is not None:
            return _unencodable_in(text, start, end)
        start = end
    return None


def _unencodable_in(text: str, start: int, end: int) -> tuple[int, str]:
    """The same of a slice that has one. By halves, each letter whole: one character after the other takes 2 µs each."""
    while (middle := _next_letter(text, (start + end) // 2, end)) < end:
        if unencodable(transliterated(text[start:middle])) is not None:
            end = middle
        else:
            start = middle
    while (behind := _next_letter(text, start, end)) < end and unencodable(transliterated(text[start:behind])) is None:
        start = behind
    alone = (at for at in range(start, behind) if unencodable(transliterated(text[at])) is not None)
    at = next(alone, start)
    return at + 1, text[at]


def _next_letter(text: str, at: int, end: int) -> int:
    """Where the next letter begins behind the one at `at`; `end` where none does.

    Within more marks than a letter can take in, any place will do: the marks before it cannot be sent.
    """
    most = min(end, at + _MOST_MARKS)
    at += 1
    while at < most and combining(text[at]):
        at += 1
    return min(at, end)


def _fitting(text: str, encoding: Encoding) -> ReadyText | Fault:
    segments = count(text, encoding)
    if segments > MAX_PARTS:
        return _too_many(f"{segments} segments", f"{MAX_PARTS} are possible")
    return ReadyText(text, encoding.value, segments)


def _too_many(has: str, most: str) -> Fault:
    return Fault(f"is too long: {has}, {most}", FaultCode.TOO_MANY_SEGMENTS)


def _needs_unicode(position: int, character: str) -> Fault:
    is_shown = character.isprintable() and not combining(character)
    shown = f"'{character}'" if is_shown else f"U+{ord(character):04X}"
    return Fault(
        f"has {shown} at position {position}, which GSM 03.38 cannot carry; set allow_unicode", FaultCode.NEEDS_UNICODE
    )
