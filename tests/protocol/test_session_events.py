from dataclasses import fields
from typing import get_args

from protocol.session_events import Closed, CloseReason, Event


def test_the_union_is_closed_and_each_event_is_slotted():
    events = get_args(Event)
    assert len(events) == len({event.__name__ for event in events}) == 14
    assert all("__slots__" in vars(event) for event in events)


def test_no_two_ends_share_their_unanswered():
    first, second = Closed(CloseReason.UNBOUND), Closed(CloseReason.UNBOUND)
    first.unanswered.append("token")
    assert second.unanswered == []
    assert [field.name for field in fields(Closed)] == ["reason", "detail", "unanswered"]
