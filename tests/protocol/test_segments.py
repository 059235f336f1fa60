"""Long texts: counted as they are cut, cut where nothing breaks, and headers that phones send us."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.segments import Segment, TooManyParts, UserDataHeader, count, read_header
from protocol.text import Encoding, NotEncodable, decode_gsm, encoding_of, septets
from protocol.writing import TextWay, write

USUAL = TextWay()
GSM_CHARACTERS = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !aZ09¡ÄÖÑÜ§¿äöñüà\f^{}\\[~]|€"
long_gsm_texts = st.text(st.sampled_from(GSM_CHARACTERS), max_size=700)
long_texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    st.text(st.sampled_from("aЖ中\u0301🙂👩🏽"), min_size=60, max_size=300),
    st.builds(str.__mul__, st.sampled_from(["a€", "🙂", "aй", "€", "x"]), st.integers(0, 300)),
)


def payload(segment: Segment) -> bytes:
    return segment.short_message[6:] if segment.esm_class else segment.short_message


def read(segment: Segment) -> str:
    octets = payload(segment)
    return octets.decode("utf-16-be") if segment.data_coding else decode_gsm(octets)


@given(st.one_of(long_gsm_texts, long_texts))
def test_parts_joined_are_the_text_and_none_is_too_long(text):
    encoding = encoding_of(text)
    segments = write(text, encoding, USUAL, 77)
    assert count(text, encoding) == len(segments)
    # Decoding each part alone fails here if a cut fell inside a character.
    assert "".join(map(read, segments)) == text
    for number, segment in enumerate(segments, 1):
        assert (segment.part, segment.total) == (number, len(segments))
        assert segment.data_coding == (0 if encoding is Encoding.GSM7 else 8)
        if encoding is Encoding.UCS2:
            assert len(segment.short_message) <= 140
        elif len(segments) == 1:
            assert len(segment.short_message) <= 160
        else:
            # Packed, the header takes 7 septets of the 160.
            assert len(payload(segment)) + 7 <= 160


@given(long_texts.filter(lambda text: len(text) > 160))
def test_each_part_of_several_begins_with_the_header_that_joins_it(text):
    segments = write(text, Encoding.UCS2, USUAL, 0x1A7)
    for segment in segments:
        assert segment.esm_class == 0x40
        assert segment.short_message[:6] == bytes((5, 0, 3, 0xA7, len(segments), segment.part))
        assert read_header(segment.short_message) == UserDataHeader(6, 0xA7, segment.part, len(segments))


@given(st.one_of(long_gsm_texts, long_texts), st.sampled_from(Encoding))
def test_no_text_is_cut_into_more_parts_than_its_pairs_make_needful(text, encoding):
    if encoding is Encoding.GSM7 and encoding_of(text) is Encoding.UCS2:
        return
    units = septets(text) if encoding is Encoding.GSM7 else len(text.encode("utf-16-be")) // 2
    alone, room = (160, 153) if encoding is Encoding.GSM7 else (70, 67)
    parts = count(text, encoding)
    assert (parts == 1) == (units <= alone)
    if parts > 1:
        assert -(-units // room) <= parts <= -(-units // (room - 1))


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("", Encoding.GSM7, 1),
        ("a" * 160, Encoding.GSM7, 1),
        ("a" * 161, Encoding.GSM7, 2),
        ("a" * 306, Encoding.GSM7, 2),
        ("a" * 307, Encoding.GSM7, 3),
        ("€" * 80, Encoding.GSM7, 1),
        ("€" * 152, Encoding.GSM7, 2),
        ("€" * 153, Encoding.GSM7, 3),
        ("", Encoding.UCS2, 1),
        ("ж" * 70, Encoding.UCS2, 1),
        ("ж" * 71, Encoding.UCS2, 2),
        ("ж" * 134, Encoding.UCS2, 2),
        ("ж" * 135, Encoding.UCS2, 3),
        ("🙂" * 35, Encoding.UCS2, 1),
        ("🙂" * 66, Encoding.UCS2, 2),
        ("🙂" * 67, Encoding.UCS2, 3),
    ],
)
def test_parts_at_the_edges(text, encoding, parts):
    assert count(text, encoding) == parts
    assert len(write(text, encoding, USUAL, 0)) == parts


def test_an_escape_pair_at_the_edge_goes_whole_into_the_next_part():
    first, second = write("a" * 152 + "€" + "b" * 20, Encoding.GSM7, USUAL, 9)
    assert payload(first) == b"a" * 152
    assert payload(second) == b"\x1be" + b"b" * 20


def test_a_surrogate_pair_at_the_edge_goes_whole_into_the_next_part():
    first, second = write("ж" * 66 + "🙂" + "ж" * 20, Encoding.UCS2, USUAL, 9)
    assert read(first) == "ж" * 66
    assert read(second) == "🙂" + "ж" * 20


def test_255_parts_are_sent_and_256_refused_with_their_number():
    assert len(write("a" * 153 * 255, Encoding.GSM7, USUAL, 1)) == 255
    text = "a" * (153 * 255 + 1)
    assert count(text, Encoding.GSM7) == 256
    with pytest.raises(TooManyParts, match="256 parts") as caught:
        write(text, Encoding.GSM7, USUAL, 1)
    assert caught.value.parts == 256


def test_a_text_that_the_alphabet_lacks_is_refused():
    with pytest.raises(NotEncodable):
        count("Ж", Encoding.GSM7)


@pytest.mark.parametrize(
    ("octets", "header"),
    [
        ("0500032a03026869", UserDataHeader(6, 0x2A, 2, 3)),
        ("060804012a03026869", UserDataHeader(7, 0x012A, 2, 3, is_wide=True)),
        ("0b050f032a030205041582006869", UserDataHeader(12, None, 1, 1)),
        ("0b05041582000000032a03026869", UserDataHeader(12, 0x2A, 2, 3)),
        ("060504158200006869", UserDataHeader(7, None, 1, 1)),
        ("006869", UserDataHeader(1, None, 1, 1)),
        ("0a00032a030100032b03026869", UserDataHeader(11, 0x2B, 2, 3)),
    ],
    ids=[
        "8 bit",
        "16 bit",
        "an element that runs over the end",
        "with ports",
        "ports alone",
        "empty",
        "the last of two counts",
    ],
)
def test_header_of_an_inbound_message(octets, header):
    assert read_header(bytes.fromhex(octets)) == header


@pytest.mark.parametrize("octets", ["", "05", "0500032a03", "696420"])
def test_octets_too_short_for_their_header_have_none(octets):
    assert read_header(bytes.fromhex(octets)) is None


@pytest.mark.parametrize("octets", ["0500032a0300", "0500032a0304", "0500032a0000", "0400022a03", "0300032a", "0100"])
def test_a_concatenation_that_cannot_be_is_ignored(octets):
    assert read_header(bytes.fromhex(octets) + b"hi") == UserDataHeader(len(octets) // 2, None, 1, 1)


@given(st.binary(max_size=300))
def test_any_octets_have_a_header_inside_them_or_none(octets):
    header = read_header(octets)
    if header is not None:
        assert 1 <= header.length <= len(octets)
        assert 1 <= header.part <= header.total
