"""Octets of texts: both alphabets, what neither can carry, and every data_coding that a peer may claim."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.reading import read_text
from protocol.text import (
    Encoding,
    NotEncodable,
    decode_gsm,
    encode_gsm,
    encode_ucs2,
    encoding_of,
    septets,
    unencodable,
)
from protocol.writing import TextWay

# Typed from the tables of 3GPP TS 23.038 §6.2.1 and §6.2.1.1, by code, and not from text.py.
MAIN = {
    0x00: "@", 0x01: "£", 0x02: "$", 0x03: "¥", 0x04: "è", 0x05: "é", 0x06: "ù", 0x07: "ì", 0x08: "ò", 0x09: "Ç",
    0x0A: "\n", 0x0B: "Ø", 0x0C: "ø", 0x0D: "\r", 0x0E: "Å", 0x0F: "å", 0x10: "Δ", 0x11: "_", 0x12: "Φ", 0x13: "Γ",
    0x14: "Λ", 0x15: "Ω", 0x16: "Π", 0x17: "Ψ", 0x18: "Σ", 0x19: "Θ", 0x1A: "Ξ", 0x1C: "Æ", 0x1D: "æ", 0x1E: "ß",
    0x1F: "É", 0x24: "¤", 0x40: "¡", 0x5B: "Ä", 0x5C: "Ö", 0x5D: "Ñ", 0x5E: "Ü", 0x5F: "§", 0x60: "¿", 0x7B: "ä",
    0x7C: "ö", 0x7D: "ñ", 0x7E: "ü", 0x7F: "à",
}  # fmt: skip
SAME_AS_ASCII = {
    code: chr(code) for code in (*range(0x20, 0x24), *range(0x25, 0x40), *range(0x41, 0x5B), *range(0x61, 0x7B))
}
EXTENSION = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}  # fmt: skip
CODES = {character: bytes((code,)) for code, character in (MAIN | SAME_AS_ASCII).items()} | {
    character: bytes((0x1B, code)) for code, character in EXTENSION.items()
}
gsm_texts = st.text(st.sampled_from(sorted(CODES)))
other_characters = st.characters(exclude_characters="".join(CODES), exclude_categories=["Cs"])


def read(octets: bytes, data_coding: int) -> str:
    return read_text(octets, data_coding, False, TextWay())[0]


def test_the_table_of_this_test_is_whole():
    assert len(CODES) == 127 + 10


@pytest.mark.parametrize("character", sorted(CODES), ids=ascii)
def test_each_character_of_gsm_has_the_code_of_the_specification(character):
    assert encode_gsm(character) == CODES[character]
    assert decode_gsm(CODES[character]) == character
    assert septets(character) == len(CODES[character])


@given(gsm_texts)
def test_a_gsm_text_comes_back(text):
    octets = encode_gsm(text)
    assert octets == b"".join(CODES[character] for character in text)
    assert decode_gsm(octets) == text
    assert septets(text) == len(octets)
    assert unencodable(text) is None
    assert encoding_of(text) is Encoding.GSM7


@given(gsm_texts, other_characters, st.text())
def test_the_first_character_that_gsm_lacks_is_named_with_its_place(before, foreign, behind):
    text = before + foreign + behind
    assert unencodable(text) == (len(before) + 1, foreign)
    assert encoding_of(text) is Encoding.UCS2
    with pytest.raises(NotEncodable) as caught:
        septets(text)
    assert (caught.value.position, caught.value.character) == (len(before) + 1, foreign)


@pytest.mark.parametrize("foreign", ["`", "\x1b", "\t", "ç", "á", "À", "🙂", "Ж", "\x00", "\x7f", "\ud800"], ids=ascii)
def test_what_looks_near_is_not_sent_as_something_else(foreign):
    assert unencodable(f"ab{foreign}") == (3, foreign)


def test_the_error_names_code_point_and_place_and_nothing_else_of_the_text():
    with pytest.raises(NotEncodable, match=r"^U\+1F642 at position 9 cannot be encoded$"):
        encode_gsm("PIN 4412🙂")


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"\x1ba", "a"),
        (b"\x1b\x00", "@"),
        (b"\x1b\x0d", "\r"),
        (b"\x1b\x1b", " "),
        (b"\x1b\x1be", " e"),
        (b"a\x1b", "a "),
        (b"a\x80b\xff", "a\ufffdb\ufffd"),
        (b"\x1b\x80", "\ufffd"),
    ],
)
def test_an_escape_that_means_nothing_shows_the_character_of_the_main_table(octets, text):
    assert decode_gsm(octets) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_from_ucs2(text):
    octets = encode_ucs2(text)
    assert not octets.startswith(b"\xfe\xff") or text.startswith("\ufeff")
    assert octets.decode("utf-16-be") == text


def test_half_a_surrogate_pair_is_not_sent():
    with pytest.raises(NotEncodable) as caught:
        encode_ucs2("ab\udc00")
    assert (caught.value.position, caught.value.character) == (3, "\udc00")


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"\x00A\x01", "A\ufffd"),
        (b"\xd8\x00\x00A", "\ufffdA"),
        (b"\xdc\x00\x00A", "\ufffdA"),
        (b"\x00A\xd8\x3d", "A\ufffd"),
        (b"\xd8\x3d\xde\x42", "🙂"),
    ],
)
def test_damaged_ucs2_loses_only_what_is_damaged(octets, text):
    assert read(octets, 8) == text


@pytest.mark.parametrize(
    ("data_coding", "octets", "text"),
    [
        (0x00, b"\x00\x1be", "@€"),
        (0x01, b"@\xe9", "@é"),
        (0x02, b"\x00\xff", "\x00ÿ"),
        (0x03, b"@\xe9", "@é"),
        (0x04, b"\x00\xff", "\x00ÿ"),
        (0x05, b"\x83\x65", "テ"),
        (0x06, b"\xb4", "Д"),
        (0x07, b"\xf9\xec", "של"),
        (0x08, b"\x04\x14", "Д"),
        (0x09, b"\xe9", "é"),
        (0x0A, b"\x1b$B%F\x1b(B", "テ"),
        (0x0D, b"\x83\x65", "テ"),
        (0x0E, b"\xc7\xd1", "한"),
        (0x10, b"\x00", "@"),
        (0x14, b"\xe9", "é"),
        (0x18, b"\x04\x14", "Д"),
        (0x1C, b"\xe9", "é"),
        (0x20, b"\x00\xe9", "\x00é"),
        (0x48, b"\x04\x14", "Д"),
        (0x80, b"\x00\xe9", "\x00é"),
        (0xC8, b"\x00", "@"),
        (0xD0, b"\x00", "@"),
        (0xE0, b"\x04\x14", "Д"),
        (0xF0, b"\x00", "@"),
        (0xF1, b"\x00", "@"),
        (0xF5, b"\x00\xe9", "\x00é"),
    ],
)
def test_data_coding_names_the_alphabet_of_an_inbound_text(data_coding, octets, text):
    assert read(octets, data_coding) == text


@given(st.binary(), st.integers(0, 255))
def test_no_inbound_octets_fail_to_decode(octets, data_coding):
    read(octets, data_coding).encode("utf-8")
