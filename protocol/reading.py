"""Inbound octets as the text that the phone's owner typed, by the habits of the carrier that they came from.

What data_coding names by itself is text.py's; how parts find each other is the caller's. Nothing here raises: what
cannot be read shows as U+FFFD.
"""

import re
from collections.abc import Sequence

from protocol.alphabets import Alphabet
from protocol.national_tables import Shifts, decode_shifted
from protocol.packing import unpack
from protocol.segments import UserDataHeader, read_header
from protocol.text import CODECS, Codec, decode_gsm
from protocol.writing import TextWay

_CODEC_OF = {
    Alphabet.GSM7: Codec.GSM,
    # Whoever sends more than ASCII where ASCII is the alphabet sends Latin-1 as a rule.
    Alphabet.ASCII: Codec.LATIN,
    Alphabet.LATIN1: Codec.LATIN,
    Alphabet.LATIN9: Codec.LATIN9,
}
_BIG_ENDIAN_MARK = b"\xfe\xff"
_LITTLE_ENDIAN_MARK = b"\xff\xfe"

_is_printable_ascii = re.compile(rb"[\t\n\r -~]+").fullmatch
_is_words = re.compile(rb"(?:(?:[A-Z]?[a-z]+|[A-Z]+|[0-9]+)[.,!?]*(?:[ \r\n]+|$))+").fullmatch
_is_capitals = re.compile(rb"[A-Z]{4}").fullmatch
# A Chinese character is two octets of printable ASCII in one case of five: by then it is one in a hundred thousand.
_SURELY_ASCII = 16
_WORDS = 6


def read_text(octets: bytes, data_coding: int, has_header: bool, way: TextWay) -> tuple[str, UserDataHeader | None]:
    """The text of a whole message or of one part, and its header; `has_header` is the UDHI of its esm_class."""
    header, body = _apart(octets, has_header)
    codec = _codec(data_coding, way)
    return _decode(_units(body, header, codec, way), codec, _shifts(header)), header


def read_parts(parts: Sequence[bytes], data_coding: int, has_header: bool, way: TextWay) -> str:
    """The text of all parts in order. Some phones cut between the halves of a character: they are joined first."""
    codec = _codec(data_coding, way)
    apart = [_apart(part, has_header) for part in parts]
    if codec is Codec.UCS2 and _is_cut_in_a_unit(bodies := [body for _, body in apart]):
        return _decode(_units(b"".join(bodies), None, codec, way), codec, Shifts(None, None))
    shifts: list[Shifts] = []
    units: list[bytes] = []
    for header, body in apart:
        shifts.append(_shifts(header))
        units.append(_units(body, header, codec, way))
    has_odd = codec is Codec.UCS2 and any(len(unit) % 2 for unit in units)
    if has_odd or len(set(shifts)) != 1:
        return "".join(_decode(unit, codec, tables) for unit, tables in zip(units, shifts, strict=True))
    return _decode(b"".join(units), codec, shifts[0])


def _is_cut_in_a_unit(bodies: Sequence[bytes]) -> bool:
    """Whether parts of UCS-2 were cut between the two octets of a character: what one has too many another lacks.
    Where each that is odd ends with a NUL it is padding."""
    odd = [body for body in bodies if len(body) % 2]
    return len(odd) > 0 and len(odd) % 2 == 0 and not all(body.endswith(b"\0") for body in odd)


def _apart(octets: bytes, has_header: bool) -> tuple[UserDataHeader | None, bytes]:
    header = read_header(octets) if has_header else None
    return header, octets[header.length :] if header else octets


def _shifts(header: UserDataHeader | None) -> Shifts:
    return Shifts(header.locking, header.single) if header else Shifts(None, None)


def _codec(data_coding: int, way: TextWay) -> Codec:
    if data_coding in (0, way.data_coding):
        return _CODEC_OF[way.alphabet]
    return Codec.UCS2 if data_coding == way.ucs2_data_coding else CODECS[data_coding & 0xFF]


def _units(body: bytes, header: UserDataHeader | None, codec: Codec, way: TextWay) -> bytes:
    """Septets one an octet, UCS-2 without byte-order mark and big end first, or the octets as they are."""
    if codec is Codec.GSM and way.packed:
        return unpack(body, header.length if header else 0)
    if codec is not Codec.UCS2:
        return body
    if len(body) % 2 and body.endswith(b"\0"):
        body = body[:-1]
    if body.startswith(_BIG_ENDIAN_MARK):
        return body[2:]
    if body.startswith(_LITTLE_ENDIAN_MARK):
        return body[2:].decode("utf-16-le", "replace").encode("utf-16-be")
    return body


def _decode(units: bytes, codec: Codec, shifts: Shifts) -> str:
    if codec is Codec.GSM:
        return decode_shifted(units, shifts) if any(shifts) else decode_gsm(units)
    if codec is Codec.UCS2 and _is_ascii(units):
        return units.decode("ascii")
    return units.decode(codec.value, "replace")


def _is_ascii(octets: bytes) -> bool:
    """ASCII that was told to be UCS-2. Of short texts only what looks like words, since 慢慢 is `abab` too."""
    if not _is_printable_ascii(octets):
        return False
    if len(octets) % 2:
        return True
    if len(octets) < _SURELY_ASCII:
        return bool(_is_words(octets) if len(octets) >= _WORDS else _is_capitals(octets))
    # Malayalam is `\r` and a letter, Hiragana `0` and a letter: a script of few blocks repeats its first octet.
    firsts = octets[::2]
    return 2 * max(firsts.count(first) for first in set(firsts)) <= len(firsts)
