"""National language tables against a listing of their own kind: by what they share, and by what each has of its own."""

import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.alphabets import LANGUAGE_IDENTIFIERS, Language
from protocol.national_tables import Shifts, count_shifted, decode_shifted, encode_shifted, shifts_of
from protocol.text import NotEncodable, decode_gsm, encode_gsm

NONE = "\ufffd"
GSM = "".join(decode_gsm(bytes((septet,))) for septet in range(128))
# The Indic tables follow their Unicode blocks, and show which code points were assigned in Unicode 5.1. By septet: the
# offset in the block, or a character that all share.
INDIC = [
    *(1, 2, 3, 5, 6, 7, 8, 9, 10, 11, "\n", 12, 13, "\r", 14, 15),
    *(16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, " ", 27, 28, 29, 30),
    *(" ", "!", 31, 32, 33, 34, 35, 36, ")", "(", 37, 38, ",", 39, ".", 40),
    *("0123456789:;", 41, 42, 43, "?"),
    *(44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 60, 61),
    *(62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77),
    *(None, "abcdefghijklmno"),
    *("pqrstuvwxyz", None, None, None, None, None),
]
LATER_THAN_5_1 = set("\u0c34\u0c3c\u0c81\u0d01\u0d29\u0d3c")
OWN = {
    Language.BENGALI: (0x0980, "09CE 09D7 09DC 09DD 09F0 09F1"),
    Language.GUJARATI: (0x0A80, "0AD0 0AE0 0AE1 0AE2 0AE3 0AF1"),
    Language.HINDI: (0x0900, "0950 0972 097B 097C 097E 097F"),
    Language.KANNADA: (0x0C80, "0CD5 0CD6 0CE0 0CE1 0CE2 0CE3"),
    Language.MALAYALAM: (0x0D00, "0D57 0D60 0D61 0D62 0D63 0D79"),
    Language.ORIYA: (0x0B00, "0B56 0B57 0B60 0B61 0B62 0B63"),
    Language.PUNJABI: (0x0A00, "0A51 0A70 0A71 0A72 0A73 0A74"),
    Language.TAMIL: (0x0B80, "0BD0 0BD7 0BF0 0BF1 0BF2 0BF9"),
    Language.TELUGU: (0x0C00, "0C55 0C56 0C60 0C61 0C62 0C63"),
}
URDU = (
    "0627 0622 0628 067B 0680 067E 06A6 062A 06C2 067F 000A 0679 067D 000D 067A 067C "
    "062B 062C 0681 0684 0683 0685 0686 0687 062D 062E 062F 0020 068C 0688 0689 068A "
    "0020 0021 068F 068D 0630 0631 0691 0693 0029 0028 0699 0632 002C 0696 002E 0698 "
    "0030 0031 0032 0033 0034 0035 0036 0037 0038 0039 003A 003B 069A 0633 0634 003F "
    "0635 0636 0637 0638 0639 0641 0642 06A9 06AA 06AB 06AF 06B3 06B1 0644 0645 0646 "
    "06BA 06BB 06BC 0648 06C4 06D5 06C1 06BE 0621 06CC 06D0 06D2 064D 0650 064F 0657 "
    "0654"
)
TURKISH = {0x04: "€", 0x07: "ı", 0x0B: "Ğ", 0x0C: "ğ", 0x1C: "Ş", 0x1D: "ş", 0x40: "İ", 0x60: "ç"}
PORTUGUESE = {
    0x04: "ê", 0x06: "ú", 0x07: "í", 0x08: "ó", 0x09: "ç", 0x0B: "Ô", 0x0C: "ô", 0x0E: "Á", 0x0F: "á", 0x12: "ª",
    0x13: "Ç", 0x14: "À", 0x15: "∞", 0x16: "^", 0x17: "\\", 0x18: "€", 0x19: "Ó", 0x1A: "|", 0x1C: "Â", 0x1D: "â",
    0x1E: "Ê", 0x24: "º", 0x40: "Í", 0x5B: "Ã", 0x5C: "Õ", 0x5D: "Ú", 0x60: "~", 0x7B: "ã", 0x7C: "õ", 0x7D: "`",
}  # fmt: skip
EXTENSION = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}  # fmt: skip
SINGLE_LATIN = {
    Language.TURKISH: {0x47: "Ğ", 0x49: "İ", 0x53: "Ş", 0x63: "ç", 0x67: "ğ", 0x69: "ı", 0x73: "ş"},
    Language.SPANISH: {
        0x09: "ç", 0x41: "Á", 0x49: "Í", 0x4F: "Ó", 0x55: "Ú", 0x61: "á", 0x69: "í", 0x6F: "ó", 0x75: "ú",
    },
    Language.PORTUGUESE: {
        0x05: "ê", 0x09: "ç", 0x0B: "Ô", 0x0C: "ô", 0x0E: "Á", 0x0F: "á", 0x12: "Φ", 0x13: "Γ", 0x15: "Ω", 0x16: "Π",
        0x17: "Ψ", 0x18: "Σ", 0x19: "Θ", 0x1F: "Ê", 0x41: "À", 0x49: "Í", 0x4F: "Ó", 0x55: "Ú", 0x5B: "Ã", 0x5C: "Õ",
        0x61: "Â", 0x69: "í", 0x6F: "ó", 0x75: "ú", 0x7B: "ã", 0x7C: "õ", 0x7F: "â",
    },
}  # fmt: skip
SHARED = "@£$¥¿\"¤%&'\f*+\r-/<=>¡^¡_#*"
# From 0x19 on, without the places that all share.
SINGLE_OWN = {
    Language.BENGALI: "09E6-09EF 09DF-09E3 09F2-09FA",
    Language.GUJARATI: "0964-0965 0AE6-0AEF",
    Language.HINDI: "0964-0965 0966-096F 0951-0954 0958-0963 0970-0971",
    Language.KANNADA: "0964-0965 0CE6-0CEF 0CDE-0CDE 0CF1-0CF2",
    Language.MALAYALAM: "0964-0965 0D66-0D75 0D7A-0D7F",
    Language.ORIYA: "0964-0965 0B66-0B6F 0B5C-0B5D 0B5F-0B5F 0B70-0B71",
    Language.PUNJABI: "0964-0965 0A66-0A6F 0A59-0A5C 0A5E-0A5E 0A75-0A75",
    Language.TAMIL: "0964-0965 0BE6-0BEF 0BF3-0BF8 0BFA-0BFA",
    Language.TELUGU: "FFFD-FFFD FFFD-FFFD 0C66-0C6F 0C58-0C59 0C78-0C7F",
    Language.URDU: "0600-0601 06F0-06F9 060C-0614 061B-061B 061F-061F 0640-0640 0652-0652 0658-0658 066B-066C "
    "0672-0673 06CD-06CD 06D4-06D4",
}


def locking_table(language: Language) -> str:
    return "".join(" " if at == 0x1B else decode_shifted(bytes((at,)), Shifts(language, None)) for at in range(128))


def single_table(language: Language) -> dict[int, str]:
    """What stands behind an escape, where that is not what stands without."""
    shifts = Shifts(None, language)
    shown = {at: decode_shifted(bytes((0x1B, at)), shifts) for at in range(128) if at not in (0x0D, 0x1B)}
    return {at: character for at, character in shown.items() if character != GSM[at]}


def flat(places: list[int | str | None]) -> list[int | str | None]:
    return [one for place in places for one in (place if isinstance(place, str) else [place])]


def ranges(listed: str) -> list[str]:
    pairs = (one.split("-") for one in listed.split())
    return [chr(code) for first, last in pairs for code in range(int(first, 16), int(last, 16) + 1)]


@pytest.mark.parametrize(("language", "differing"), [(Language.TURKISH, TURKISH), (Language.PORTUGUESE, PORTUGUESE)])
def test_latin_locking_tables_differ_from_the_default_alphabet_where_listed(language, differing):
    assert {at: new for at, (old, new) in enumerate(zip(GSM, locking_table(language), strict=True)) if old != new} == (
        differing
    )


@pytest.mark.parametrize("language", OWN)
def test_indic_locking_tables_follow_their_block(language):
    block, own = OWN[language]
    extras = [chr(int(code, 16)) for code in own.split()]
    table = locking_table(language)
    for septet, place in enumerate(flat(INDIC)):
        shown = table[septet]
        if place is None:
            assert shown == extras.pop(0)
        elif isinstance(place, str):
            assert shown == place, hex(septet)
        elif shown == NONE:
            missing = chr(block + place)
            assert unicodedata.category(missing) == "Cn" or missing in LATER_THAN_5_1, (hex(septet), hex(ord(missing)))
        else:
            assert shown == chr(block + place), hex(septet)
            assert shown not in LATER_THAN_5_1


def test_the_urdu_locking_table_is_as_listed():
    listed = [chr(int(code, 16)) for code in URDU.split()]
    tail = "abcdefghijklmnopqrstuvwxyz\u0655\u0651\u0653\u0656\u0670"
    assert locking_table(Language.URDU) == "".join(listed) + tail


@pytest.mark.parametrize("language", SINGLE_LATIN)
def test_latin_single_tables_add_to_the_extension_table(language):
    listed = EXTENSION | SINGLE_LATIN[language]
    assert single_table(language) == {at: new for at, new in listed.items() if new != GSM[at]}


@pytest.mark.parametrize("language", SINGLE_OWN)
def test_indic_single_tables_share_signs_and_capitals(language):
    own = iter(ranges(SINGLE_OWN[language]))
    expected = dict(enumerate(SHARED))
    for at in (*range(0x19, 0x1B), *range(0x1C, 0x3C), 0x3F):
        character = EXTENSION.get(at) or next(own, NONE)
        if character != NONE:
            expected[at] = character
    expected |= {0x41 + at: chr(0x41 + at) for at in range(26)} | EXTENSION
    del expected[0x0D]
    assert next(own, None) is None
    table = single_table(language)
    assert table == {at: character for at, character in expected.items() if character != GSM[at]}


def test_identifiers_are_those_of_the_specification():
    assert [LANGUAGE_IDENTIFIERS[language] for language in Language] == list(range(1, 14))
    assert LANGUAGE_IDENTIFIERS[Language.SPANISH] == 2
    assert LANGUAGE_IDENTIFIERS[Language.URDU] == 13


def test_spanish_has_no_locking_table():
    assert shifts_of((Language.SPANISH,)) == (Shifts(None, Language.SPANISH),)


@pytest.mark.parametrize("language", Language)
def test_every_character_of_the_tables_comes_back(language):
    for shifts in shifts_of((language,)):
        octets = bytes(at for at in range(128) if at != 0x1B)
        text = (
            decode_shifted(octets, shifts) + "".join(single_table(language).values() if shifts.single else "")
        ).replace(NONE, "")
        assert decode_shifted(encode_shifted(text, shifts), shifts) == text


@given(st.binary(max_size=50))
def test_without_a_language_the_tables_are_those_of_gsm(octets):
    nothing = Shifts(None, None)
    assert decode_shifted(octets, nothing) == decode_gsm(octets)
    text = decode_gsm(octets).replace(NONE, "")
    assert encode_shifted(text, nothing) == encode_gsm(text)


def test_a_character_that_the_tables_lack_is_named_with_its_place():
    with pytest.raises(NotEncodable) as caught:
        encode_shifted("ağЖ", Shifts(None, Language.TURKISH))
    assert (caught.value.position, caught.value.character) == (3, "Ж")


@given(st.binary(max_size=60), st.sampled_from(Language))
def test_any_octets_are_read_by_any_table(octets, language):
    for shifts in shifts_of((language,)):
        decode_shifted(octets, shifts).encode("utf-8")


@given(shifts=st.sampled_from(shifts_of(tuple(Language))), text=st.text("abc{€şĞáÚकि।", max_size=40))
def test_septets_are_counted_as_they_would_be_encoded(shifts: Shifts, text: str) -> None:
    try:
        septets = len(encode_shifted(text, shifts))
    except NotEncodable:
        assert count_shifted(Counter(text), shifts) is None
    else:
        assert count_shifted(Counter(text), shifts) == septets
