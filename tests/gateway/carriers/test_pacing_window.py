"""The adaptive window, against carriers made of arithmetic: a queue of so many answers a second behind a latency."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.carriers.adaptive_window import AdaptiveWindow
from gateway.carriers.silence import Silence
from protocol.numbers import Tlv
from protocol.session_events import SubmitAnswered
from protocol.window import Window

RESPONSE_TIMEOUT = 60.0


class Backlog:
    """A sender with endless work, and a carrier that answers in series: one answer takes `each` seconds in it, and
    `way` seconds to come and go. In virtual time."""

    def __init__(self, capacity: int, *, each: float, way: float = 0.0) -> None:
        self.window = Window(capacity)
        self.adaptive = AdaptiveWindow(self.window, RESPONSE_TIMEOUT)
        self.each, self.way = each, way
        self.most = capacity
        """What the sender has at hand at a time."""
        self.now = 0.0
        self.congestion: int | None = None
        self.limits: list[int] = []
        self._flight: deque[tuple[int, float, float]] = deque()
        self._free_at = 0.0
        self._sequence = 0
        self._fill()

    def _fill(self) -> None:
        while self.window.free and self.window.in_flight < self.most:
            self._sequence += 1
            self.window.add(self._sequence, None, self.now, self.now + RESPONSE_TIMEOUT)
            self._free_at = max(self._free_at, self.now) + self.each
            self._flight.append((self._sequence, self.now, self._free_at + self.way))

    def answers(self, count: int) -> list[int]:
        """Run for so many answers; the limit after each."""
        limits = []
        for _ in range(count):
            sequence, sent_at, self.now = self._flight.popleft()
            self.window.settle(sequence)
            tlvs = {} if self.congestion is None else {int(Tlv.CONGESTION_STATE): bytes([self.congestion])}
            answer = SubmitAnswered(None, 0, "1", tlvs, self.now - sent_at, late=False)
            self.adaptive.answered([answer], self.now)
            limits.append(self.window.limit)
            self._fill()
        self.limits += limits
        return limits


@pytest.mark.parametrize("latency", [0.001, 0.05, 3.0])
def test_flat_latency_sees_exactly_the_ceiling(latency: float) -> None:
    carrier = Backlog(10, each=0.0, way=latency)
    assert set(carrier.answers(5_000)) == {10}


def test_a_carrier_that_answers_300_ms_each_in_series_is_not_given_a_queue_of_ten() -> None:
    # Trap 9: its window is 1 in effect, and what more is in flight only waits there.
    carrier = Backlog(10, each=0.3)
    begun = carrier.answers(10)
    assert set(begun) == {10}, "nothing is known yet"
    limits = carrier.answers(60)
    assert max(limits[30:]) <= 5
    assert min(limits) >= 1
    before = carrier.now
    carrier.answers(100)
    assert 100 / (carrier.now - before) == pytest.approx(1 / 0.3, rel=0.02), "and it is not slower for that"


def test_pain_22_a_carrier_that_slows_down_below_our_pace_does_not_gather_seconds_of_latency() -> None:
    carrier = Backlog(50, each=0.01, way=0.02)
    carrier.answers(500)
    assert carrier.window.limit == 50
    carrier.each = 0.2
    carrier.answers(300)
    assert carrier.window.limit * carrier.each <= 4.0, "50 of them would take 10 s"


def test_it_grows_back_to_the_ceiling_once_the_carrier_is_quick_again() -> None:
    carrier = Backlog(16, each=0.01)
    carrier.answers(100)
    carrier.each = 0.5
    carrier.answers(100)
    assert carrier.window.limit <= 4
    carrier.each = 0.01
    carrier.answers(400)
    assert carrier.window.limit == 16


def test_a_carrier_that_is_slow_whatever_we_send_gets_its_window_back() -> None:
    carrier = Backlog(10, each=0.0, way=0.05)
    carrier.answers(100)
    carrier.way = 2.0
    limits = carrier.answers(60)
    assert min(limits) == 5, "it was tried"
    assert set(carrier.answers(200)) == {10}, "and did not help"


def test_answers_that_near_the_response_timeout_keep_the_window_small_whoever_makes_them_slow() -> None:
    carrier = Backlog(10, each=0.0, way=0.05)
    carrier.answers(100)
    carrier.way = 20.0
    carrier.answers(45)
    assert carrier.window.limit <= 2


def test_one_answer_that_was_held_up_cuts_nothing() -> None:
    window = Window(4)
    adaptive = AdaptiveWindow(window, RESPONSE_TIMEOUT)
    for number in range(400):
        for sequence in range(4):
            window.add(number * 4 + sequence + 1, None, 0.0, 60.0)
        for sequence in range(4):
            window.settle(number * 4 + sequence + 1)
            latency = 30.0 if sequence == 0 else 0.05
            adaptive.answered([SubmitAnswered(None, 0, "1", {}, latency, late=False)], number / 10)
        assert window.limit == 4


def test_slow_answers_to_a_bind_with_little_to_do_cut_nothing() -> None:
    carrier = Backlog(10, each=0.0, way=0.01)
    carrier.answers(100)
    carrier.most = 3
    carrier.answers(10)
    carrier.way = 5.0
    assert set(carrier.answers(100)) == {10}, "its window is not full, so it fills no queue"


def test_pain_20_a_throttle_halves_the_window_and_it_grows_by_one_for_each_windowful_of_answers() -> None:
    carrier = Backlog(8, each=0.0, way=0.05)
    carrier.answers(80)
    carrier.adaptive.throttled()
    assert carrier.window.limit == 4
    assert set(carrier.answers(8 - 1)) == {4}, "those that were in flight say nothing of the new window"
    limits = carrier.answers(40)
    assert sorted(limits) == limits, "no jump back"
    assert [limits.count(limit) for limit in (5, 6, 7)] == [5, 6, 7]
    assert limits[-1] == 8


def test_it_never_falls_below_one() -> None:
    carrier = Backlog(3, each=0.0, way=0.05)
    for _ in range(5):
        carrier.adaptive.throttled()
    assert carrier.window.limit == 1
    carrier.answers(50)
    assert carrier.window.limit == 3


def test_a_throttle_with_nothing_in_flight_begins_a_round_of_its_own() -> None:
    window = Window(1)
    AdaptiveWindow(window, RESPONSE_TIMEOUT).throttled()
    assert window.limit == 1


def test_at_congestion_state_90_it_is_cut_and_between_80_and_89_it_stays() -> None:
    # SMPP 5.0 §4.8.4.18: 80 to 89 is the optimum, 90 to 99 nears congestion, 100 is congested.
    carrier = Backlog(16, each=0.0, way=0.05)
    carrier.answers(64)
    carrier.congestion = 90
    carrier.answers(17)
    assert carrier.window.limit == 8
    carrier.congestion = 89
    carrier.answers(24)
    held = carrier.window.limit
    assert set(carrier.answers(200)) == {held}
    carrier.congestion = 79
    carrier.answers(300)
    assert carrier.window.limit == 16


def test_a_shrunken_window_lets_nothing_go_until_enough_has_been_answered() -> None:
    window = Window(4)
    for sequence in range(1, 5):
        window.add(sequence, None, 0.0, 60.0)
    window.limit = 2
    assert window.free == 0
    window.settle(1)
    window.settle(2)
    assert window.free == 0
    window.settle(3)
    assert window.free == 1


def test_a_link_that_swallows_everything_is_found_sick_though_its_window_was_cut() -> None:
    # Of a window of 10 there would have to be 6 overdue, and one at a time they take six time-outs.
    window = Window(10)
    window.limit = 1
    silence = Silence(window, RESPONSE_TIMEOUT)
    silence.broken(0.0)
    for sequence in (1, 2):
        now = sequence * (RESPONSE_TIMEOUT + 1)
        assert silence.sickness(now) is None
        window.add(sequence, None, now - RESPONSE_TIMEOUT, now)
        window.expire(now)
    assert silence.sickness(now) == "2 answers are overdue, of a window of 1"


@given(
    st.integers(1, 20),
    st.lists(st.tuples(st.integers(1, 20), st.floats(0, 100), st.integers(0, 100), st.booleans()), max_size=200),
)
def test_the_limit_stays_between_one_and_the_ceiling_whatever_comes(
    capacity: int, reads: list[tuple[int, float, int, bool]]
) -> None:
    window = Window(capacity)
    adaptive = AdaptiveWindow(window, RESPONSE_TIMEOUT)
    for number, (count, latency, congestion, is_throttled) in enumerate(reads):
        tlvs = {int(Tlv.CONGESTION_STATE): bytes([congestion])}
        adaptive.answered([SubmitAnswered(None, 0, "1", tlvs, latency, late=False)] * count, float(number))
        if is_throttled:
            adaptive.throttled()
        assert 1 <= window.limit <= capacity


def test_a_reconnect_begins_with_the_window_that_was_left_and_grows_from_there() -> None:
    carrier = Backlog(16, each=0.0, way=0.05)
    carrier.answers(100)
    carrier.adaptive.throttled()
    assert carrier.window.limit == 8
    after = Window(16)
    carrier.adaptive.regained(after, carrier.now, carrier.now + 10.0)
    assert after.limit == 8
    for _ in range(9):
        carrier.adaptive.answered([SubmitAnswered(None, 0, "1", {}, 0.05, late=False)], carrier.now + 11.0)
    assert after.limit == 9


def test_a_reconnect_to_a_host_that_is_farther_away_grows_as_one_to_the_same() -> None:
    carrier = Backlog(16, each=0.0, way=0.01)
    carrier.answers(100)
    carrier.adaptive.throttled()
    after = Window(16)
    carrier.adaptive.regained(after, carrier.now, carrier.now + 1.0)
    for _ in range(8 + 9):
        carrier.adaptive.answered([SubmitAnswered(None, 0, "1", {}, 0.4, late=False)], carrier.now + 2.0)
    assert after.limit == 10


def test_a_reconnect_after_a_minute_begins_with_the_whole_window() -> None:
    carrier = Backlog(16, each=0.0, way=0.05)
    carrier.answers(100)
    carrier.adaptive.throttled()
    after = Window(16)
    carrier.adaptive.regained(after, carrier.now, carrier.now + 60.0)
    assert after.limit == 16
