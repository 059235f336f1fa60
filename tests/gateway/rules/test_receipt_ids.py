"""What is learned of a carrier's ids: by matches in a row, and given up when they stop fitting."""

import pytest

from gateway.rules.receipt_ids import SETTLED, UNLEARNED, LearnedIds, Spelling, first_key, spelled

ANSWERS = [f"{n:X}" for n in range(1, 60)]


def seen(told, answers=ANSWERS, base="auto"):
    learned = LearnedIds(base)
    changes = [learned.saw(receipt, answer) for receipt, answer in zip(told, answers, strict=True)]
    return learned, changes


@pytest.mark.parametrize(
    ("told", "answered", "spelling"),
    [
        ("5F3A", "5F3A", Spelling.SAME),
        ("5f3a", "5F3A", Spelling.PADDED),
        ("000024", "24", Spelling.PADDED),
        ("24378", "5F3A", Spelling.DECIMAL),
        ("0000024378", "00005f3a", Spelling.DECIMAL),
        ("5F3A", "24378", Spelling.HEX),
        ("10641197726890459262", "93AD20F40000007E", Spelling.DECIMAL),
        ("bc59b8aa-2fd2-4035-8113-19301e050079", "bc59b8aa-2fd2-4035-8113-19301e050079", Spelling.SAME),
    ],
)
def test_a_spelling_is_told_from_the_others(told, answered, spelling):
    assert spelled(told, answered)[0] is spelling


def test_ids_that_have_nothing_in_common_say_nothing():
    assert spelled("5F3A", "5F3B") == []
    assert not LearnedIds().saw("5F3A", "5F3B")


def test_a_number_that_is_the_same_in_both_bases_speaks_for_all():
    assert set(spelled("7", "7")) == set(Spelling)
    assert spelled("5F3A", "5F3A") == spelled("a-7", "a-7") == [Spelling.SAME, Spelling.PADDED]


@pytest.mark.parametrize(
    ("told", "spelling"),
    [
        (ANSWERS, Spelling.SAME),
        ([a.lower() for a in ANSWERS], Spelling.PADDED),
        ([a.zfill(10) for a in ANSWERS], Spelling.PADDED),
        ([str(int(a, 16)) for a in ANSWERS], Spelling.DECIMAL),
        ([str(int(a, 16)).zfill(10) for a in ANSWERS], Spelling.DECIMAL),
    ],
)
def test_a_format_is_learned_from_the_first_receipts_and_told_once(told, spelling):
    learned, changes = seen(told)
    assert learned.settled is spelling
    assert changes.count(True) == 1


def test_hex_of_decimal_answers_is_learned():
    learned, _ = seen([f"{n:x}" for n in range(1000, 1000 + SETTLED)], [str(n) for n in range(1000, 1000 + SETTLED)])
    assert learned.settled is Spelling.HEX
    assert learned.first == "hex"


def test_nothing_is_known_before_twenty_agree():
    learned, changes = seen(ANSWERS[: SETTLED - 1], ANSWERS[: SETTLED - 1])
    assert (learned.settled, learned.first, any(changes)) == (None, None, False)


def test_what_is_learned_goes_when_it_stops_fitting():
    learned, _ = seen(ANSWERS)
    changes = [learned.saw(str(n), f"{n:x}") for n in range(1000, 1000 + UNLEARNED)]
    assert changes == [False] * (UNLEARNED - 1) + [True]
    assert (learned.settled, learned.spelling) == (None, Spelling.DECIMAL)


def test_a_few_that_are_otherwise_do_not_unlearn():
    learned, _ = seen(ANSWERS)
    for n in range(1000, 1010):
        assert not learned.saw(str(n), f"{n:x}")
        learned.misfits = 0
    assert learned.settled is Spelling.SAME


def test_a_base_that_is_set_is_tried_first_until_receipts_say_otherwise():
    assert LearnedIds("decimal").first == "decimal"
    learned, _ = seen(ANSWERS, base="decimal")
    assert learned.first is None


@pytest.mark.parametrize(
    ("told", "first", "key"),
    [
        ("0024378", None, "24378"),
        ("0024378", "decimal", "5f3a"),
        ("5F3A", "decimal", "5f3a"),
        ("5F3A", "hex", "24378"),
        ("7d0f21aa-5b53", "hex", "7d0f21aa-5b53"),
        ("812FC7470000001B", "hex", str(0x812FC7470000001B)),
        ("7", "decimal", "7"),
        ("", "decimal", ""),
    ],
)
def test_the_key_that_is_looked_for_first(told, first, key):
    assert first_key(told, first) == key
