"""Inbound texts by the habits of carriers: what data_coding 0 means, packing, tables, and UCS-2 that is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.alphabets import Alphabet, Language
from protocol.packing import pack
from protocol.reading import read_parts, read_text
from protocol.segments import UserDataHeader
from protocol.writing import TextWay

USUAL = TextWay()
ways = st.builds(
    TextWay,
    alphabet=st.sampled_from(Alphabet),
    data_coding=st.sampled_from([0, 1, 3, 8, 241]),
    ucs2_data_coding=st.sampled_from([0, 8, 24]),
    packed=st.booleans(),
)


def ucs2(text: str) -> bytes:
    return text.encode("utf-16-be")


@pytest.mark.parametrize(
    ("way", "data_coding", "octets", "text"),
    [
        (USUAL, 0, b"\x00\x1be", "@€"),
        (TextWay(Alphabet.LATIN1), 0, b"@\xe9", "@é"),
        (TextWay(Alphabet.LATIN9), 0, b"@\xa4", "@€"),
        (TextWay(Alphabet.ASCII), 0, b"@a", "@a"),
        (TextWay(Alphabet.ASCII), 0, b"ol\xe9", "olé"),
        (TextWay(Alphabet.LATIN9, data_coding=3), 3, b"\xa4", "€"),
        (TextWay(data_coding=1), 1, b"\x00", "@"),
        (TextWay(Alphabet.LATIN1), 0x10, b"\x00", "@"),
        (TextWay(ucs2_data_coding=24), 24, b"\x04\x16", "Ж"),
        (TextWay(ucs2_data_coding=4), 4, b"\x04\x16", "Ж"),
        (USUAL, 3, b"\xe9", "é"),
        (USUAL, 8, b"\x04\x16", "Ж"),
        (TextWay(packed=True), 0, bytes.fromhex("E8329BFD4697D9EC37"), "hellohello"),
        (TextWay(packed=True), 8, b"\x04\x16", "Ж"),
    ],
)
def test_coding_0_means_the_carriers_alphabet(way, data_coding, octets, text):
    assert read_text(octets, data_coding, False, way) == (text, None)


def test_a_part_is_read_behind_its_header():
    octets = bytes.fromhex("0500032A0302") + b"hi"
    assert read_text(octets, 0, True, USUAL) == ("hi", UserDataHeader(6, 0x2A, 2, 3))
    assert read_text(bytes.fromhex("0500032A0302") + pack(b"hi", 6), 0, True, TextWay(packed=True))[0] == "hi"


def test_a_header_that_is_none_is_text():
    assert read_text(b"hello", 0, True, USUAL) == ("hello", None)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("032501010C071D", "ğış"),
        ("032401021B690961", "íÇa"),
        ("062501062401061B1900", "।ँ"),
        ("0325010D00", "ا"),
        ("0324010E1B65", "€"),
        ("0324010C411B", "A "),
        ("032401011B1B", " "),
        ("032401011B1B47", " G"),
        ("032401011B1B1B47", " Ğ"),
        ("03240101C1", "\ufffd"),
        ("032401011BC1", "\ufffd"),
        ("032401011B42", "B"),
    ],
    ids=[
        "locking",
        "single",
        "both",
        "Urdu",
        "a language that is reserved",
        "an escape at the end",
        "two escapes",
        "two escapes and a character",
        "three escapes",
        "no septet",
        "no septet behind an escape",
        "nothing behind an escape but the main table's",
    ],
)
def test_national_tables_are_read_where_the_header_names_them(octets, text):
    assert read_text(bytes.fromhex(octets), 0, True, USUAL)[0] == text


def test_the_header_tells_its_languages():
    header = read_text(bytes.fromhex("06250106240106"), 0, True, USUAL)[1]
    assert header == UserDataHeader(7, None, 1, 1, Language.HINDI, Language.HINDI)


# UCS-2 that is none


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"\xfe\xff" + ucs2("Ж1"), "Ж1"),
        (b"\xff\xfe" + "Ж1".encode("utf-16-le"), "Ж1"),
        (b"\xfe\xff", ""),
        (b"\xff\xfe\x16", "\ufffd"),
        (ucs2("Ж1") + b"\0", "Ж1"),
        (ucs2("Ж1") + b"\x04", "Ж1\ufffd"),
        (b"", ""),
    ],
    ids=["big end first", "little end first", "a mark alone", "half a character", "a NUL too many", "odd", "empty"],
)
def test_ucs2_with_a_mark_or_odd_octets_is_read(octets, text):
    assert read_text(octets, 8, False, USUAL)[0] == text


@pytest.mark.parametrize("text", ["Yes", "STOP", "Stop, please", "hello there", "Call 0800 1234567", "a", "Baja!!!"])
def test_ascii_that_was_told_to_be_ucs2_is_read(text):
    assert read_text(text.encode(), 8, False, USUAL)[0] == text


@pytest.mark.parametrize("text", ["中", "收到", "慢慢", "不要", "中中中", "…‾", "慢慢慢慢慢慢慢慢"])
def test_chinese_whose_octets_are_ascii_stays_chinese(text):
    assert read_text(ucs2(text), 8, False, USUAL)[0] == text


@pytest.mark.parametrize(
    "text", ["നമസകരമണവനമസ", "नमसकरतहनमसकर", "ਨਮਸਕਰਤਹਨਮਸਕ", "ありがとうございました", "かきくけこさしすせそ"]
)
def test_scripts_whose_octets_are_ascii_stay_what_they_are(text):
    assert read_text(ucs2(text), 8, False, USUAL)[0] == text


# Parts together


def test_a_surrogate_pair_that_a_phone_cut_is_joined():
    octets = ucs2("Ж🙂Ж")
    parts = [bytes((5, 0, 3, 1, 2, 1)) + octets[:4], bytes((5, 0, 3, 1, 2, 2)) + octets[4:]]
    assert read_parts(parts, 8, True, USUAL) == "Ж🙂Ж"


def test_an_escape_pair_that_a_phone_cut_is_joined():
    parts = [bytes((5, 0, 3, 1, 2, 1)) + b"a\x1b", bytes((5, 0, 3, 1, 2, 2)) + b"eb"]
    assert read_parts(parts, 0, True, USUAL) == "a€b"


def test_each_part_may_have_tables_of_its_own():
    parts = [bytes.fromhex("080003010201250101") + b"\x07", bytes.fromhex("050003010202") + b"\x07"]
    assert read_parts(parts, 0, True, USUAL) == "ıì"


def test_an_odd_part_spoils_no_other():
    parts = [ucs2("Ж") + b"\x04", ucs2("Ж")]
    assert read_parts(parts, 8, False, USUAL) == "Ж\ufffdЖ"


def test_no_parts_are_no_text():
    assert read_parts([], 8, False, USUAL) == ""


@given(st.lists(st.binary(max_size=160), max_size=3), st.integers(0, 255), st.booleans(), ways)
def test_no_inbound_octets_fail_to_be_read(parts, data_coding, has_header, way):
    read_parts(parts, data_coding, has_header, way).encode("utf-8")
    for part in parts:
        read_text(part, data_coding, has_header, way)[0].encode("utf-8")
