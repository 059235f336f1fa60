"""What breakers are told of the binds of a carrier."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.carriers.bind_states import BindState
from gateway.carriers.place import BindView
from gateway.gauges import waiting_of
from gateway.rules.breaker_terms import Waiting
from protocol.numbers import BindMode

BOUND = BindView(
    "telco/1", BindMode.TRANSCEIVER, BindState.BOUND, "127.0.0.1:1", 0, 10, 10, 4, 2.5, 6, 0.0, None, 0, 50
)  # fmt: skip
PAUSED = replace(BOUND, state=BindState.PAUSED, room=0)
CLOSED = replace(BOUND, state=BindState.CONNECTING, in_flight=0, oldest_seconds=0.0, room=0)


def place_of(view: BindView) -> Any:
    """A place that is seen so."""
    can_send = view.state is BindState.BOUND and view.mode is not BindMode.RECEIVER
    bind = SimpleNamespace(
        in_flight=view.in_flight,
        oldest_seconds=view.oldest_seconds,
        can_send=can_send,
        restraint=SimpleNamespace(limit=view.in_flight + view.room),
    )
    is_there = view.state is not BindState.CONNECTING
    return SimpleNamespace(state=view.state, mode=view.mode, bind=bind if is_there else None)


def told(*views: BindView) -> Waiting:
    carrier: Any = SimpleNamespace(places=lambda: map(place_of, views))
    return waiting_of(carrier)


def test_what_all_binds_wait_for_is_one_sum() -> None:
    assert told(BOUND, replace(BOUND, oldest_seconds=7.0)) == Waiting(7.0, 8, is_full=False)
    assert told(replace(BOUND, room=0), CLOSED) == Waiting(2.5, 4, is_full=True)


@pytest.mark.parametrize(
    ("views", "is_up"),
    [
        ([BOUND, CLOSED], True),
        ([PAUSED], True),
        ([CLOSED, replace(BOUND, mode=BindMode.RECEIVER)], False),
        ([replace(PAUSED, state=BindState.LEAVING)], False),
        ([], False),
    ],
    ids=["bound", "paused by throttles", "only receipts", "leaving", "none"],
)
def test_a_carrier_is_up_while_a_bind_of_it_sends_or_is_merely_paused(views: list[BindView], is_up: bool) -> None:
    assert told(*views).is_up is is_up


def test_a_carrier_that_is_gone_is_not_up() -> None:
    assert not waiting_of(None).is_up
