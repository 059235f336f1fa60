import heapq
import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from protocol.patience import SHORTEST_SECONDS, Patience
from protocol.window import GIVEN_BACK_PER_SLOT, OVERTAKEN_PER_SLOT, Window

TIMEOUT = 60.0
USUAL = 0.05
PATIENCE = 0.5
"""Ten times what is usual."""


class Carrier:
    """Sends into a window, and answers all but what it is told to swallow."""

    def __init__(self, capacity: int, patience: Patience | None = None) -> None:
        self.window = Window(capacity, patience)
        self.sent = 0

    def send(self, now: float) -> int:
        self.sent += 1
        self.window.add(self.sent, self.sent, now, now + TIMEOUT)
        return self.sent

    def answer_others(self, count: int, now: float) -> None:
        for _ in range(count):
            assert self.window.settle(self.send(now)) is not None


def overtaken(capacity: int = 2, count: int = 1, patience: Patience | None = None) -> Carrier:
    """Requests 1 to `count`, sent at 0, which so many others have overtaken as is asked."""
    carrier = Carrier(capacity, patience)
    for _ in range(count):
        carrier.send(0.0)
    carrier.answer_others(OVERTAKEN_PER_SLOT * capacity, 0.1)
    return carrier


def test_an_overtaken_request_gives_its_slot_back_and_stays():
    window = overtaken(capacity=2).window
    assert window.has_overtaken
    assert window.give_back(PATIENCE, USUAL) == 1
    assert (window.in_flight, window.given_back, window.free) == (0, 1, 2)
    assert not window.has_overtaken, "there is none left to look at"
    assert 1 in window
    assert window.oldest is not None
    assert (window.oldest.token, window.next_deadline) == (1, TIMEOUT)
    assert window.give_back(2 * PATIENCE, USUAL) == 0


def test_a_request_that_is_old_but_not_overtaken_keeps_its_slot():
    carrier = Carrier(2)
    carrier.send(0.0)
    carrier.answer_others(OVERTAKEN_PER_SLOT * 2 - 1, 1.0)
    assert not carrier.window.has_overtaken
    assert carrier.window.give_back(50.0, USUAL) == 0
    carrier.answer_others(1, 50.0)
    assert carrier.window.has_overtaken
    assert carrier.window.give_back(50.0, USUAL) == 1


def test_by_then_two_windows_of_later_ones_have_been_answered_even_if_a_window_of_earlier_ones_was_too():
    carrier = Carrier(5)
    for _ in range(4):
        carrier.send(0.0)
    carrier.send(0.0)
    for earlier in range(1, 5):
        carrier.window.settle(earlier)
    later = 0
    while not carrier.window.give_back(50.0, USUAL):
        carrier.answer_others(1, 1.0)
        later += 1
    assert later >= 2 * 5


def test_an_overtaken_request_that_is_young_is_looked_at_when_it_is_old_enough():
    window = overtaken().window
    assert window.give_back(0.2, USUAL) == 0
    assert window.give_back_at == PATIENCE
    assert window.give_back(PATIENCE, USUAL) == 1
    assert window.give_back_at == float("inf")


def test_where_all_is_answered_in_order_nothing_is_ever_looked_at_for_its_age():
    carrier = Carrier(3)
    for number in range(100):
        carrier.answer_others(1, number / 10)
        assert carrier.window.give_back(number / 10, USUAL) == 0
        assert carrier.window.give_back_at == float("inf")


def test_all_those_overtaken_are_given_back_at_once_the_oldest_first():
    carrier = overtaken(capacity=4, count=3)
    carrier.send(0.2)
    assert carrier.window.free == 0
    assert carrier.window.give_back(1.0, USUAL) == 3
    assert (carrier.window.in_flight, carrier.window.free) == (1, 3)
    assert [slot.token for slot in carrier.window.abandon()] == [1, 2, 3, carrier.sent]
    assert (carrier.window.given_back, carrier.window.oldest) == (0, None)


def test_a_late_answer_settles_what_was_given_back_once():
    window = overtaken().window
    window.give_back(PATIENCE, USUAL)
    assert window.settle(1) is None
    slot = window.settle_late(1, 3.0)
    assert slot is not None
    assert (slot.token, window.given_back, 1 in window) == (1, 0, False)
    assert window.settle_late(1, 3.0) is None
    assert window.expire(TIMEOUT) == []


def test_what_was_given_back_expires_at_its_own_deadline_and_its_late_answer_still_finds_it():
    carrier = overtaken()
    window = carrier.window
    window.give_back(PATIENCE, USUAL)
    carrier.send(1.0)
    assert window.expire(TIMEOUT - 0.1) == []
    assert [slot.token for slot in window.expire(TIMEOUT + 1)] == [1, carrier.sent]
    assert window.overdue(float("-inf")) == 1, "only what held its slot to the end is overdue"
    assert window.settle_late(1, 70.0) is not None


def test_a_late_answer_makes_the_window_as_patient_as_twice_its_age():
    carrier = overtaken()
    carrier.window.give_back(5.0, USUAL)
    carrier.window.settle_late(1, 5.0)
    slow = carrier.send(5.0)
    carrier.answer_others(OVERTAKEN_PER_SLOT * 2, 5.1)
    assert carrier.window.give_back(14.9, USUAL) == 0
    assert carrier.window.give_back(15.0, USUAL) == 1
    assert slow in carrier.window


def test_after_an_answer_that_took_half_the_time_out_the_window_is_strict():
    carrier = overtaken()
    carrier.window.give_back(40.0, USUAL)
    carrier.window.settle_late(1, 40.0)
    carrier.send(40.0)
    carrier.answer_others(OVERTAKEN_PER_SLOT * 2, 40.1)
    for now in (41.0, 99.9, 100.0):
        assert carrier.window.give_back(now, USUAL) == 0
    assert carrier.window.free == 1


def test_a_usual_latency_beyond_the_time_out_gives_nothing_back():
    window = overtaken().window
    assert window.give_back(TIMEOUT, TIMEOUT) == 0
    assert window.free == 1


def test_what_one_window_learned_of_a_peer_the_next_one_knows():
    patience = Patience()
    first, second = overtaken(patience=patience), Carrier(2, patience)
    first.window.give_back(5.0, USUAL)
    first.window.settle_late(1, 5.0)
    first.window.abandon()
    second.send(5.0)
    second.answer_others(OVERTAKEN_PER_SLOT * 2, 5.1)
    assert second.window.give_back(14.9, USUAL) == 0
    assert second.window.give_back(15.0, USUAL) == 1


@pytest.mark.parametrize("end", ["answered", "expired", "abandoned"])
def test_windows_that_share_a_patience_count_together_what_they_gave_back(end):
    patience = Patience()
    for _ in range(2):
        window = overtaken(patience=patience).window
        window.give_back(PATIENCE, USUAL)
    assert patience.given_back == 2
    if end == "answered":
        window.settle_late(1, 3.0)
    elif end == "expired":
        window.expire(TIMEOUT)
        window.settle_late(1, TIMEOUT + 1)
    else:
        window.abandon()
    assert patience.given_back == 1


def test_a_strict_window_gives_nothing_back_and_is_never_looked_at():
    carrier = overtaken(patience=Patience(is_endless=True))
    assert not carrier.window.has_overtaken
    assert carrier.window.give_back(TIMEOUT - 1, USUAL) == 0
    assert carrier.window.free == 1


def test_what_waits_without_a_slot_is_bounded_and_goes_on_once_there_is_room():
    carrier = Carrier(1)
    bound = GIVEN_BACK_PER_SLOT
    for number in range(bound):
        carrier.send(0.0)
        carrier.window._answered += OVERTAKEN_PER_SLOT
        assert carrier.window.give_back(1.0, USUAL) == 1, number
    carrier.send(0.0)
    carrier.window._answered += OVERTAKEN_PER_SLOT
    assert carrier.window.give_back(1.0, USUAL) == 0
    assert (carrier.window.given_back, carrier.window.free) == (bound, 0)
    assert carrier.window.has_overtaken
    carrier.window.settle_late(1, 1.0)
    assert carrier.window.give_back(3.0, USUAL) == 1


def test_a_carrier_that_is_slow_for_one_in_twenty_soon_has_its_window_held_to_again():
    chance = random.Random(7)
    window, now, sent, times = Window(10), 0.0, 0, []
    answers: list[tuple[float, int]] = []
    while now < 300:
        while window.free:
            sent += 1
            window.add(sent, sent, now, now + TIMEOUT)
            heapq.heappush(answers, (now + (chance.uniform(2, 10) if chance.random() < 0.05 else USUAL), sent))
        now = min(answers[0][0], window.give_back_at)
        if answers[0][0] == now:
            _, sequence = heapq.heappop(answers)
            assert window.settle(sequence) or window.settle_late(sequence, now)
        if window.has_overtaken:
            times += [now] * window.give_back(now, USUAL)
    assert times, "some were taken for lost at first"
    assert len(times) <= 3 * window.capacity
    assert times[-1] < 60


class AnyTraffic(RuleBasedStateMachine):
    """A peer that answers in any order, early, late, twice or never."""

    def __init__(self) -> None:
        super().__init__()
        self.window = Window(2)
        self.now = 0.0
        self.next = 1
        self.waiting: dict[int, float] = {}
        """Neither answered nor expired, since when."""
        self.held: set[int] = set()
        """Of them: with a slot."""
        self.settled: set[int] = set()
        self.expired: set[int] = set()
        self.answered: dict[int, int] = {}
        """How many later ones were answered, of those that wait."""

    @rule(count=st.integers(1, 2))
    def send(self, count: int) -> None:
        count = min(count, self.window.free)
        sent = [(self.next + number, self.next + number) for number in range(count)]
        self.window.add_all(sent, self.now, self.now + 10)
        for sequence, _ in sent:
            self.waiting[sequence] = self.now
            self.held.add(sequence)
            self.answered[sequence] = 0
        self.next += count

    @rule(times=st.integers(1, 20))
    def answer_the_newest(self, times: int) -> None:
        for _ in range(times):
            self.send(1)
            self.answer(max(self.held))

    @precondition(lambda self: self.next > 1)
    @rule(data=st.data())
    def answer_any(self, data: st.DataObject) -> None:
        self.answer(data.draw(st.integers(1, self.next - 1)))

    def answer(self, sequence: int) -> None:
        slot = self.window.settle(sequence)
        assert (slot is not None) == (sequence in self.held)
        late = self.window.settle_late(sequence, self.now) if slot is None else None
        if slot is not None or sequence in self.waiting:
            assert (slot or late) is not None
        if slot is not None or late is not None:
            assert sequence not in self.settled
            self.settled.add(sequence)
        if slot is not None:
            for earlier in self.answered:
                self.answered[earlier] += earlier < sequence
        self.waiting.pop(sequence, None)
        self.held.discard(sequence)

    @rule(seconds=st.sampled_from([0.1, 0.5, 2.0, 11.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        gone = [slot.token for slot in self.window.expire(self.now)]
        assert gone == [sequence for sequence, since in sorted(self.waiting.items()) if since + 10 <= self.now]
        assert self.expired.isdisjoint(gone)
        self.expired.update(gone)
        for sequence in gone:
            del self.waiting[sequence]
            self.held.discard(sequence)

    @rule()
    def give_back(self) -> None:
        count = self.window.give_back(self.now, 0.01)
        given = sorted(self.held)[:count]
        for sequence in given:
            assert self.answered[sequence] >= 2 * self.window.capacity
            assert self.now - self.waiting[sequence] >= SHORTEST_SECONDS
            self.held.discard(sequence)

    @invariant()
    def no_slot_leaks_and_what_waits_is_bounded(self) -> None:
        window = self.window
        assert window.in_flight == len(self.held)
        assert window.free == window.capacity - len(self.held)
        assert window.in_flight + window.given_back == len(self.waiting)
        assert window.given_back <= GIVEN_BACK_PER_SLOT * window.capacity
        assert (window.next_deadline is None) == (not self.waiting)

    def teardown(self) -> None:
        assert [slot.token for slot in self.window.abandon()] == sorted(self.waiting)
        assert self.window.free == self.window.capacity


AnyTraffic.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.timeout(60)
class TestAnyTraffic(AnyTraffic.TestCase):
    """What must hold whatever the peer does."""
