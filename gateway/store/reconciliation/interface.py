"""What the segments that a carrier was handed are asked for by, and the store's face to them: plain values."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple, Protocol

from gateway.messages import AttemptState


class Period(NamedTuple):
    """Of one carrier."""

    carrier: str
    after: int
    """Handed over at this time or later, milliseconds UTC."""
    before: int
    """And before this one."""


class Walk(IntEnum):
    """Where segments are looked for, one after the other."""

    IN_HAND = 0
    """Claimed and unanswered, of the usual kind."""
    LATE = 1
    """Handed over more than a day from when their message was accepted."""
    USUAL = 2


class Mark(NamedTuple):
    """How far they were read."""

    walk: Walk
    key: tuple[int, ...] = ()
    """Of the last row that was looked at; empty: none was."""


BEGIN = Mark(Walk.IN_HAND)


class HandedRow(NamedTuple):
    """One segment that was put to the carrier once."""

    message: int
    part: int
    parts: int
    attempt: int
    state: AttemptState
    claimed_at: int
    """Right before it was written to the carrier; milliseconds UTC, as the others."""
    carrier_message_id: str | None
    command_status: int | None
    """None: there was no answer."""
    receipt_state: str | None
    err: str | None
    done_at: int | None
    account: str
    client_id: str | None
    campaign: int
    """0: of none."""
    lane: str
    sender: str
    recipient: str
    country: str | None
    possible_duplicate: bool


class HandedPage(NamedTuple):
    rows: list[HandedRow]
    next: Mark | None
    """None: that is all."""


class ReconciliationStore(Protocol):
    """Look-ups, from connections of their own."""

    async def handed(self, period: Period, mark: Mark) -> HandedPage:
        """A page of what the carrier was handed, of at most 1,000 rows; it may have none and yet not be the last.

        First what is in hand, then what was late by when it was handed over, then the rest by its messages' ids. What
        is answered while it is read may come twice: in hand, and again with its answer.
        """

    async def was_handed_any(self, carrier: str) -> bool:
        """Whether the carrier ever took a segment that is still kept."""
