"""Texts on the ways of carriers: alphabets, flash, long messages, packing, tables, previews; each trap by its name."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_split import split

from protocol.alphabets import Alphabet, Language
from protocol.fields import read_tlvs
from protocol.national_tables import Shifts, shifts_of
from protocol.packing import unpack
from protocol.segments import LongMessages, Segment, TooManyParts, UserDataHeader, read_header
from protocol.text import Encoding, NotEncodable
from protocol.writing import MOST_FORCING, Forcing, TextWay, preview, write

USUAL = TextWay()
LATIN1 = TextWay(Alphabet.LATIN1, data_coding=3)
GSM7, UCS2 = Encoding.GSM7, Encoding.UCS2
HINDI = "नमस्ते दुनिया "


def header_of(segment: Segment) -> UserDataHeader:
    header = read_header(segment.short_message)
    assert header is not None
    return header


def bodies(segments: list[Segment]) -> list[bytes]:
    return [one.short_message[header_of(one).length if one.esm_class else 0 :] for one in segments]


@pytest.mark.parametrize("text", ["", "hi", "€" * 80, "a" * 161, "a€" * 300])
def test_the_usual_way_writes_what_a_plain_splitting_gives(text):
    assert write(text, GSM7, USUAL, 0x1A7) == split(text, GSM7, 0x1A7)
    assert write(text, UCS2, USUAL, 0x1A7) == split(text, UCS2, 0x1A7)


def test_a_way_can_be_a_key():
    assert {TextWay(): 1}[TextWay()] == 1


# Alphabets


@pytest.mark.parametrize(
    ("alphabet", "text", "octets"),
    [
        (Alphabet.LATIN1, "@ é [", b"@ \xe9 ["),
        (Alphabet.LATIN9, "@ € é", b"@ \xa4 \xe9"),
        (Alphabet.ASCII, "@ [a]", b"@ [a]"),
    ],
)
def test_coding_0_means_another_alphabet_to_some_carriers(alphabet, text, octets):
    assert write(text, GSM7, TextWay(alphabet), 1) == [Segment(octets, 0, 0, 1, 1)]


@pytest.mark.parametrize(
    ("alphabet", "text", "position", "character"),
    [
        (Alphabet.LATIN1, "10 €", 4, "€"),
        (Alphabet.LATIN9, "Ωa", 1, "Ω"),
        (Alphabet.ASCII, "olé!", 3, "é"),
    ],
)
def test_a_gsm_text_that_the_carriers_alphabet_lacks_is_given_back_and_not_made_ucs2(
    alphabet, text, position, character
):
    with pytest.raises(NotEncodable) as caught:
        write(text, GSM7, TextWay(alphabet), 1)
    assert (caught.value.position, caught.value.character) == (position, character)
    (segment,) = write(text, GSM7, TextWay(alphabet), 1, ucs2_allowed=True)
    assert (segment.short_message, segment.data_coding) == (text.encode("utf-16-be"), 8)


def test_a_unicode_text_goes_in_ucs2_although_latin_1_has_its_characters():
    assert write("olá", UCS2, LATIN1, 1) == [Segment("olá".encode("utf-16-be"), 0, 8, 1, 1)]


def test_a_text_has_as_many_parts_in_latin_1_as_in_gsm_since_the_smsc_makes_gsm_of_it():
    text = "{" * 80
    assert len(write(text, GSM7, LATIN1, 1)) == len(write(text, GSM7, USUAL, 1)) == 1
    parts = write(text + "}", GSM7, LATIN1, 1)
    assert bodies(parts) == [b"{" * 76, b"{" * 4 + b"}"]
    assert [part.data_coding for part in parts] == [3, 3]


def test_a_text_that_was_not_accepted_as_gsm_is_refused():
    for way in (USUAL, LATIN1):
        with pytest.raises(NotEncodable):
            write("Ж", GSM7, way, 1)


def test_data_codings_are_the_carriers():
    way = TextWay(data_coding=241, ucs2_data_coding=24)
    assert [write("a", encoding, way, 1)[0].data_coding for encoding in (GSM7, UCS2)] == [241, 24]


# Flash


@pytest.mark.parametrize(
    ("way", "encoding", "data_coding"),
    [
        (USUAL, GSM7, 0x10),
        (USUAL, UCS2, 0x18),
        (TextWay(data_coding=0xF1), GSM7, 0xF0),
        (TextWay(data_coding=1), GSM7, 0x10),
        (LATIN1, UCS2, 0x18),
    ],
)
def test_flash_is_class_0_of_the_data_coding(way, encoding, data_coding):
    for text in ("hi", "hi" * 200):
        for segment in write(text, encoding, way, 1, flash=True):
            assert (segment.data_coding, segment.tlvs) == (data_coding, b"")


def test_flash_in_latin_1_is_told_by_a_tlv_since_no_class_goes_with_it():
    (segment,) = write("olé", GSM7, LATIN1, 1, flash=True)
    assert (segment.short_message, segment.data_coding) == (b"ol\xe9", 3)
    assert segment.tlvs == bytes.fromhex("0005000101")


def test_flash_in_latin_1_is_left_out_where_no_tlv_is_taken():
    (segment,) = write("olé", GSM7, replace(LATIN1, takes_tlvs=False), 1, flash=True)
    assert (segment.short_message, segment.data_coding, segment.tlvs) == (b"ol\xe9", 3, b"")


# Long messages


def test_a_reference_of_16_bits_leaves_152_septets_or_66_characters():
    way = TextWay(long_messages=LongMessages.UDH16)
    first, second = write("a" * 304, GSM7, way, 0x51A7)
    assert first.short_message[:7] == bytes.fromhex("06080451A70201")
    assert header_of(second) == UserDataHeader(7, 0x51A7, 2, 2, is_wide=True)
    assert [len(body) for body in bodies([first, second])] == [152, 152]
    assert [len(body) // 2 for body in bodies(write("ж" * 133, UCS2, way, 1))] == [66, 66, 1]


def test_sar_tlvs_join_parts_without_a_header():
    first, second = write("a" * 161, GSM7, TextWay(long_messages=LongMessages.SAR), 0x51A7)
    assert (first.short_message, first.esm_class) == (b"a" * 153, 0)
    assert read_tlvs(first.tlvs, 0) == {0x020C: b"\x51\xa7", 0x020E: b"\x02", 0x020F: b"\x01"}
    assert read_tlvs(second.tlvs, 0)[0x020F] == b"\x02"
    assert (second.short_message, second.part, second.total) == (b"a" * 8, 2, 2)


def test_message_payload_carries_a_long_text_in_one_submit():
    way = TextWay(long_messages=LongMessages.PAYLOAD)
    text = "a" * 158 + "€" * 100
    (segment,) = write(text, GSM7, way, 1)
    assert (segment.short_message, segment.esm_class, segment.part, segment.total) == (b"", 0, 1, 1)
    assert read_tlvs(segment.tlvs, 0) == {0x0424: b"a" * 158 + b"\x1be" * 100}
    assert preview(text, way).parts == 3


@pytest.mark.parametrize("method", [LongMessages.SAR, LongMessages.PAYLOAD])
def test_a_short_text_needs_no_tlv(method):
    assert write("a" * 160, GSM7, TextWay(long_messages=method), 1) == split("a" * 160, GSM7, 1)


@pytest.mark.parametrize("method", LongMessages)
def test_a_text_of_more_parts_than_the_carrier_takes_is_given_back_and_never_cut(method):
    way = TextWay(long_messages=method, max_parts=3)
    assert write("a" * 450, GSM7, way, 1)
    with pytest.raises(TooManyParts, match="4 parts are needed, 3 are possible") as caught:
        write("a" * 460, GSM7, way, 1)
    assert caught.value.parts == 4
    assert preview("a" * 460, way).parts == 4


# Packed


def test_packed_text_takes_140_octets_for_160_characters():
    (segment,) = write("hellohello", GSM7, TextWay(packed=True), 1)
    assert segment.short_message == bytes.fromhex("E8329BFD4697D9EC37")
    (segment,) = write("a" * 160, GSM7, TextWay(packed=True), 1)
    assert len(segment.short_message) == 140


def test_packed_parts_begin_on_a_septet_border_behind_their_header():
    first, second = write("b" * 152 + "€" + "c" * 10, GSM7, TextWay(packed=True), 1)
    assert unpack(first.short_message[6:], 6) == b"b" * 152
    assert unpack(second.short_message[6:], 6) == b"\x1be" + b"c" * 10
    assert len(first.short_message) <= 140


def test_packing_leaves_other_alphabets_alone():
    assert write("hi", GSM7, TextWay(Alphabet.LATIN1, packed=True), 1)[0].short_message == b"hi"
    assert write("hi", UCS2, TextWay(packed=True), 1)[0].short_message == b"\0h\0i"


# National tables


def test_a_turkish_text_saves_segments_by_its_locking_table():
    way = TextWay(languages=(Language.TURKISH,))
    (segment,) = write("ğış" * 40, UCS2, way, 1)
    assert segment.short_message[:4] == bytes.fromhex("03250101")
    assert segment.short_message[4:] == b"\x0c\x07\x1d" * 40
    assert (segment.esm_class, segment.data_coding) == (0x40, 0)
    assert len(write("ğış" * 40, UCS2, USUAL, 1)) == 2


def test_a_spanish_text_saves_segments_by_its_single_table():
    (segment,) = write("Así está la canción, " * 5, UCS2, TextWay(languages=(Language.SPANISH,)), 1)
    assert segment.short_message[:4] == bytes.fromhex("03240102")


def test_a_hindi_text_with_a_danda_needs_both_tables():
    way = TextWay(languages=(Language.TURKISH, Language.HINDI))
    parts = write((HINDI + "। ") * 12, UCS2, way, 9)
    assert [part.short_message[:12] for part in parts] == [
        bytes((11, 0, 3, 9, 2, number, 0x24, 1, 6, 0x25, 1, 6)) for number in (1, 2)
    ]
    assert len(bodies(parts)[0]) <= 146
    assert (header_of(parts[0]).locking, header_of(parts[0]).single) == (Language.HINDI, Language.HINDI)


def test_no_table_is_used_that_saves_nothing():
    way = TextWay(languages=tuple(Language))
    assert write("ğış", UCS2, way, 1) == split("ğış", UCS2, 1)
    assert write("a" * 161, GSM7, way, 1) == split("a" * 161, GSM7, 1)
    assert write("ğ" * 71 + "Ж", UCS2, way, 1) == split("ğ" * 71 + "Ж", UCS2, 1)


def test_a_gsm_text_of_signs_may_save_segments_too():
    assert len(write("€" * 100, GSM7, TextWay(languages=(Language.TURKISH,)), 1)) == 1


def test_no_table_is_used_that_the_carrier_was_not_said_to_pass():
    assert len(write("ğış" * 40, UCS2, TextWay(languages=(Language.SPANISH,)), 1)) == 2
    assert len(write("ğış" * 40, UCS2, TextWay(Alphabet.LATIN1, languages=(Language.TURKISH,)), 1)) == 2


@pytest.mark.parametrize("method", [LongMessages.SAR, LongMessages.PAYLOAD])
def test_tables_join_no_parts_where_the_carrier_joins_without_headers(method):
    way = TextWay(languages=(Language.TURKISH,), long_messages=method)
    assert write("ğış" * 50, UCS2, way, 1)[0].short_message[:4] == bytes.fromhex("03250101")
    assert write("ğış" * 60, UCS2, way, 1)[0].data_coding == 8


def test_an_escape_pair_of_a_national_table_is_not_cut():
    text = "a" * 148 + "í" * 20
    first, second = write(text, UCS2, TextWay(languages=(Language.SPANISH,)), 1)
    assert bodies([first, second]) == [b"a" * 148, b"\x1bi" * 20]


# Previews


def test_a_preview_tells_what_would_be_sent():
    told = preview("a" * 152 + "€" + "b" * 10)
    assert (told.encoding, told.alphabet, told.parts, told.characters) == (GSM7, Alphabet.GSM7, 2, (152, 11))
    assert told.forcing == ()
    told = preview("{é" * 90, LATIN1)
    assert (told.encoding, told.alphabet, told.characters) == (GSM7, Alphabet.LATIN1, (102, 78))


def test_a_preview_names_the_characters_that_force_ucs2():
    told = preview("Olá 👋 ok ğ")
    assert (told.encoding, told.alphabet, told.parts, told.characters) == (UCS2, None, 1, (10,))
    assert told.forcing == (Forcing(3, "á"), Forcing(5, "👋"), Forcing(10, "ğ"))


def test_a_preview_names_twenty_characters_at_most():
    assert len(preview("Ж" * 100).forcing) == MOST_FORCING == 20


def test_a_preview_names_the_tables_used_and_what_needed_them():
    told = preview("ğış" * 40, TextWay(languages=(Language.TURKISH,)))
    assert (told.encoding, told.alphabet, told.parts, told.characters) == (GSM7, Alphabet.GSM7, 1, (120,))
    assert (told.locking, told.single) == (Language.TURKISH, None)
    assert told.forcing[0] == Forcing(1, "ğ")


def test_a_preview_in_ucs2_may_be_asked_for():
    assert preview("hi", encoding=UCS2).alphabet is None


@given(
    text=st.sampled_from(["ş€a", "á€{", "कि।", "abcñ€", "Úçõ|"]).flatmap(
        lambda characters: st.lists(st.sampled_from(characters), min_size=65, max_size=400)
    ),
    languages=st.lists(st.sampled_from(Language), min_size=1, unique=True),
    method=st.sampled_from(LongMessages),
)
def test_of_all_tables_those_of_the_fewest_parts_are_used_the_first_of_them_and_none_that_saves_nothing(
    text, languages, method
):
    whole = "".join(text)
    pairs = shifts_of(tuple(languages))
    way = TextWay(languages=tuple(languages), long_messages=method)
    one_by_one = [preview(whole, replace(way, languages=()))]
    one_by_one += [preview(whole, replace(way, languages=(language,))) for language in languages]
    found = preview(whole, way)
    assert found.parts == min(one.parts for one in one_by_one)
    used = Shifts(found.locking, found.single)
    if used == Shifts(None, None):
        assert found.parts == one_by_one[0].parts
    else:
        assert found.parts < one_by_one[0].parts
        earlier = {(one.locking, one.single) for one in one_by_one[1:] if one.parts == found.parts}
        assert tuple(used) == min(earlier, key=lambda pair: pairs.index(Shifts(*pair)))


def test_a_table_that_would_save_a_segment_but_for_its_escape_pairs_is_not_used():
    way = TextWay(languages=(Language.SPANISH,))
    found = preview("€á" * 74 + "€", way)
    assert (found.parts, found.single) == (3, None), "298 septets, of which 149 go into a part, and none cut in a pair"
    assert preview("€á" * 73, way).single is Language.SPANISH
