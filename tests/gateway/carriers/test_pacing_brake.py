"""What a throttle does to a bind's pace, against a carrier made of arithmetic that takes so many PDUs a second."""

import random

import pytest

from gateway.carriers.braking import LEAST_RATE, Brake, Meter
from gateway.carriers.pacing import ThrottlePause

UNLIMITED = float("inf")


class Hasty:
    """A sender with endless work, which the brake alone holds back, and a carrier that throttles what is above its
    limit in each second of its clock, and answers at once. In virtual time, in steps of 2 ms."""

    def __init__(self, limit: int, brake: Brake, *, at_once: int = 1) -> None:
        self.limit, self.brake, self.at_once = limit, brake, at_once
        """What the sender lets go in a step when it is free."""
        self.now = 0.0
        self.taken: list[float] = []
        self.throttled: list[float] = []
        self._pause = ThrottlePause(1.0, random.Random(1).random)
        self._second = (-1, 0)

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            if self.now >= self._pause.until:
                self._step()
            self.now += 0.002

    def _step(self) -> None:
        brake, now = self.brake, self.now
        count = min(brake.room(now), self.at_once) if brake.is_on else self.at_once
        if not count:
            return
        if brake.is_on:
            brake.take(now, count)
        second, done = self._second if self._second[0] == int(now) else (int(now), 0)
        took = min(count, self.limit - done)
        self._second = (second, done + took)
        self.taken += [now] * took
        self.throttled += [now] * (count - took)
        brake.answered(now, count)
        if took:
            self._pause.succeeded(now)
        if count > took and self._pause.throttled(now):
            brake.throttled(now, self._pause.until)

    def share(self, since: float) -> float:
        """Of the PDUs since then, those that were throttled."""
        throttled = sum(1 for at in self.throttled if at >= since)
        return throttled / (throttled + sum(1 for at in self.taken if at >= since))


def throttled_at(rate: float, *, most: float = UNLIMITED, pause: float = 1.0) -> Brake:
    """A brake of a bind that had so many answers a second for 5 s, was throttled at 5.0 and resumes at 6.0."""
    brake = Brake(most, pause)
    for tick in range(int(5 * rate)):
        brake.answered(tick / rate, 1)
    brake.throttled(5.0, 6.0)
    return brake


def test_pain_19_a_throttled_bind_resumes_at_half_the_pace_it_had_and_climbs() -> None:
    brake = throttled_at(200)
    assert brake.is_on
    assert brake.rate(6.0) == pytest.approx(100, rel=0.02)
    assert brake.rate(8.5) == pytest.approx(150, rel=0.02)
    assert brake.rate(11.0) == pytest.approx(200, rel=0.02)
    assert brake.room(5.999) == 0
    assert brake.room(6.0) == 1


def test_the_next_throttle_cuts_what_it_had_climbed_to() -> None:
    brake = throttled_at(200)
    for tick in range(500):
        brake.answered(6.0 + tick / 100, 1)
    brake.throttled(11.0, 12.0)
    assert brake.rate(12.0) == pytest.approx(50, rel=0.05), "it sent 100 a second, whatever it was allowed to"
    brake.throttled(12.1, 13.0)
    assert brake.rate(13.0) == pytest.approx(25, rel=0.05), "too early to measure: half of what it was allowed to"


@pytest.mark.parametrize("limit", [20, 50, 300])
def test_the_pace_converges_below_what_the_carrier_takes_within_a_minute(limit: int) -> None:
    hasty = Hasty(limit, Brake(UNLIMITED, 1.0), at_once=10)
    hasty.run(60.0)
    assert hasty.share(since=5.0) < 0.05
    assert hasty.share(since=30.0) < 0.05
    late = sum(1 for at in hasty.taken if at >= 30.0) / 30
    assert late > 0.5 * limit, "and it is not given up either"


def test_pdus_go_evenly_and_a_late_timer_is_made_good() -> None:
    brake = throttled_at(200)
    brake.take(6.0, brake.room(6.0))
    assert brake.next_at() == pytest.approx(6.01, rel=0.01)
    assert brake.room(6.05) == 5
    assert brake.room(8.0) == 1, "idleness earns no burst"


@pytest.mark.parametrize(("rate", "most", "least"), [(1, UNLIMITED, LEAST_RATE), (4, 4, 2), (4, 100, LEAST_RATE)])
def test_throttles_that_come_whatever_we_send_do_not_stop_the_bind(rate: int, most: float, least: float) -> None:
    brake = throttled_at(rate, most=most)
    assert brake.rate(6.0) == pytest.approx(least, rel=0.1)
    for number in range(20):
        brake.throttled(7.0 + number, 7.5 + number)
    assert brake.rate(26.5) >= min(LEAST_RATE, most / 4)


def test_a_bind_that_had_nothing_answered_yet_resumes_slowly() -> None:
    brake = Brake(UNLIMITED, 1.0)
    brake.throttled(0.0, 1.0)
    assert brake.rate(1.0) == LEAST_RATE


def test_it_is_released_once_it_is_back_at_the_configured_pace() -> None:
    brake = throttled_at(100, most=100)
    brake.answered(10.9, 1)
    assert brake.is_on
    brake.answered(11.2, 1)
    assert not brake.is_on


def test_without_a_configured_pace_it_is_released_after_a_minute_without_throttles() -> None:
    brake = throttled_at(100)
    brake.answered(65.9, 1)
    assert brake.is_on
    brake.answered(66.0, 1)
    assert not brake.is_on


def test_the_meter_counts_the_last_second_only() -> None:
    meter = Meter()
    meter.start(0.0)
    meter.add(0.5, 10)
    meter.add(1.2, 5)
    assert meter.rate(1.5) == pytest.approx(10 * 0.5 + 5)
    meter.add(3.5, 7)
    assert meter.rate(3.5) == 7
    assert meter.rate(5.0) == pytest.approx(3.5)
    assert meter.rate(9.0) == 0
    meter.start(10.0)
    meter.add(9.0, 100)
    assert meter.rate(10.0) == 0


def test_who_shortens_the_pause_is_back_sooner_and_who_lengthens_it_not_later() -> None:
    short, long = throttled_at(200, pause=0.05), throttled_at(200, pause=30.0)
    assert short.rate(6.25) == pytest.approx(200, rel=0.02)
    short.answered(9.0, 1)
    assert not short.is_on
    assert long.rate(11.0) == pytest.approx(200, rel=0.02)


def test_a_reconnect_goes_on_at_the_pace_at_which_the_connection_was_lost() -> None:
    brake = throttled_at(200)
    assert brake.rate(8.5) == pytest.approx(150, rel=0.02)
    brake.regained(8.5, 20.0)
    assert brake.is_on
    assert brake.rate(20.0) == pytest.approx(150, rel=0.02)
    assert brake.rate(22.5) == pytest.approx(200, rel=0.02)
    brake.answered(20.5, 1)
    assert brake.is_on


def test_a_reconnect_within_the_pause_waits_for_its_end_and_one_after_it_begins_where_the_pause_led() -> None:
    brake = throttled_at(200)
    brake.regained(5.5, 5.8)
    assert (brake.room(5.9), brake.room(6.0)) == (0, 1)
    assert brake.rate(6.0) == pytest.approx(100, rel=0.02)
    late = throttled_at(200)
    late.regained(5.5, 12.0)
    assert late.rate(12.0) == pytest.approx(100, rel=0.02)


def test_a_throttle_of_a_minute_ago_means_nothing_to_a_new_connection() -> None:
    brake = throttled_at(200)
    brake.regained(8.5, 66.0)
    assert not brake.is_on
    free = Brake(UNLIMITED, 1.0)
    free.regained(8.5, 9.0)
    assert not free.is_on
