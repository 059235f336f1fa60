import pytest

from gateway.rules.receipt_silence import ReceiptSilence


def with_gaps(*gaps: float, longest: float = 600.0, least: float = 60.0) -> ReceiptSilence:
    """One that has met gaps of these lengths, a second after one another."""
    silence, now = ReceiptSilence(longest, least), 0.0
    for gap in gaps:
        silence.taken(1, now)
        silence.receipts(1, now + gap)
        now += gap + 1
    return silence


def test_before_twenty_gaps_are_met_the_limit_is_the_longest() -> None:
    assert with_gaps(*[1.0] * 19).limit() == 600.0
    assert with_gaps(*[1.0] * 20).limit() == 60.0


@pytest.mark.parametrize(
    ("gap", "limit"), [(0.1, 60.0), (15.0, 60.0), (20.0, 80.0), (100.0, 400.0), (149.0, 596.0), (5_000.0, 600.0)]
)
def test_the_limit_is_four_times_the_longest_gap_within_its_bounds(gap: float, limit: float) -> None:
    assert with_gaps(*[0.1] * 20, gap).limit() == pytest.approx(limit)


def test_a_long_gap_is_forgotten_after_an_hour_with_receipts() -> None:
    silence = with_gaps(*[0.1] * 20, 100.0)
    for minute in range(5, 66):
        silence.taken(1, minute * 60.0)
        silence.receipts(1, minute * 60.0 + 0.1)
    assert silence.limit() == 60.0


def test_a_night_without_traffic_forgets_nothing() -> None:
    silence = with_gaps(*[0.1] * 20, 100.0)
    silence.taken(1, 40_000.0)
    silence.receipts(1, 40_001.0)
    assert silence.limit() == 400.0


def test_twenty_must_be_waited_for() -> None:
    silence = ReceiptSilence(600.0, 60.0)
    silence.taken(19, 0.0)
    assert silence.silent_seconds(1_000.0) == 0.0
    silence.taken(1, 900.0)
    assert silence.silent_seconds(1_000.0) == 1_000.0


def test_silence_is_counted_from_the_first_message_after_the_last_receipt() -> None:
    silence = ReceiptSilence(600.0, 60.0)
    silence.taken(30, 0.0)
    silence.receipts(1, 10.0)
    silence.taken(30, 500.0)
    assert silence.silent_seconds(510.0) == 10.0
    silence.receipts(1, 511.0)
    assert silence.silent_seconds(512.0) == 0.0


def test_a_carrier_that_could_tell_none_is_waited_for_from_when_it_can() -> None:
    silence = ReceiptSilence(600.0, 60.0)
    silence.taken(30, 0.0)
    silence.resumed(300.0)
    assert silence.silent_seconds(301.0) == 1.0


def test_a_receipt_that_nothing_waited_for_teaches_nothing() -> None:
    silence = ReceiptSilence(600.0, 60.0)
    for second in range(100):
        silence.receipts(1, float(second))
    assert silence.limit() == 600.0


def test_a_carrier_that_gives_no_receipts_is_never_silent() -> None:
    assert with_gaps(*[0.1] * 30, longest=0.0).limit() is None


def test_a_longest_below_the_usual_least_wins() -> None:
    assert with_gaps(*[0.1] * 30, longest=2.0).limit() == 2.0
