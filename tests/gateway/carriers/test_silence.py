import pytest

from gateway.carriers.silence import OWED_LIMIT_SECONDS, Silence
from protocol.window import Window

TIMEOUT = 60.0


def expired(capacity: int, at: list[float]) -> tuple[Window, Silence]:
    """A window of which one submit expired at each of these moments."""
    window = Window(capacity)
    for sequence, deadline in enumerate(at, 1):
        window.add(sequence, f"t{sequence}", deadline - TIMEOUT, deadline)
        window.expire(deadline)
    return window, Silence(window, TIMEOUT)


@pytest.mark.parametrize(
    ("capacity", "overdue", "sick"),
    [(10, 5, False), (10, 6, True), (9, 4, False), (9, 5, True), (2, 1, False), (2, 2, True), (1, 1, False)],
)
def test_more_than_half_of_the_window_and_more_than_one_make_a_link_sick(
    capacity: int, overdue: int, sick: bool
) -> None:
    _, silence = expired(capacity, [100.0] * overdue)
    silence.broken(99.0)
    assert (silence.sickness(100.0) is not None) is sick


def test_what_expired_longer_ago_than_a_response_timeout_counts_only_while_nothing_was_answered_since() -> None:
    _, silence = expired(4, [100.0, 130.0, 165.0])
    silence.broken(50.0)
    assert silence.sickness(165.0) == "3 answers are overdue, of a window of 4"
    silence.broken(110.0)
    assert silence.sickness(165.0) is None


def test_a_late_answer_strikes_its_own_off() -> None:
    window, silence = expired(4, [100.0] * 3)
    window.settle_late(2, 100.0)
    assert silence.sickness(100.0) is None


def test_a_sick_link_owes_what_is_overdue_and_a_sound_one_nothing() -> None:
    window, silence = expired(4, [100.0] * 3)
    assert silence.owed == 0
    silence.sickness(100.0)
    assert silence.owed == 3
    window.settle_late(1, 100.0)
    assert silence.owed == 2


def test_a_sick_link_is_not_listened_to_for_longer_than_an_answer_may_take() -> None:
    assert Silence(Window(1), 60.0).listening_seconds == OWED_LIMIT_SECONDS
    assert Silence(Window(1), 0.5).listening_seconds == 0.5


def test_a_carrier_that_answers_nothing_at_all_is_listened_to_for_a_response_timeout() -> None:
    _, silence = expired(4, [100.0] * 3)
    silence.broken(100.0 - TIMEOUT)
    silence.sickness(100.0)
    assert silence.listening_seconds == TIMEOUT


def test_a_carrier_that_answers_others_is_listened_to_for_a_short_while() -> None:
    _, silence = expired(4, [100.0] * 3)
    silence.broken(99.0)
    silence.sickness(100.0)
    assert silence.listening_seconds == OWED_LIMIT_SECONDS
