import pytest

from protocol.patience import SHORTEST_SECONDS, Patience


@pytest.mark.parametrize(("usual", "seconds"), [(0.0, SHORTEST_SECONDS), (0.01, SHORTEST_SECONDS), (0.5, 5.0)])
def test_it_is_ten_times_the_usual_latency_and_never_very_short(usual, seconds):
    assert Patience().seconds(usual) == seconds


def test_a_late_answer_raises_it_to_twice_its_age_at_once_and_an_earlier_one_does_not_lower_it():
    patience = Patience()
    patience.answered_late(7.0, 60.0)
    assert patience.seconds(0.01) == 14.0
    patience.answered_late(2.0, 60.0)
    assert patience.seconds(0.01) == 14.0


def test_it_never_exceeds_what_any_answer_may_take_for_a_late_one():
    patience = Patience()
    patience.answered_late(70.0, 60.0)
    assert patience.seconds(0.01) == 60.0


def test_answers_that_never_come_let_it_sink_slowly_to_where_the_latency_puts_it():
    patience = Patience()
    patience.answered_late(30.0, 60.0)
    patience.unanswered()
    assert patience.seconds(0.1) == pytest.approx(54.0)
    for _ in range(50):
        patience.unanswered()
    assert patience.seconds(0.1) == 1.0
