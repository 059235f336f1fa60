"""A text as the segments that one carrier wants: its alphabet, data_coding, packing, tables, joining of long messages.

Segments.py cuts, national_tables.py and packing.py make septets; which carrier has which way is the settings' matter.
What is never done: a text that was accepted as GSM 03.38 goes as UCS-2 only where the caller allows it, and no
character is dropped or replaced. What a carrier cannot carry raises, so that another carrier may have it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from protocol.alphabets import LANGUAGE_IDENTIFIERS, Alphabet, Language
from protocol.fields import write_tlvs
from protocol.national_tables import Shifts, count_shifted, decode_shifted, encode_shifted, shifts_of
from protocol.numbers import Tlv
from protocol.packing import pack
from protocol.segments import (
    CONCATENATION_8_BIT,
    CONCATENATION_16_BIT,
    LOCKING_SHIFT,
    MAX_PARTS,
    SINGLE_SHIFT,
    LongMessages,
    Segment,
    TooManyParts,
    cut,
)
from protocol.text import ESCAPE, Encoding, NotEncodable, decode_gsm, encode_gsm, encode_ucs2, unencodable

MOST_FORCING = 20
"""Characters that a preview names at most."""

_UDHI = 0x40
_ALONE = 160
_OCTETS = 140
"""Of user data (3GPP TS 23.040 §9.2.3.16): 160 septets."""
_DEST_ADDR_SUBUNIT = {int(Tlv.DEST_ADDR_SUBUNIT): b"\x01"}
"""MS display (SMPP 3.4 §5.3.2.1)."""
_MESSAGE_PAYLOAD = int(Tlv.MESSAGE_PAYLOAD)
_GSM_CLASS_0 = 0x10
_UCS2_CLASS_0 = 0x18
_CODECS = {Alphabet.ASCII: "ascii", Alphabet.LATIN1: "latin-1", Alphabet.LATIN9: "iso8859-15"}


@dataclass(frozen=True, slots=True)
class TextWay:
    """How a carrier takes texts. Hashable, so that what is known of a way can be kept by it."""

    alphabet: Alphabet = Alphabet.GSM7
    """What data_coding 0 means to the carrier."""
    data_coding: int = 0
    """Told of texts in `alphabet`."""
    ucs2_data_coding: int = 8
    packed: bool = False
    """GSM 03.38 with 8 septets in 7 octets; without meaning for the other alphabets."""
    languages: tuple[Language, ...] = ()
    """National tables that may be used, the preferred first; only where `alphabet` is GSM 03.38."""
    long_messages: LongMessages = LongMessages.UDH8
    max_parts: int = MAX_PARTS
    takes_tlvs: bool = True
    """False for a carrier of SMPP 3.3: what only a TLV could tell is left out."""


@dataclass(frozen=True, slots=True)
class Forcing:
    """A character that GSM 03.38 cannot carry; `position` counts characters from 1."""

    position: int
    character: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What `write` would make of a text."""

    encoding: Encoding
    """GSM7 too where the carrier's alphabet is another one of 7 or 8 bits, or a national table is used."""
    alphabet: Alphabet | None
    """None for UCS-2."""
    parts: int
    """As the phone gets them; message_payload is one submit_sm whatever they are. May be more than `max_parts`."""
    characters: tuple[int, ...]
    """Characters (code points) in each part."""
    forcing: tuple[Forcing, ...]
    """The first characters that GSM 03.38 cannot carry, at most MOST_FORCING."""
    locking: Language | None = None
    single: Language | None = None
    """The national tables used."""


_UCS2, _GSM7 = Encoding.UCS2, Alphabet.GSM7
"""For every message: a member looked up by its name costs as much as a call."""


class _Draft(NamedTuple):
    """A text on a way before headers, packing and TLVs."""

    pieces: list[bytes]
    alphabet: Alphabet | None
    shifts: Shifts | None = None


def write(
    text: str, encoding: Encoding, way: TextWay, reference: int, *, flash: bool = False, ucs2_allowed: bool = False
) -> list[Segment]:
    """The text's segments in order, joined by the low bits of `reference`.

    `encoding` is what the text was accepted as. GSM7: it goes in the carrier's alphabet, or in UCS-2 if that lacks a
    character and `ucs2_allowed`. UCS2: it goes in UCS-2, also on a carrier whose Latin-1 has its characters, since no
    phone has them in 7 bits and the SMSC might put a `?`. National tables of the way take the place of either where
    they save segments. `flash`: shown at once and not kept (class 0, 3GPP TS 23.038 §4).
    Raises NotEncodable and TooManyParts: this carrier cannot carry the text.
    """
    # The usual message takes this short way, without a draft.
    if not flash:
        if encoding is _UCS2:
            octets = encode_ucs2(text)
            if len(octets) <= _OCTETS:
                return [Segment(octets, 0, way.ucs2_data_coding, 1, 1)]
        elif way.alphabet is _GSM7 and not way.packed:
            octets = encode_gsm(text)
            if len(octets) <= _ALONE:
                return [Segment(octets, 0, way.data_coding, 1, 1)]
    draft = _draft(text, encoding, way, ucs2_allowed)
    total = len(draft.pieces)
    if total > way.max_parts:
        raise TooManyParts(total, way.max_parts)
    return _segments(draft, way, reference, flash)


def preview(
    text: str,
    way: TextWay = TextWay(),
    encoding: Encoding | None = None,
    *,
    ucs2_allowed: bool = False,
) -> Preview:
    """What `write` would make of the text; `encoding` is derived from it if not given. Raises NotEncodable."""
    forcing = tuple(_forcing(text))
    if encoding is None:
        encoding = Encoding.UCS2 if forcing else Encoding.GSM7
    draft = _draft(text, encoding, way, ucs2_allowed)
    return Preview(
        encoding=Encoding.UCS2 if draft.alphabet is None else Encoding.GSM7,
        alphabet=draft.alphabet,
        parts=len(draft.pieces),
        characters=tuple(_characters(draft)),
        forcing=forcing,
        locking=draft.shifts.locking if draft.shifts else None,
        single=draft.shifts.single if draft.shifts else None,
    )


def _segments(draft: _Draft, way: TextWay, reference: int, flash: bool) -> list[Segment]:
    total = len(draft.pieces)
    data_coding, tlvs = _coding(draft, way, flash)
    if total > 1 and way.long_messages is LongMessages.PAYLOAD:
        whole = _packed(b"".join(draft.pieces), 0, draft, way)
        return [Segment(b"", 0, data_coding, 1, 1, write_tlvs(tlvs | {_MESSAGE_PAYLOAD: whole}))]
    is_sar = total > 1 and way.long_messages is LongMessages.SAR
    shared = write_tlvs(tlvs)
    segments = []
    for part, (header, piece) in enumerate(zip(_headers(draft, way, reference), draft.pieces, strict=True), 1):
        octets = header + _packed(piece, len(header), draft, way)
        behind = shared + write_tlvs(_sar(reference, part, total)) if is_sar else shared
        segments.append(Segment(octets, _UDHI if header else 0, data_coding, part, total, behind))
    return segments


def _draft(text: str, encoding: Encoding, way: TextWay, ucs2_allowed: bool) -> _Draft:
    if encoding is Encoding.UCS2:
        draft = _in_ucs2(text, way)
    elif way.alphabet is Alphabet.GSM7:
        draft = _Draft(cut(encode_gsm(text), _ALONE, _septets_behind(_joining(way)), Encoding.GSM7), Alphabet.GSM7)
    else:
        draft = _in_octets(text, way, ucs2_allowed)
    if len(draft.pieces) > 1 and way.languages and way.alphabet is Alphabet.GSM7:
        return _with_national_tables(text, way, draft)
    return draft


def _in_ucs2(text: str, way: TextWay) -> _Draft:
    room = _OCTETS - _joining(way) & ~1
    return _Draft(cut(encode_ucs2(text), _OCTETS, room, Encoding.UCS2), None)


def _in_octets(text: str, way: TextWay, ucs2_allowed: bool) -> _Draft:
    """Cut as GSM 03.38 would be, since that is what the SMSC makes of it."""
    codec = _CODECS[way.alphabet]
    try:
        # All of it, before it is cut: a long text that does not go costs next to nothing so.
        text.encode(codec)
    except UnicodeEncodeError as error:
        if not ucs2_allowed:
            raise NotEncodable(error.start + 1, text[error.start]) from None
        encode_gsm(text)
        return _in_ucs2(text, way)
    pieces = cut(encode_gsm(text), _ALONE, _septets_behind(_joining(way)), Encoding.GSM7)
    return _Draft([decode_gsm(piece).encode(codec) for piece in pieces], way.alphabet)


def _with_national_tables(text: str, way: TextWay, plain: _Draft) -> _Draft:
    """The first of the shortest ways to write it: no table unless it saves a segment.

    A long text takes milliseconds with each pair of tables, of which there are up to forty, and how many septets it has
    with each is soon counted. So the likely ones are cut first, and those that cannot be better not at all.
    """
    best, place = plain, -1
    for parts, order, shifts in sorted(_least_parts(text, way)):
        if (parts, order) > (len(best.pieces), place):
            break
        pieces = cut(encode_shifted(text, shifts), *_rooms(shifts, way), Encoding.GSM7)
        if (len(pieces), order) < (len(best.pieces), place):
            best, place = _Draft(pieces, Alphabet.GSM7, shifts), order
    return best


def _least_parts(text: str, way: TextWay) -> Iterator[tuple[int, int, Shifts]]:
    """How many parts a text has at least with each pair of tables that has its characters; the pair's place behind."""
    characters = Counter(text)
    for order, shifts in enumerate(shifts_of(way.languages)):
        septets = count_shifted(characters, shifts)
        if septets is None:
            continue
        alone, room = _rooms(shifts, way)
        if septets <= alone:
            yield 1, order, shifts
        elif way.long_messages not in (LongMessages.SAR, LongMessages.PAYLOAD):
            # The tables need a header in each part; to join parts by a header too is what those carriers do not do.
            yield -(-septets // room), order, shifts


def _rooms(shifts: Shifts, way: TextWay) -> tuple[int, int]:
    """Septets behind a header that names the tables: in a part that is alone, and in one of several."""
    elements = len(_national(shifts))
    return _septets_behind(1 + elements), _septets_behind(_joining(way) + elements)


def _joining(way: TextWay) -> int:
    """Octets of the header in each of several parts. The SMSC makes one of SAR and message_payload."""
    return 7 if way.long_messages is LongMessages.UDH16 else 6


def _septets_behind(header_length: int) -> int:
    return (_OCTETS - header_length) * 8 // 7


def _national(shifts: Shifts) -> bytes:
    """3GPP TS 23.040 §9.2.3.24.15 and §9.2.3.24.16."""
    single = bytes((SINGLE_SHIFT, 1, LANGUAGE_IDENTIFIERS[shifts.single])) if shifts.single else b""
    locking = bytes((LOCKING_SHIFT, 1, LANGUAGE_IDENTIFIERS[shifts.locking])) if shifts.locking else b""
    return single + locking


def _headers(draft: _Draft, way: TextWay, reference: int) -> list[bytes]:
    """The header of each part; empty where none is needed."""
    total = len(draft.pieces)
    national = _national(draft.shifts) if draft.shifts else b""
    if total > 1 and way.long_messages is LongMessages.UDH8:
        joining = bytes((CONCATENATION_8_BIT, 3, reference & 0xFF, total))
    elif total > 1 and way.long_messages is LongMessages.UDH16:
        joining = bytes((CONCATENATION_16_BIT, 4, reference >> 8 & 0xFF, reference & 0xFF, total))
    else:
        return [bytes((len(national),)) + national if national else b""] * total
    start = bytes((len(joining) + 1 + len(national),)) + joining
    return [b"%b%c%b" % (start, part, national) for part in range(1, total + 1)]


def _sar(reference: int, part: int, total: int) -> dict[int, bytes]:
    return {
        Tlv.SAR_MSG_REF_NUM: (reference & 0xFFFF).to_bytes(2, "big"),
        Tlv.SAR_TOTAL_SEGMENTS: bytes((total,)),
        Tlv.SAR_SEGMENT_SEQNUM: bytes((part,)),
    }


def _packed(piece: bytes, header_length: int, draft: _Draft, way: TextWay) -> bytes:
    return pack(piece, header_length) if way.packed and draft.alphabet is Alphabet.GSM7 else piece


def _coding(draft: _Draft, way: TextWay, flash: bool) -> tuple[int, dict[int, bytes]]:
    """data_coding, and TLVs.

    Class 0 is 0x10 and 0x18 of the general group (3GPP TS 23.038 §4), or that of group 0xF0 where the carrier's own
    data_coding lies there. No data_coding names a class together with Latin-1: SMPP's own TLV does.
    """
    if draft.alphabet is None:
        return _UCS2_CLASS_0 if flash else way.ucs2_data_coding, {}
    if not flash:
        return way.data_coding, {}
    if draft.alphabet is not Alphabet.GSM7:
        return way.data_coding, _DEST_ADDR_SUBUNIT if way.takes_tlvs else {}
    return way.data_coding & 0xFC if way.data_coding >= 0xF0 else _GSM_CLASS_0, {}


def _forcing(text: str) -> Iterator[Forcing]:
    at = 0
    for _ in range(MOST_FORCING):
        found = unencodable(text[at:])
        if found is None:
            return
        at += found[0]
        yield Forcing(at, found[1])


def _characters(draft: _Draft) -> Iterator[int]:
    for piece in draft.pieces:
        if draft.alphabet is None:
            yield len(piece.decode("utf-16-be"))
        elif draft.shifts is not None:
            yield len(decode_shifted(piece, draft.shifts))
        else:
            yield len(piece) - (piece.count(ESCAPE) if draft.alphabet is Alphabet.GSM7 else 0)
