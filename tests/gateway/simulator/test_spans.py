from random import Random

import pytest

from gateway.simulator.spans import Span, seconds, span


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0), ("40ms", 0.04), ("2s", 2), ("1.5s", 1.5), ("5m", 300), ("1h", 3600), ("7", 7)]
)
def test_a_length_of_time_is_read_in_its_unit(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "ms", "-1s", "1d", "1 s", "1s2", "nan", "inf", "31h1", "721h"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"length of time|longer than 30 days"):
        seconds(text)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("40ms", 0.04, 0.04), ("10-50ms", 0.01, 0.05), ("10ms-2s", 0.01, 2), ("0-1s", 0, 1), ("1-2", 1, 2)],
)
def test_a_range_may_give_its_unit_once(text: str, least: float, most: float) -> None:
    read = span(text)
    assert (read.least, read.most) == (pytest.approx(least), pytest.approx(most))


def test_a_range_that_begins_after_its_end_is_refused() -> None:
    with pytest.raises(ValueError, match="begins after its end"):
        span("2s-10ms")


def test_a_fixed_span_draws_itself_without_using_up_a_random_number() -> None:
    random = Random(1)
    before = random.getstate()
    assert Span(0.5, 0.5).draw(random) == 0.5
    assert random.getstate() == before


def test_a_range_draws_from_all_of_itself() -> None:
    random = Random(1)
    drawn = [Span(1, 3).draw(random) for _ in range(200)]
    assert min(drawn) < 1.2
    assert max(drawn) > 2.8
    assert all(1 <= value <= 3 for value in drawn)
