import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol.concatenation import GAP, Part, ReferenceKind, join, octets_of, place_of
from protocol.fields import read_tlvs
from protocol.numbers import Tlv
from protocol.pdus import DeliverSm
from protocol.segments import LongMessages
from protocol.text import Encoding, encoding_of
from protocol.writing import TextWay, write

UDHI = 0x40
USUAL = TextWay()


def udh8(part: int, total: int, octets: bytes, data_coding: int = 0) -> Part:
    return Part(part, b"\5\0\3\x07" + bytes((total, part)) + octets, data_coding, True)


def test_a_surrogate_pair_cut_between_parts_is_whole_again() -> None:
    octets = "ab🙂cd".encode("utf-16-be")
    assert join([udh8(1, 2, octets[:6], 8), udh8(2, 2, octets[6:], 8)], 2, USUAL) == ("ab🙂cd", Encoding.UCS2)


@pytest.mark.parametrize("cut", range(1, 15))
def test_pain_39_ucs2_cut_inside_a_character_is_whole_again(cut: int) -> None:
    octets = "Hello jā🙂".encode("utf-16-be")
    assert join([udh8(1, 2, octets[:cut], 8), udh8(2, 2, octets[cut:], 8)], 2, USUAL)[0] == "Hello jā🙂"


def test_pain_39_parts_of_ucs2_that_are_each_padded_to_odd_are_read_without_the_padding() -> None:
    parts = [udh8(part, 2, text.encode("utf-16-be") + b"\0", 8) for part, text in ((1, "jā "), (2, "nē"))]
    assert join(parts, 2, USUAL)[0] == "jā nē"


def test_pain_40_an_escape_pair_cut_between_parts_is_whole_again() -> None:
    assert join([udh8(1, 2, b"5 \x1b"), udh8(2, 2, b"\x65 please")], 2, USUAL) == ("5 € please", Encoding.GSM7)


def test_the_order_in_which_parts_are_given_does_not_matter() -> None:
    parts = [udh8(part, 3, text) for part, text in ((3, b"three"), (1, b"one "), (2, b"two "))]
    assert join(parts, 3, USUAL)[0] == "one two three"


def test_each_part_may_have_an_alphabet_of_its_own() -> None:
    """Some networks choose it part by part: only the one with the emoji is UCS-2."""
    parts = [udh8(1, 3, b"Hello "), udh8(2, 3, "🙂".encode("utf-16-be"), 8), udh8(3, 3, b" \x1b\x65")]
    assert join(parts, 3, USUAL) == ("Hello 🙂 €", Encoding.UCS2)


@pytest.mark.parametrize(
    ("came", "text"),
    [
        ((1, 3), f"one{GAP}three"),
        ((1,), f"one{GAP}"),
        ((3,), f"{GAP}three"),
        ((2,), f"{GAP}two{GAP}"),
    ],
)
def test_a_gap_shows_where_parts_never_came(came: tuple[int, ...], text: str) -> None:
    texts = {1: b"one", 2: b"two", 3: b"three"}
    assert join([udh8(part, 3, texts[part]) for part in came], 3, USUAL)[0] == text


def test_nothing_is_read_across_a_gap() -> None:
    """An escape before the gap is not that of the septet behind it."""
    assert join([udh8(1, 3, b"5 \x1b"), udh8(3, 3, b"e")], 3, USUAL)[0] == f"5  {GAP}e"


def test_padding_of_nuls_never_reaches_a_text() -> None:
    assert join([udh8(1, 2, b"\0a", 8), udh8(2, 2, b"\0b\0\0", 8)], 2, USUAL)[0] == "ab"


WAYS = [
    TextWay(long_messages=LongMessages.UDH8),
    TextWay(long_messages=LongMessages.UDH16),
    TextWay(long_messages=LongMessages.SAR),
    TextWay(long_messages=LongMessages.UDH8, packed=True),
]


CHARACTERS = st.characters(exclude_categories=("Cs",), exclude_characters="\0\ufeff\ufffe")
LONG_TEXTS = st.text(CHARACTERS, min_size=1, max_size=60).map(lambda text: text * (500 // len(text)))


@given(LONG_TEXTS, st.data())
@example("€" * 200, None)
@example("🙂" * 100, None)
def test_what_is_written_in_parts_is_read_again_in_any_order(text: str, data: st.DataObject | None) -> None:
    way = WAYS[0] if data is None else data.draw(st.sampled_from(WAYS))
    segments = write(text, encoding_of(text), way, 40_007)
    assert len(segments) > 1
    random.Random(len(text)).shuffle(segments)
    parts, names = [], set()
    for segment in segments:
        pdu = DeliverSm(
            esm_class=segment.esm_class, short_message=segment.short_message, tlvs=read_tlvs(segment.tlvs, 0)
        )
        place = place_of(pdu, pdu.octets)
        assert place is not None
        names.add((place.kind, place.reference, place.total))
        parts.append(Part(place.part, pdu.octets, segment.data_coding, bool(segment.esm_class & UDHI)))
    assert names == {(place.kind, place.reference, len(segments))}
    assert join(parts, len(segments), way)[0] == text


@pytest.mark.parametrize("padding", [b"", b"\0", b" "])
def test_a_message_payload_counts_where_short_message_holds_padding_only(padding: bytes) -> None:
    pdu = DeliverSm(short_message=padding, tlvs={int(Tlv.MESSAGE_PAYLOAD): b"hello"})
    assert octets_of(pdu) == b"hello"


def test_a_blank_message_without_a_payload_is_a_blank() -> None:
    assert octets_of(DeliverSm(short_message=b" ", tlvs={int(Tlv.SOURCE_PORT): b"\0\1"})) == b" "
    assert octets_of(DeliverSm(short_message=b" ")) == b" "


def test_a_header_that_joins_nothing_leaves_it_to_the_sar_tlvs() -> None:
    sar = {int(Tlv.SAR_MSG_REF_NUM): b"\0\7", int(Tlv.SAR_TOTAL_SEGMENTS): b"\2", int(Tlv.SAR_SEGMENT_SEQNUM): b"\1"}
    for octets in (b"\xffcut short", b"\3\x24\1\1text"):
        place = place_of(DeliverSm(esm_class=UDHI, tlvs=sar), octets)
        assert place is not None
        assert (place.kind, place.reference, place.part, place.total) == (ReferenceKind.SAR, 7, 1, 2)
        assert place_of(DeliverSm(esm_class=UDHI), octets) is None
