"""The promise of a pace, by exact logic: whatever comes, however late timers are, no second sees more than the rate."""

import heapq
import random
from itertools import pairwise

import pytest
from busiest_seconds import most_in_a_second
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.carriers.pacing import Pace
from gateway.carriers.restraint import Restraint
from gateway.settings import Settings

ARRIVALS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.001, 0.01, 0.1, 0.24, 0.26, 0.9, 0.99, 1.0, 3.0]),
        st.integers(0, 3),
        st.sampled_from([1, 2, 7, 40, 150]),
    ),
    max_size=25,
)
"""Seconds since the one before, which bind's, how many PDUs."""
LATE = st.lists(st.sampled_from([0.0, 0.0, 0.0001, 0.003, 0.02, 0.09, 0.3, 1.2]), min_size=1, max_size=7)
"""How late timers come, in turn."""
UNWRITTEN = st.lists(st.sampled_from([0.0, 0.0, 0.002, 0.05, 1.4, 2.7]), min_size=1, max_size=5)
"""How long after it was let go a PDU is handed to the network."""


class Line:
    """Binds of one carrier that send what they are given, as Bind and Outgoing do: who has to wait sets a timer."""

    def __init__(self, rate: float, binds: int, per_bind: float, late: list[float], unwritten: list[float]) -> None:
        carrier = {"hosts": ["h:1"], "system_id": "x", "password": "y", "window": 1000}
        rates = {"submit_rate": rate, "submit_rate_per_bind": per_bind, "binds": binds}
        made = Settings.model_validate({"carriers": {"telco": carrier | rates}}).carriers["telco"]
        shared = [Pace(rate)] if rate else []
        own = [[Pace(per_bind)] if per_bind else [] for _ in range(binds)]
        self.restraints = [Restraint(made, [*own[bind], *shared]) for bind in range(binds)]
        self.waiting = [0] * binds
        self.written: list[tuple[float, int]] = []
        self._writes_until = [0.0] * binds
        self._late, self._unwritten = late, unwritten
        self._agenda: list[tuple[float, int, int, int]] = []
        self._turn = 0

    def run(self, arrivals: list[tuple[float, int, int]], *, until: float = 1e9) -> list[tuple[float, int]]:
        """When each PDU was handed to the network, and of which bind."""
        now = 1000.0
        for gap, bind, count in arrivals:
            now += gap
            self._at(now, bind % len(self.waiting), count)
        while self._agenda and self._agenda[0][0] < until:
            now, _, bind, what = heapq.heappop(self._agenda)
            if what < 0:
                self.restraints[bind].written(-what, now)
                self.written += [(now, bind)] * -what
            else:
                self.waiting[bind] += what
                self._go(bind, now)
        return self.written

    def _at(self, at: float, bind: int, what: int) -> None:
        self._turn += 1
        heapq.heappush(self._agenda, (at, self._turn, bind, what))

    def _go(self, bind: int, now: float) -> None:
        restraint = self.restraints[bind]
        room = min(self.waiting[bind], *(pace.room(now) for pace in restraint.paces))
        if room > 0:
            restraint.take(room, now)
            self.waiting[bind] -= room
            # In the order in which they were let go, as on any connection.
            writes_until = max(self._writes_until[bind], now + self._unwritten[self._turn % len(self._unwritten)])
            self._writes_until[bind] = writes_until
            self._at(writes_until, bind, -room)
        if self.waiting[bind]:
            self._at(max(now, restraint.next_at()) + self._late[self._turn % len(self._late)], bind, 0)


@pytest.mark.parametrize("rate", [1, 7, 100, 1_000, 3_000])
@settings(max_examples=60, deadline=None)
@given(binds=st.sampled_from([1, 2, 4]), arrivals=ARRIVALS, late=LATE, unwritten=UNWRITTEN)
def test_no_second_sees_more_than_the_rate_over_all_binds_whatever_comes_and_however_late(
    rate: int, binds: int, arrivals: list[tuple[float, int, int]], late: list[float], unwritten: list[float]
) -> None:
    written = Line(rate, binds, 0, late, unwritten).run(arrivals, until=1_200.0)
    assert most_in_a_second([at for at, _ in written]) <= rate


@settings(max_examples=60, deadline=None)
@given(arrivals=ARRIVALS, late=LATE, unwritten=UNWRITTEN, rate=st.sampled_from([0, 10, 20]))
def test_the_rate_of_each_bind_holds_beside_that_of_their_carrier(
    arrivals: list[tuple[float, int, int]], late: list[float], unwritten: list[float], rate: int
) -> None:
    written = Line(rate, 4, 7, late, unwritten).run(arrivals, until=1_200.0)
    assert most_in_a_second([at for at, _ in written]) <= (rate or 28)
    for bind in range(4):
        assert most_in_a_second([at for at, whose in written if whose == bind]) <= 7


@settings(max_examples=60, deadline=None)
@given(before=st.sampled_from([1, 10, 100]), after=st.sampled_from([1, 10, 100]), late=LATE)
def test_other_rates_count_what_went_at_the_rates_before(before: int, after: int, late: list[float]) -> None:
    times: list[float] = []
    pace, now, change = Pace(before), 0.0, 1.5
    while now < 4.0:
        if now >= change:
            pace, change = pace.at_rate(after), 99.0
            changed_at = now
        count = pace.room(now)
        assert count >= 0, "where more went than may go now, none may"
        if count > 0:
            pace.take(now, count)
            times += [now] * count
        now = max(now, pace.next_at()) + late[len(times) % len(late)] + 1e-6
    # A second that began before the change may have seen what was allowed then.
    assert most_in_a_second(times) <= max(before, after)
    assert most_in_a_second([at for at in times if at >= changed_at]) <= after
    if before > after:
        assert sum(1 for at in times if changed_at <= at < changed_at + 0.5) <= after / 2 + 1


@pytest.mark.parametrize("rate", [1, 7, 100, 1_000, 3_000])
@pytest.mark.parametrize("binds", [1, 2, 4])
def test_a_backlog_goes_at_99_of_100_on_average_although_timers_and_writes_are_late(rate: int, binds: int) -> None:
    chance = random.Random(rate)
    late = [chance.choice([0.0, 0.001, 0.003, 0.01]) for _ in range(101)]
    line = Line(rate, binds, 0, late, [0.0, 0.0001, 0.001])
    seconds = 20 if rate > 10 else 300
    backlog = [(0.0, bind, rate * seconds) for bind in range(binds)]
    written = line.run(backlog, until=1000.0 + seconds)
    assert 0.99 * rate * seconds <= len(written) <= rate * seconds + 1
    assert most_in_a_second([at for at, _ in written]) <= rate


def test_a_stall_of_an_eighth_of_a_second_now_and_then_costs_nothing_on_average() -> None:
    line = Line(100, 1, 0, [0.002] * 900 + [0.125], [0.0])
    written = line.run([(0.0, 0, 30_000)], until=1_120.0)
    assert len(written) >= 0.99 * 100 * 120


def test_what_a_stall_held_back_goes_in_small_steps_at_twice_the_rate_at_most() -> None:
    pace, now, times = Pace(100), 0.0, list[float]()
    while now < 3.0:
        count = pace.room(now)
        pace.take(now, count)
        times += [now] * count
        now = max(now, pace.next_at())
        if 1.0 < now < 1.2:
            now = 1.2
    assert max(later - earlier for earlier, later in pairwise(times)) >= 0.19
    stalled = [at for at in times if 1.2 <= at < 1.3]
    assert stalled.count(1.2) <= 5
    assert 15 <= len(stalled) <= 25
    assert times.count(1.2) == max(times.count(at) for at in times)
    assert len([at for at in times if at < 2.9]) >= 285, "all of it is made good"


def test_bunches_after_stalls_dissolve() -> None:
    line = Line(100, 1, 0, [0.0] * 50 + [0.1] + [0.0] * 10_000, [0.0])
    times = [at for at, _ in line.run([(0.0, 0, 20_000)], until=1_060.0)]
    gaps = [later - earlier for earlier, later in pairwise(times) if later > 1_040.0]
    assert min(gaps) > 0.009, "evenly spread again"


def test_an_even_stream_stays_within_the_rate_where_the_network_brings_pdus_seven_milliseconds_closer() -> None:
    chance = random.Random(3)
    times = [at for at, _ in Line(100, 2, 0, [0.0], [0.0]).run([(0.0, 0, 3_000), (0.0, 1, 3_000)], until=1_030.0)]
    arrived = sorted(at + chance.random() * 0.007 for at in times)
    assert len(times) > 2_900
    assert most_in_a_second(arrived) <= 100


def test_a_quick_pace_wakes_no_more_often_than_every_two_milliseconds() -> None:
    pace, now, wakes, sent = Pace(3_000), 0.0, 0, 0
    while now < 1.0:
        count = pace.room(now)
        assert count >= 1
        pace.take(now, count)
        sent, wakes = sent + count, wakes + 1
        now = pace.next_at()
    assert wakes <= 501
    assert 2_960 <= sent <= 3_000


def test_what_a_lost_connection_never_wrote_holds_nothing_back_for_ever() -> None:
    line = Line(10, 2, 0, [0.0], [0.0])
    lost, other = line.restraints
    lost.take(lost.room(10, 1000.0), 1000.0)
    assert lost.has_unwritten
    lost.lost(1000.5)
    assert not lost.has_unwritten
    line.waiting[1] = 200
    line._at(1001.1, 1, 0)
    assert len(line.run([], until=1011.1)) >= 99
    assert other.next_at() < 1012.0
