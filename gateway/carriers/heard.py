"""What one call into a session gave, by what is done with it, so that each kind is handed on in one call."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from gateway.carriers.traffic import Delivery
from protocol.session_events import BindRefused, Bound, Delivered, Event, Reported, SubmitAnswered, SubmitExpired


@dataclass(slots=True)
class Heard:
    """In the order of the session, within each kind."""

    bound: Bound | BindRefused | None = None
    """What became of the bind."""
    answers: list[SubmitAnswered] = field(default_factory=list)
    pdus: list[Delivery] = field(default_factory=list)
    expired: list[Any] = field(default_factory=list)
    """Tokens."""
    others: list[Event] = field(default_factory=list)
    """Closed is the last of them, where it is there."""


def sorted_out(events: list[Event]) -> Heard:
    """The events of one call, sorted."""
    heard = Heard()
    answered, reported = heard.answers.append, heard.pdus.append
    for event in events:
        if type(event) is SubmitAnswered:
            answered(event)
        elif type(event) is Reported:
            reported(event)
        elif isinstance(event, Delivered):
            heard.pdus.append(event.pdu)
        elif isinstance(event, SubmitExpired):
            heard.expired.append(event.token)
        elif isinstance(event, Bound | BindRefused):
            heard.bound = event
        else:
            heard.others.append(event)
    return heard


def each_done(do: Callable[[Event], None], events: list[Event]) -> None:
    """Do it for each in order, for the next too where it raises; what it raised last is raised in the end."""
    with ExitStack() as to_do:
        for event in reversed(events):
            to_do.callback(do, event)
