from dataclasses import fields
from typing import get_args

import pytest

from protocol.session_events import Closed, CloseReason, Event, SubmitAnswered


def test_the_union_is_closed_and_each_event_is_slotted():
    events = get_args(Event)
    assert len(events) == len({event.__name__ for event in events}) == 17
    assert all("__slots__" in vars(event) for event in events)


def test_no_two_ends_share_their_unanswered():
    first, second = Closed(CloseReason.UNBOUND), Closed(CloseReason.UNBOUND)
    first.unanswered.append("token")
    assert second.unanswered == []
    assert [field.name for field in fields(Closed)] == ["reason", "detail", "unanswered"]


@pytest.mark.parametrize(
    ("tlvs", "congestion"),
    [({}, None), ({0x0428: b"\x5a"}, 90), ({0x0428: b"\0"}, 0), ({0x0428: b""}, None), ({0x0428: b"\x65"}, None)],
)
def test_trap_8_congestion_is_told_where_the_carrier_tells_it_and_what_is_reserved_is_not(tlvs, congestion):
    assert SubmitAnswered("m1", 0, "5F3A", tlvs, 0.1, late=False).congestion == congestion
