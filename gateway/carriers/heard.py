"""What one call into a session gave, by what is done with it, so that each kind is handed on in one call."""

from dataclasses import dataclass, field
from typing import Any

from gateway.carriers.traffic import Delivery
from protocol.session_events import Closed, Delivered, Event, SubmitAnswered, SubmitExpired


@dataclass(slots=True)
class Heard:
    """In the order of the session, within each kind."""

    answers: list[SubmitAnswered] = field(default_factory=list)
    pdus: list[Delivery] = field(default_factory=list)
    expired: list[Any] = field(default_factory=list)
    """Tokens."""
    closed: Closed | None = None
    others: list[Event] = field(default_factory=list)


def sorted_out(events: list[Event]) -> Heard:
    """The events of one call, sorted."""
    heard = Heard()
    answered = heard.answers.append
    for event in events:
        if type(event) is SubmitAnswered:
            answered(event)
        elif isinstance(event, Delivered):
            heard.pdus.append(event.pdu)
        elif isinstance(event, SubmitExpired):
            heard.expired.append(event.token)
        elif isinstance(event, Closed):
            heard.closed = event
        else:
            heard.others.append(event)
    return heard
