"""Septets by the national language shift tables of 3GPP TS 23.038 §6.2.1.2, and back.

The tables are data in national_tables_locking.py and national_tables_single.py; which are worth their header, and the
header, are writing.py's.
"""

import codecs
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from protocol.alphabets import Language
from protocol.national_tables_locking import LOCKING_TABLES
from protocol.national_tables_single import SINGLE_TABLES
from protocol.text import DEFAULT_ALPHABET, ESCAPE, EXTENSION_TABLE, NotEncodable

_NONE = "\ufffd"


class Shifts(NamedTuple):
    """The tables of a segment: each is a language's, or None for the default one."""

    locking: Language | None
    single: Language | None


@cache
def shifts_of(languages: tuple[Language, ...]) -> tuple[Shifts, ...]:
    """The pairs worth a try: each language's tables alone and together, the cheaper header first."""
    pairs: list[Shifts] = []
    for language in languages:
        pairs.append(Shifts(None, language))
        if language in LOCKING_TABLES:
            pairs += Shifts(language, None), Shifts(language, language)
    return tuple(pairs)


def encode_shifted(text: str, shifts: Shifts) -> bytes:
    """The text's septets, one an octet. Raises NotEncodable."""
    try:
        return codecs.charmap_encode(text, "strict", _encoding_map(shifts))[0]
    except UnicodeEncodeError as error:
        raise NotEncodable(error.start + 1, text[error.start]) from None


def count_shifted(characters: Mapping[str, int], shifts: Shifts) -> int | None:
    """How many septets a text has that is made of so many of each of these characters; None: it can't be encoded."""
    septets, table = 0, _encoding_map(shifts)
    for character, count in characters.items():
        found = table.get(ord(character))
        if found is None:
            return None
        septets += count if type(found) is int else 2 * count
    return septets


def decode_shifted(octets: bytes, shifts: Shifts) -> str:
    """The text of septets, one an octet; what no table has is told as decode_gsm tells it."""
    locking, single = _locking(shifts.locking), _single(shifts.single)
    characters: list[str] = []
    is_escaped = False
    for octet in octets:
        if octet == ESCAPE:
            # A second escape stands for a table yet to come, and shows as a blank (§6.2.1.2.2 note).
            if is_escaped:
                characters.append(" ")
            is_escaped = not is_escaped
            continue
        plain = locking[octet] if octet < len(locking) else _NONE
        characters.append(single.get(octet, plain) if is_escaped else plain)
        is_escaped = False
    return "".join(characters) + " " * is_escaped


@cache
def _encoding_map(shifts: Shifts) -> dict[int, int | bytes]:
    # Single first, so that a character of both tables takes one septet.
    shifted: Iterable[tuple[str, int | bytes]] = (
        (character, bytes((ESCAPE, septet))) for septet, character in reversed(_single(shifts.single).items())
    )
    plain = ((character, septet) for septet, character in enumerate(_locking(shifts.locking)))
    both: dict[str, int | bytes] = {**dict(shifted), **dict(plain)}
    return {ord(character): septets for character, septets in both.items() if character not in (_NONE, "\x1b")}


@cache
def _locking(language: Language | None) -> str:
    return DEFAULT_ALPHABET if language is None else _characters(LOCKING_TABLES[language])


@cache
def _single(language: Language | None) -> dict[int, str]:
    if language is None:
        return {septet: character for character, septet in EXTENSION_TABLE.items()}
    table = enumerate(_characters(SINGLE_TABLES[language]))
    return {septet: character for septet, character in table if character != _NONE}


def _characters(table: str) -> str:
    return bytes.fromhex(table.replace("----", "FFFD")).decode("utf-16-be")
