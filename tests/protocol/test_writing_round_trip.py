"""Texts of every script on every way: what is read of the segments is what was written, part by part and joined."""

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from protocol.alphabets import Alphabet, Language
from protocol.fields import read_tlvs
from protocol.national_tables import Shifts, decode_shifted
from protocol.reading import read_parts, read_text
from protocol.segments import LongMessages, Segment, read_header
from protocol.text import Encoding, NotEncodable, encode_gsm, encoding_of
from protocol.writing import TextWay, preview, write

# Byte-order marks are taken for what they are, and not for characters.
anything = st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff\ufffe")
SCRIPTS = [
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !aZ09¡ÄÖÑÜ§¿äöñüà\f^{}\\[~]|€",
    "ağışçİĞ Ş€^ x",
    "áíóúñ¿¡ Áéç€{",
    "ãõâêç∞º`~Õ aX|",
    "Ж中\u0301🙂👩🏽 a",
    "שלום עולם",
    "한국어 テスト",
    *(
        decode_shifted(bytes(at for at in range(128) if at != 0x1B), Shifts(language, None)).replace("\ufffd", "")
        + decode_shifted(b"".join(bytes((0x1B, at)) for at in range(0x10, 0x40)), Shifts(None, language)).replace(
            "\ufffd", ""
        )
        for language in Language
        if language is not Language.SPANISH
    ),
]
texts = st.one_of(
    st.text(anything, max_size=300),
    st.sampled_from(SCRIPTS).flatmap(lambda script: st.text(st.sampled_from(script), max_size=500)),
    st.sampled_from(SCRIPTS).flatmap(
        lambda script: st.builds(str.__mul__, st.text(st.sampled_from(script), max_size=5), st.integers(0, 120))
    ),
)
ways = st.builds(
    TextWay,
    alphabet=st.sampled_from([Alphabet.GSM7, Alphabet.GSM7, *Alphabet]),
    packed=st.booleans(),
    languages=st.one_of(st.just(tuple(Language)), st.lists(st.sampled_from(Language), unique=True).map(tuple)),
    long_messages=st.sampled_from(LongMessages),
)


def octets_of(segment: Segment) -> bytes:
    return read_tlvs(segment.tlvs, 0).get(0x0424, segment.short_message)


def refusal(text: str, encoding: Encoding, way: TextWay) -> NotEncodable | None:
    try:
        write(text, encoding, way, 1)
    except NotEncodable as error:
        return error
    return None


def is_ascii(octets: bytes, has_header: bool) -> bool:
    header = read_header(octets) if has_header else None
    body = octets[header.length :] if header else octets
    return bool(re.fullmatch(rb"[\t\n\r -~]{4,}", body)) and len(set(body[::2])) > 1


def septets_or_octets(segment: Segment, way: TextWay) -> int:
    """What the segment takes of the 160 septets or 140 octets of a phone's short message."""
    header = read_header(segment.short_message) if segment.esm_class else None
    length = header.length if header else 0
    is_ucs2 = segment.data_coding in (8, 0x18)
    if is_ucs2 or (way.packed and way.alphabet is Alphabet.GSM7):
        return len(segment.short_message) * 8
    text = read_text(segment.short_message, segment.data_coding, length > 0, way)[0]
    septets = len(encode_gsm(text)) if way.alphabet is not Alphabet.GSM7 else len(segment.short_message) - length
    return -(-length * 8 // 7) * 7 + septets * 7


@given(texts, ways, st.integers(0, 0xFFFFFFFF), st.booleans())
def test_what_is_written_is_read_on_every_way(text, way, reference, flash):
    if way.packed:
        # A CR at a border stands for none, or for two: see test_packing.py.
        text = text.replace("\r", "\n")
    encoding = encoding_of(text)
    refused = refusal(text, encoding, way)
    if refused is not None:
        assert encoding is Encoding.GSM7
        assert way.alphabet is not Alphabet.GSM7
        assert refused.character == text[refused.position - 1]
    segments = write(text, encoding, way, reference, flash=flash, ucs2_allowed=refused is not None)
    parts = [octets_of(segment) for segment in segments]
    data_coding, has_header = segments[0].data_coding, segments[0].esm_class == 0x40
    # Chinese of which every octet is ASCII is rare, and then taken for ASCII.
    if data_coding in (8, 0x18):
        assume(not any(is_ascii(part, has_header) for part in parts))
    assert read_parts(parts, data_coding, has_header, way) == text
    # Reading each part alone fails here if a cut fell inside a character.
    assert "".join(read_text(part, data_coding, has_header, way)[0] for part in parts) == text
    for number, segment in enumerate(segments, 1):
        assert (segment.part, segment.total) == (number, len(segments))
        assert septets_or_octets(segment, way) <= 140 * 8


@given(texts, ways)
def test_the_counted_parts_are_the_sent_parts(text, way):
    told = preview(text, way, ucs2_allowed=True)
    segments = write(text, encoding_of(text), way, 1, ucs2_allowed=True)
    if told.parts == 1 or way.long_messages is not LongMessages.PAYLOAD:
        assert told.parts == len(segments)
    else:
        assert len(segments) == 1
    assert len(told.characters) == told.parts
    assert sum(told.characters) == len(text)
    without = preview(text, TextWay(way.alphabet, long_messages=way.long_messages), ucs2_allowed=True)
    assert told.parts <= without.parts
    assert (told.locking, told.single) == (None, None) or told.parts < without.parts
