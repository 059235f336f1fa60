import pytest

from protocol.patience import OTHER_REASONS_SECONDS, SHORTEST_SECONDS, Patience


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


def test_an_endless_one_never_ends():
    assert Patience(is_endless=True).seconds(0.01) == float("inf")


def test_a_throttle_while_slots_are_given_back_proves_that_the_peer_counts_them_and_makes_it_strict_for_a_while():
    patience = Patience()
    patience.given_back = 3
    patience.throttled(1.0, 60.0)
    assert patience.seconds(0.01) == 60.0
    for _ in range(60):
        patience.unanswered()
    assert patience.seconds(0.01) == SHORTEST_SECONDS


def test_a_peer_that_throttles_with_nothing_given_back_has_other_reasons_and_loses_no_flow_to_patience():
    patience = Patience()
    patience.throttled(0.0, 60.0)
    patience.given_back = 3
    patience.throttled(OTHER_REASONS_SECONDS, 60.0)
    assert patience.seconds(0.01) == SHORTEST_SECONDS
    patience.throttled(OTHER_REASONS_SECONDS + 1, 60.0)
    assert patience.seconds(0.01) == 60.0
