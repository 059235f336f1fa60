"""A campaign's own rate is kept to over any while, in slices rather than one by one."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.rules.paces import Pace


def made_within(pace, seconds, step):
    """What is made when it is asked every `step` seconds."""
    made, now = 0, 0.0
    while now < seconds:
        allowed = pace.allowed(now)
        pace.made(allowed)
        made += allowed
        now += step
    return made


def test_without_a_rate_all_may_be_made_at_once():
    pace = Pace(0.0, 500, 0.0)
    assert [pace.allowed(0.0), pace.wait(0.0)] == [500, 0.0]


def test_slices_come_four_times_a_second():
    pace = Pace(100.0, 500, 0.0)
    assert pace.allowed(0.0) == 25
    pace.made(25)
    assert pace.allowed(0.1) == 0
    assert round(pace.wait(0.1), 6) == 0.15
    assert pace.allowed(0.25) == 25


def test_what_was_not_made_is_made_up_for_by_a_second_at_most():
    pace = Pace(100.0, 500, 0.0)
    assert pace.allowed(3_600.0) == 100


@given(st.floats(0.1, 5_000), st.floats(0.01, 2.0))
def test_no_more_than_the_rate_is_made(rate, step):
    seconds = 20.0
    assert made_within(Pace(rate, 500, 0.0), seconds, step) <= rate * seconds + max(1.0, rate / 4) + 1


@given(st.floats(0.1, 1_000))
def test_who_waits_as_told_makes_what_the_rate_lets_him(rate):
    pace, now, made = Pace(rate, 500, 0.0), 0.0, 0
    while now < 100:
        allowed = pace.allowed(now)
        assert allowed or pace.wait(now) > 0
        pace.made(allowed)
        made += allowed
        now += pace.wait(now) + 1e-9
    assert made >= rate * 100 * 0.98 - max(1.0, rate / 4) - 1
