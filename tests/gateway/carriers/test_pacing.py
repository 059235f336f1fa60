import random
from itertools import pairwise

import pytest
from busiest_seconds import most_in_a_second

from gateway.carriers.pacing import Backoff, Pace, ThrottlePause


def sent_times(pace: Pace, seconds: float, late: random.Random, *, start: float = 1000.0) -> list[float]:
    """When a sender with endless work, whose timers come up to 3 ms late, lets its PDUs go."""
    times: list[float] = []
    now = start
    while now < start + seconds:
        count = pace.room(now)
        if count:
            pace.take(now, count)
            times += [now] * count
        now = max(now, pace.next_at()) + late.random() * 0.003
    return times


@pytest.mark.parametrize("rate", [3, 20, 100, 250, 1000])
def test_no_second_ever_sees_more_than_the_rate(rate: int) -> None:
    times = sent_times(Pace(rate), 20.0, random.Random(1))
    assert most_in_a_second(times) <= rate


@pytest.mark.parametrize("rate", [20, 100, 250, 1000])
def test_a_backlogged_sender_reaches_the_rate_on_average_although_its_timers_are_late(rate: int) -> None:
    times = sent_times(Pace(rate), 20.0, random.Random(2))
    assert len(times) >= 0.99 * rate * 20


def test_pdus_are_spread_evenly_and_not_sent_in_bursts() -> None:
    times = sent_times(Pace(100), 5.0, random.Random(3))
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert max(gaps) < 0.02
    assert gaps.count(0.0) == 0


def test_idleness_earns_no_burst() -> None:
    pace = Pace(100)
    assert pace.room(0.0) == 1
    pace.take(0.0, 1)
    assert pace.room(60.0) == 1


def test_a_stall_is_made_good_without_exceeding_the_rate() -> None:
    pace = Pace(100)
    times = sent_times(pace, 1.0, random.Random(4))
    stalled = times[-1] + 0.09
    count = pace.room(stalled)
    assert 1 < count <= 10
    pace.take(stalled, count)
    times += [stalled] * count
    times += sent_times(pace, 1.0, random.Random(5), start=stalled)
    assert most_in_a_second(times) <= 100


def test_room_is_given_exactly_when_it_was_promised() -> None:
    pace = Pace(7)
    now = 0.1
    for _ in range(1000):
        assert pace.room(now) >= 1
        pace.take(now, 1)
        assert pace.room(now) == 0
        now = pace.next_at()


def test_a_rate_below_one_a_second_spaces_its_pdus_by_more_than_a_second() -> None:
    pace = Pace(0.5)
    pace.take(10.0, pace.room(10.0))
    assert pace.room(11.9) == 0
    assert 12.0 <= pace.next_at() <= 12.1


def test_a_shared_pace_holds_for_all_binds_together() -> None:
    shared = Pace(50)
    times: list[float] = []
    now = 0.0
    while now < 10.0:
        for _bind in range(3):
            count = shared.room(now)
            if count:
                shared.take(now, count)
                times += [now] * count
        now += 0.001
    assert most_in_a_second(times) <= 50
    assert len(times) >= 0.98 * 500


def test_throttles_double_the_pause_up_to_the_ceiling_and_a_success_resets_it() -> None:
    pause = ThrottlePause(1.0, rand=lambda: 0.0)
    now, lengths = 0.0, []
    for _ in range(7):
        assert pause.throttled(now)
        lengths.append(pause.until - now)
        now = pause.until
    assert lengths == [1, 2, 4, 8, 16, 30, 30]
    pause.succeeded(now)
    pause.throttled(now)
    assert pause.until - now == 1


def test_throttles_and_successes_that_were_on_their_way_belong_to_the_pause() -> None:
    pause = ThrottlePause(1.0, rand=lambda: 0.0)
    pause.throttled(0.0)
    until = pause.until
    assert not pause.throttled(0.5)
    pause.succeeded(0.6)
    assert pause.until == until
    pause.throttled(until)
    assert pause.until - until == 2


def test_the_pause_has_jitter_and_is_never_shorter_than_asked() -> None:
    rand = random.Random(6)
    lengths = set()
    for _ in range(50):
        pause = ThrottlePause(1.0, rand.random)
        pause.throttled(0.0)
        lengths.add(pause.until)
    assert len(lengths) > 40
    assert min(lengths) >= 1.0
    assert max(lengths) <= 1.25


def test_backoff_grows_between_floor_and_ceiling_with_jitter() -> None:
    rand = random.Random(7)
    runs = []
    for _ in range(200):
        backoff = Backoff(2.0, 60.0, rand.random)
        runs.append([backoff.failed() for _ in range(8)])
    assert all(2.0 <= wait <= 60.0 for run in runs for wait in run)
    firsts, lasts = [run[0] for run in runs], [run[-1] for run in runs]
    assert max(firsts) <= 4.0
    assert max(lasts) > 50.0
    assert min(lasts) < 10.0
    assert len(set(lasts)) > 190


def test_backoff_never_overflows_and_starts_anew_after_a_steady_bind() -> None:
    backoff = Backoff(1.0, 10.0, lambda: 1.0)
    assert [backoff.failed() for _ in range(2000)][-1] == 10.0
    backoff.steady()
    assert backoff.failed() == 2.0


@pytest.mark.parametrize("drawn", [0.0, 0.5, 1.0])
def test_an_occupied_place_is_waited_for_longer_than_the_carriers_inactivity_timer(drawn: float) -> None:
    backoff = Backoff(1.0, 120.0, lambda: drawn)
    assert 150.0 < backoff.occupied(150.0) <= 150.0 * 1.25
    assert Backoff(300.0, 300.0, lambda: drawn).occupied(150.0) == 300.0, "the floor holds there too"


def test_what_is_hopeless_is_tried_every_quarter_of_an_hour_and_never_sooner_than_a_failure() -> None:
    assert Backoff(1.0, 120.0, lambda: 0.0).hopeless() == 900.0
    assert Backoff(1.0, 120.0, lambda: 1.0).hopeless() == 1125.0
    assert Backoff(1.0, 3600.0, lambda: 0.0).hopeless() == 3600.0


@pytest.mark.parametrize("drawn", [0.0, 0.5, 1.0])
def test_a_failure_is_never_waited_for_longer_than_the_ceiling(drawn: float) -> None:
    assert Backoff(1.0, 120.0, lambda: drawn).failed() <= 120.0
