"""Alarms: what can be amiss, for how long it has to be so before it is told, and when it is over. Pure.

Who looks whether something is amiss is gateway/flows/watch; what an operator does about each is docs/operations.md.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from gateway.rules.timestamps import rfc3339
from gateway.settings.alerts import OperatorEvent


class Turn(StrEnum):
    """What an event tells of an alarm, as its `status`; `told` is of events that are none."""

    RAISED = "raised"
    RECOVERED = "recovered"
    TOLD = "told"


class Terms(NamedTuple):
    """Of one kind of alarm; times in seconds."""

    recovers_as: OperatorEvent
    raise_after: float
    """It has to be amiss for so long without a break."""
    clear_after: float | None
    """And well for so long; None: for as long as the settings say."""


ALARMS: Mapping[OperatorEvent, Terms] = {
    OperatorEvent.CARRIER_DOWN: Terms(OperatorEvent.CARRIER_UP, 5.0, 5.0),
    OperatorEvent.BREAKER_OPENED: Terms(OperatorEvent.BREAKER_CLOSED, 0.0, 0.0),
    OperatorEvent.BACKLOG_OLD: Terms(OperatorEvent.BACKLOG_NORMAL, 0.0, None),
    OperatorEvent.DELIVERY_SLOW: Terms(OperatorEvent.DELIVERY_NORMAL, 0.0, None),
    OperatorEvent.RECEIPTS_LOW: Terms(OperatorEvent.RECEIPTS_NORMAL, 0.0, None),
    OperatorEvent.ENDPOINT_FAILING: Terms(OperatorEvent.ENDPOINT_RECOVERED, 0.0, 0.0),
    OperatorEvent.ENDPOINT_DISABLED: Terms(OperatorEvent.ENDPOINT_RECOVERED, 0.0, 0.0),
    OperatorEvent.DISK_LOW: Terms(OperatorEvent.DISK_NORMAL, 0.0, None),
    OperatorEvent.QUEUE_HELD: Terms(OperatorEvent.QUEUE_RELEASED, 0.0, 0.0),
}
"""By the event that raises each. All other events are told as they come."""

_WORDS: Mapping[OperatorEvent, str] = {
    OperatorEvent.CARRIER_DOWN: "carrier {} can't send: none of its binds is up",
    OperatorEvent.CARRIER_UP: "carrier {} can send again",
    OperatorEvent.BREAKER_OPENED: "carrier {} does badly: others get its messages",
    OperatorEvent.BREAKER_HALF_OPEN: "carrier {} is tried with a few messages",
    OperatorEvent.BREAKER_CLOSED: "carrier {} gets messages again",
    OperatorEvent.BACKLOG_OLD: "messages of {} wait for too long to be sent",
    OperatorEvent.BACKLOG_NORMAL: "messages of {} are sent in time again",
    OperatorEvent.DELIVERY_SLOW: "messages of lane {} are delivered too slowly",
    OperatorEvent.DELIVERY_NORMAL: "messages of lane {} are delivered in time again",
    OperatorEvent.RECEIPTS_LOW: "carrier {} sends fewer receipts than is usual for it",
    OperatorEvent.RECEIPTS_NORMAL: "carrier {} sends as many receipts as usual again",
    OperatorEvent.ENDPOINT_FAILING: "the webhook endpoint of {} does not take its events",
    OperatorEvent.ENDPOINT_DISABLED: "the webhook endpoint of {} is disabled",
    OperatorEvent.ENDPOINT_RECOVERED: "the webhook endpoint of {} is in service again",
    OperatorEvent.DISK_LOW: "the disk of {} is nearly full",
    OperatorEvent.DISK_NORMAL: "the disk of {} has room again",
    OperatorEvent.QUEUE_HELD: "what was open in the backup {} is held until it is released",
    OperatorEvent.QUEUE_RELEASED: "nothing of the backup {} is held any more",
    OperatorEvent.CONFIG_RELOADED: "the {} was read again and is in force",
    OperatorEvent.CONFIG_REFUSED: "the {} was read again and is wrong: nothing was changed",
}


class Condition:
    """Whether one thing is amiss, once it has been so for long enough. Times in seconds of a clock that only rises."""

    __slots__ = ("_raise_after", "_turning_since", "clear_after", "is_raised")

    def __init__(self, raise_after: float, clear_after: float, *, is_raised: bool = False) -> None:
        self._raise_after = raise_after
        self.clear_after = clear_after
        self._turning_since: float | None = None
        self.is_raised = is_raised

    @property
    def is_at_rest(self) -> bool:
        """Not raised, nor about to be: there is nothing to remember."""
        return not self.is_raised and self._turning_since is None

    def judge(self, is_amiss: bool, now: float) -> float | None:
        """Since when it is as it is now, where that has just become news; `is_raised` then says which."""
        if is_amiss == self.is_raised:
            self._turning_since = None
            return None
        since = now if self._turning_since is None else self._turning_since
        if now - since < (self._raise_after if is_amiss else self.clear_after):
            self._turning_since = since
            return None
        self._turning_since, self.is_raised = None, is_amiss
        return since


def runbook(event: OperatorEvent) -> str:
    """The heading that says what to do; what is told later of an alarm has that of its begin."""
    if event is OperatorEvent.BREAKER_HALF_OPEN:
        event = OperatorEvent.BREAKER_OPENED
    begin = next((raised for raised, terms in ALARMS.items() if terms.recovers_as is event), event)
    return f"docs/operations.md#{begin.value.replace('.', '-').replace('_', '-')}"


def words(event: OperatorEvent, subject: str) -> str:
    """One sentence for people."""
    return _WORDS[event].format(subject)


def event_data(
    event: OperatorEvent, subject: str, since: int, figures: Mapping[str, Any], *, alarm: OperatorEvent | None = None
) -> dict[str, Any]:
    """`data` of an event, in the order of docs/operator-events.md. `since` in milliseconds; `alarm`: whose it is."""
    told = {"subject": subject, "since": rfc3339(since), "words": words(event, subject), "runbook": runbook(event)}
    return {**({"alarm": alarm.value} if alarm is not None else {}), **told, **figures}
