import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import WindowFull
from protocol.window import OVERDUE_PER_SLOT, Window


def a_window(capacity: int = 3, sent: int = 0) -> Window:
    window = Window(capacity)
    for number in range(1, sent + 1):
        window.add(number, f"token {number}", now=float(number), deadline=number + 60.0)
    return window


def test_it_counts_what_is_in_flight_and_what_is_free():
    window = a_window(3, sent=2)
    assert (window.in_flight, window.free) == (2, 1)
    window.settle(1)
    assert (window.in_flight, window.free) == (1, 2)


def test_a_full_window_refuses_and_keeps_what_it_has():
    window = a_window(2, sent=2)
    with pytest.raises(WindowFull, match="2 of 2"):
        window.add(3, "token 3", 3.0, 63.0)
    with pytest.raises(WindowFull):
        window.demand_free()
    assert window.in_flight == 2


def test_room_for_many_is_asked_at_once_and_taken_at_once():
    window = a_window(3, sent=1)
    window.demand_free(2)
    with pytest.raises(WindowFull):
        window.demand_free(3)
    window.add_all([(7, "seven"), (8, "eight")], now=2.0, deadline=62.0)
    assert window.in_flight == 3
    slot = window.settle(8)
    assert slot is not None
    assert (slot.sequence, slot.token, slot.sent_at, slot.deadline) == (8, "eight", 2.0, 62.0)


def test_a_window_made_smaller_has_no_negative_room():
    window = a_window(3, sent=3)
    window.capacity = 1
    assert window.free == 0


def test_an_answer_settles_its_request_once():
    window = a_window(sent=2)
    slot = window.settle(2)
    assert slot is not None
    assert (slot.sequence, slot.token, slot.sent_at, slot.deadline) == (2, "token 2", 2.0, 62.0)
    assert window.settle(2) is None


def test_the_oldest_request_gives_the_next_deadline():
    window = a_window(sent=3)
    window.settle(1)
    assert window.oldest is not None
    assert window.oldest.token == "token 2"
    assert window.next_deadline == 62.0
    window.abandon()
    assert window.oldest is None
    assert window.next_deadline is None


def test_expiry_frees_the_slots_whose_deadline_has_come():
    window = a_window(sent=3)
    assert [slot.token for slot in window.expire(62.0)] == ["token 1", "token 2"]
    assert (window.in_flight, window.free) == (1, 2)
    assert window.expire(62.0) == []


def test_late_answer_is_matched_after_expiry_once():
    window = a_window(sent=1)
    window.expire(61.0)
    assert 1 in window
    assert window.settle(1) is None
    slot = window.settle_late(1, 100.0)
    assert slot is not None
    assert slot.token == "token 1"
    assert window.settle_late(1, 100.0) is None
    assert 1 not in window


def test_overdue_requests_are_remembered_up_to_a_bound_the_newest_of_them():
    window = Window(2)
    bound = OVERDUE_PER_SLOT * 2
    for number in range(1, bound + 6):
        window.add(number, number, float(number), float(number))
        window.expire(float(number))
    assert [number for number in range(1, bound + 6) if number in window] == list(range(6, bound + 6))


def test_abandoning_gives_what_is_in_flight_and_forgets_the_overdue():
    window = a_window(sent=3)
    window.expire(61.0)
    assert [slot.token for slot in window.abandon()] == ["token 2", "token 3"]
    assert all(number not in window for number in (1, 2, 3))


@given(st.lists(st.sampled_from(["send", "settle", "expire"]), max_size=60))
def test_every_request_ends_once_and_the_capacity_holds(steps):
    window, now, sent, ended = Window(4), 0.0, 0, []
    for step in steps:
        now += 1
        if step == "send" and window.free:
            sent += 1
            window.add(sent, sent, now, now + 5)
        elif step == "settle" and window.oldest is not None:
            slot = window.settle(window.oldest.sequence)
            ended.append(slot.token)
        elif step == "expire":
            ended += [slot.token for slot in window.expire(now)]
        assert 0 <= window.in_flight <= 4
    ended += [slot.token for slot in window.abandon()]
    assert sorted(ended) == list(range(1, sent + 1))


def test_overdue_are_those_that_expired_since_and_had_no_late_answer():
    window = a_window(3, sent=3)
    assert window.overdue(float("-inf")) == 0
    window.expire(62.0)
    assert [window.overdue(since) for since in (float("-inf"), 60.9, 61.0, 62.0)] == [2, 2, 1, 0]
    window.settle_late(1, 100.0)
    assert window.overdue(float("-inf")) == 1
    window.abandon()
    assert window.overdue(float("-inf")) == 0


def test_a_larger_window_has_room_at_once():
    window = a_window(2, sent=2)
    window.resize(5)
    assert (window.capacity, window.limit, window.free) == (5, 5, 3)


def test_a_smaller_window_keeps_what_is_in_flight_and_takes_no_more_until_it_fits():
    window = a_window(4, sent=4)
    window.resize(2)
    assert (window.in_flight, window.free) == (4, 0)
    for number in (1, 2, 3):
        window.settle(number)
    assert window.free == 1


def test_a_limit_below_the_window_stays_where_it_fits_and_sinks_where_it_does_not():
    window = a_window(10)
    window.limit = 4
    window.resize(8)
    assert window.limit == 4
    window.resize(3)
    assert window.limit == 3
