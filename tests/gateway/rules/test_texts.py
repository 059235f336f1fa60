import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rules.faults import Fault, FaultCode
from gateway.rules.texts import GSM7, ReadyText, fits_one, prepare
from gateway.rules.transliteration import transliterated
from protocol.text import Encoding


def ready(text: str, *, allow: bool = False, transliterate: bool = False) -> ReadyText | Fault:
    return prepare(text, allow_unicode=allow, transliterate=transliterate)


def test_gsm_is_used_wherever_it_can_carry_the_text() -> None:
    assert ready("Your code is 1234") == ReadyText("Your code is 1234", Encoding.GSM7, 1)
    assert ready("x" * 161, allow=True) == ReadyText("x" * 161, Encoding.GSM7, 2)
    assert ready("€" * 80) == ReadyText("€" * 80, Encoding.GSM7, 1)
    assert ready("€" * 81) == ReadyText("€" * 81, Encoding.GSM7, 2)


@given(st.one_of(st.text(), st.text("a€[ñÁ", min_size=70, max_size=170)))
def test_the_quick_look_finds_just_what_goes_as_it_is_in_one_segment(text: str) -> None:
    assert fits_one(text) == (ready(text, allow=True, transliterate=True) == ReadyText(text, GSM7, 1))


def test_unicode_is_refused_with_the_character_its_place_and_the_remedy() -> None:
    assert ready("Hello🙂") == Fault(
        "has '🙂' at position 6, which GSM 03.38 cannot carry; set allow_unicode", FaultCode.NEEDS_UNICODE
    )


def test_a_character_that_cannot_be_shown_is_named_by_its_number() -> None:
    fault = ready("a\u200bb")
    assert isinstance(fault, Fault)
    assert fault.words.startswith("has U+200B at position 2,")


def test_allowed_unicode_goes_as_ucs2() -> None:
    assert ready("Hello🙂", allow=True) == ReadyText("Hello🙂", Encoding.UCS2, 1)
    assert ready("ж" * 71, allow=True) == ReadyText("ж" * 71, Encoding.UCS2, 2)


def test_transliteration_makes_typography_plain() -> None:
    assert ready("“It’s 5 – 6…”\u00a0ok", transliterate=True) == ReadyText('"It\'s 5 - 6..." ok', Encoding.GSM7, 1)
    assert ready("Señor Žižek ã", transliterate=True) == ReadyText("Señor Zizek a", Encoding.GSM7, 1)


def test_a_text_stays_whole_numbers_and_all_when_fractions_are_written_out() -> None:
    assert ready("5½ or ½ of “it”", transliterate=True) == ReadyText('5 1/2 or 1/2 of "it"', Encoding.GSM7, 1)


def test_decomposed_letters_are_composed_before_they_are_transliterated() -> None:
    assert ready("cafe\u0301 Z\u030cizek", transliterate=True) == ReadyText("café Zizek", Encoding.GSM7, 1)


def test_a_mark_that_no_letter_takes_is_told_by_its_place_in_the_callers_text() -> None:
    assert ready("e\u0301 x\u0302", transliterate=True) == Fault(
        "has U+0302 at position 5, which GSM 03.38 cannot carry; set allow_unicode", FaultCode.NEEDS_UNICODE
    )


def test_transliteration_leaves_texts_alone_that_gsm_can_carry() -> None:
    assert ready("àèé € {}", transliterate=True) == ReadyText("àèé € {}", Encoding.GSM7, 1)


def test_what_transliteration_cannot_help_is_told_by_its_place_in_the_callers_text() -> None:
    assert ready("…🙂", transliterate=True) == Fault(
        "has '🙂' at position 2, which GSM 03.38 cannot carry; set allow_unicode", FaultCode.NEEDS_UNICODE
    )


def test_a_text_of_nothing_but_invisible_marks_is_empty_once_transliterated() -> None:
    assert ready("\u200b", transliterate=True) == Fault("is empty once transliterated", FaultCode.EMPTY)


def test_a_text_is_refused_beyond_255_segments_and_never_cut() -> None:
    assert ready("x" * 153 * 255) == ReadyText("x" * 153 * 255, Encoding.GSM7, 255)
    too_long = ready("€" * 153 * 130)
    assert isinstance(too_long, Fault)
    assert too_long.code is FaultCode.TOO_MANY_SEGMENTS
    assert isinstance(ready("x" * (153 * 255 + 1)), Fault)
    assert isinstance(ready("ж" * (67 * 255 + 1), allow=True), Fault)


@given(st.text(min_size=1, max_size=200).filter(lambda text: text.isprintable()))
def test_with_unicode_allowed_every_printable_text_goes_unchanged(text: str) -> None:
    found = ready(text, allow=True)
    assert isinstance(found, ReadyText)
    assert found.text == text


@given(st.text(min_size=1, max_size=200))
def test_transliterated_text_always_fits_gsm_or_is_refused(text: str) -> None:
    found = ready(text, transliterate=True)
    assert isinstance(found, Fault) or found.encoding == Encoding.GSM7


@pytest.mark.parametrize(
    ("text", "position"),
    [("’a" * 19_000 + "ж", 38_001), ("e\u0301" * 19_000 + "ж", 38_001), ("a" + "\u0301\u0323" * 19_000, 2)],
    ids=["signs", "letters-with-marks", "marks"],
)
def test_the_place_of_what_nothing_stands_for_is_found_in_few_steps(text: str, position: int) -> None:
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        fault = ready(text, transliterate=True)
    finally:
        sys.setprofile(None)
    assert isinstance(fault, Fault)
    assert f" at position {position}, " in fault.words
    # Step by step it would be some 20 a character.
    assert calls < len(text)


@given(st.text("ae’½\u0301\u0302\u0323ж한", min_size=1, max_size=100))
def test_what_stands_before_the_place_that_is_told_can_be_sent(text: str) -> None:
    fault = ready(text, transliterate=True)
    if isinstance(fault, Fault) and fault.code is FaultCode.NEEDS_UNICODE:
        position = int(fault.words.partition(" at position ")[2].partition(",")[0])
        # Marks belong to the letter before them.
        before = text[: position - 1].rstrip("\u0301\u0302\u0323")
        assert not before or isinstance(ready(before[:-1] or "a", transliterate=True), ReadyText)


def test_marks_without_end_are_not_put_in_order() -> None:
    endless = "a" + "\u0301\u0323" * 50
    assert transliterated(endless) == endless
    few = "a" + "\u0301\u0323" * 5
    assert transliterated(few) == "a" + "\u0323" * 4 + "\u0301" * 5


@pytest.mark.parametrize("at", [0, 999, 1_000, 1_001, 1_999, 2_500])
@pytest.mark.parametrize("before", ["a", "ž", "e\u0301"])
def test_the_place_of_what_cannot_go_is_found_wherever_a_long_text_is_looked_at(before: str, at: int) -> None:
    text = (before * 3_000)[:at] + "ж" * 100
    position = next(n for n, character in enumerate(text, 1) if character == "ж")
    refused = prepare(text, allow_unicode=False, transliterate=True)
    assert isinstance(refused, Fault)
    assert f"'ж' at position {position}," in refused.words


@pytest.mark.parametrize("fraction", ["5½", "e\u0301", "\u200b"])
def test_a_long_text_is_rewritten_whole_whatever_stands_where_its_slices_end(fraction: str) -> None:
    for length in (998, 999, 1_000, 1_001):
        text = "a" * length + fraction + "…" * 1_000
        ready = prepare(text, allow_unicode=False, transliterate=True)
        assert isinstance(ready, ReadyText)
        assert ready.text == transliterated(text)
