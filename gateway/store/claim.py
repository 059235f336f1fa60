"""What the store deals to binds, and what they tell of it: plain values (see gateway.store.claims and answers)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from gateway.rules.options import MessageOptions
from gateway.rules.retrying import Verdict
from gateway.rules.taking import Standing
from protocol.segments import Segment

Kept = Callable[[bool], None]
"""Called once on the Trio thread: True after the commit, False when the store could not keep it."""
KeptInARow = Callable[[bool, int], None]
"""The same of what was put together: called for so many that follow each other, in their order, until all are told."""


@dataclass(slots=True)
class Claim:
    """A message dealt to a bind: its intent is on disk, it may be written to the wire."""

    message: int
    account: str
    lane: str
    sender: str
    recipient: str
    expires_at: int
    tries: int
    """Submissions of this message that a carrier answered with a temporary error before (throttling not counted)."""
    throttles: int
    segments: list[ClaimedSegment]
    options: MessageOptions | None = None
    """What was asked of this message beside its text; None: nothing, as a rule."""
    scheduled_at: int | None = None
    """ms; None: it was to be sent at once."""


@dataclass(slots=True)
class ClaimedSegment:
    attempt: int
    """1 for the first attempt of this part; with (message, part) it names the attempt row."""
    segment: Segment


class Answer(NamedTuple):
    """A carrier's answer to one segment."""

    message: int
    part: int
    attempt: int
    verdict: Verdict
    command_status: int
    carrier_message_id: str
    at: int
    latency_ms: int
    retry_at: int
    error: str | None
    """ErrorCode when refused."""
    total: int = 0
    """Parts that the message was cut into; 0: not known. A hint: whole messages are recorded many at a time."""


class AttemptName(NamedTuple):
    message: int
    part: int
    attempt: int


class BindStore(Protocol):
    """What binds ask of a store. A bind's ask stands until it is answered."""

    def open_window(self, bind: str, carrier: str, take: Callable[[list[Claim]], None]) -> None: ...
    def ask(self, bind: str, room: int) -> None:
        """Add room for so many PDUs to the bind's standing ask."""

    def withdraw(self, bind: str) -> int:
        """Take the standing ask back (a pause); what it was. Negative after an overdraft: ask that much less later."""

    def answered(self, bind: str, answers: list[Answer], room: int, kept: Kept) -> None:
        """Record answers; the bind's ask grows by `room` in the same transaction.

        kept(False): record them again. An answer that can never be recorded counts as kept: it is logged, and its
        message is settled as one whose answer never came.
        """

    def release(self, bind: str, attempts: list[AttemptName], room: int) -> None:
        """Claimed but never written to the wire: unsent again, without doubt."""

    def doubt(self, bind: str, attempts: list[AttemptName], room: int) -> None:
        """Written, and no answer came (deadline, or the session ended)."""

    def close_window(self, bind: str) -> None:
        """The bind is gone: its ask ends. Claims dealt but not taken yet are released."""

    def carrier_able(self, carrier: str, able: bool) -> None:
        """Whether any bind of the carrier can send now; a lower tier gets work after 1 s without."""

    def carrier_standing(self, carrier: str, standing: Standing | None) -> None:
        """How the deal is to treat a carrier until told anew; None: as usual."""
