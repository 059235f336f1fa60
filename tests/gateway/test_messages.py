"""States and moves: the tables agree with each other, and with what callers are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.messages import (
    CANCELABLE,
    ENDED,
    MOVES,
    OPEN,
    UNSENT,
    AttemptState,
    MessageState,
    Status,
    part_state,
    state_of_parts,
    status_of,
)

A, M = AttemptState, MessageState


def test_every_state_has_its_moves():
    assert set(MOVES) == set(MessageState)
    assert set(MessageState) == ENDED | OPEN
    assert not ENDED & OPEN


def test_an_ended_message_stays_so_but_for_unknown():
    for state in ENDED - {M.UNKNOWN}:
        assert MOVES[state] == frozenset()
    assert MOVES[M.UNKNOWN] == {M.DELIVERED, M.UNDELIVERED, M.EXPIRED, M.REJECTED, M.CANCELED}


def test_every_open_state_leads_to_an_end():
    def reached(state, seen):
        for following in MOVES[state] - seen:
            seen.add(following)
            reached(following, seen)
        return seen

    for state in OPEN:
        assert reached(state, set()) & ENDED
        assert reached(state, set()) >= {M.DELIVERED, M.EXPIRED}


def test_nothing_comes_back_to_its_schedule_and_only_the_ready_are_claimed():
    assert all(M.SCHEDULED not in following for following in MOVES.values())
    assert [state for state, following in MOVES.items() if M.SUBMITTING in following] == [M.QUEUED]


def test_only_what_is_not_on_the_wire_can_be_canceled():
    assert {state for state in OPEN if M.CANCELED in MOVES[state]} - {M.SENT} == set(CANCELABLE)


@pytest.mark.parametrize("state", MessageState)
def test_every_state_has_a_public_status(state):
    assert status_of(state, sent=False) in Status
    assert status_of(int(state), sent=True) is not Status.QUEUED


def test_the_public_status_never_goes_back_from_sent():
    for state in (M.QUEUED, M.RETRYING, M.SUBMITTING, M.IN_DOUBT, M.SENT):
        assert status_of(state, sent=True) is Status.SENT
    assert status_of(M.DELIVERED, sent=True) is Status.DELIVERED
    assert status_of(M.IN_DOUBT, sent=False) is Status.QUEUED


@pytest.mark.parametrize(
    ("parts", "total", "state"),
    [
        ([A.SENT], 1, M.SENT),
        ([A.DELIVERED], 1, M.DELIVERED),
        ([A.SUBMITTING, A.SENT], 2, M.SUBMITTING),
        ([A.SUBMITTING, A.REFUSED], 2, M.FAILED),
        ([A.SUBMITTING, A.IN_DOUBT], 2, M.SUBMITTING),
        ([A.IN_DOUBT, A.SENT], 2, M.IN_DOUBT),
        ([A.IN_DOUBT, A.POSTPONED], 2, M.IN_DOUBT),
        ([A.SENT, A.POSTPONED], 2, M.RETRYING),
        ([A.DELIVERED, A.RELEASED], 2, M.RETRYING),
        ([A.RESENT], 1, M.RETRYING),
        ([A.SENT], 2, M.RETRYING),
        ([], 1, M.RETRYING),
        ([A.DELIVERED, A.SENT], 2, M.SENT),
        ([A.DELIVERED, A.DELIVERED], 2, M.DELIVERED),
        ([A.DELIVERED, A.UNDELIVERED], 2, M.UNDELIVERED),
        ([A.EXPIRED, A.UNDELIVERED], 2, M.UNDELIVERED),
        ([A.REJECTED, A.UNDELIVERED], 2, M.REJECTED),
        ([A.DELIVERED, A.UNKNOWN], 2, M.UNKNOWN),
        ([A.EXPIRED, A.UNKNOWN], 2, M.EXPIRED),
        ([A.CANCELED, A.DELIVERED], 2, M.CANCELED),
        ([A.DELIVERED, A.REFUSED], 2, M.FAILED),
    ],
)
def test_a_message_stands_where_its_parts_put_it(parts, total, state):
    assert state_of_parts(parts, total) is state
    assert state_of_parts(reversed(parts), total) is state


@given(st.lists(st.sampled_from(AttemptState), max_size=5), st.integers(1, 5))
def test_any_parts_put_a_message_somewhere(parts, total):
    state = state_of_parts(parts, max(total, len(parts)))
    assert state not in (M.SCHEDULED, M.QUEUED, M.OPTED_OUT)
    if state in ENDED and state is not M.FAILED:
        assert not {A.SUBMITTING, A.IN_DOUBT, A.SENT} & set(parts)
        assert not UNSENT & set(parts)


@pytest.mark.parametrize(
    ("attempts", "state"),
    [
        ([A.SENT], A.SENT),
        ([A.POSTPONED, A.SENT], A.SENT),
        ([A.POSTPONED, A.REFUSED], A.REFUSED),
        ([A.RESENT, A.SUBMITTING], A.SUBMITTING),
        ([A.DELIVERED, A.SENT], A.DELIVERED),
        ([A.DELIVERED, A.UNDELIVERED], A.DELIVERED),
        ([A.SENT, A.POSTPONED], A.SENT),
        ([A.SENT, A.SUBMITTING], A.SUBMITTING),
        ([A.UNDELIVERED, A.POSTPONED], A.POSTPONED),
        ([A.RELEASED, A.RELEASED], A.RELEASED),
    ],
)
def test_a_part_stands_by_its_latest_attempt_unless_an_earlier_one_did_better(attempts, state):
    assert part_state(attempts) == state
