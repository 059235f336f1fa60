"""What the store gives to be asked of a carrier, and how asking went: plain values (see gateway.store.enquiries)."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from gateway.store.interface import AttemptName, ReceiptIn


class EnquiryKind(IntEnum):
    """What can be asked of a carrier about a segment that it took."""

    QUERY = 0
    """query_sm: what became of it?"""
    CANCEL = 1
    """cancel_sm: do not deliver it."""


class Enquiry(NamedTuple):
    """To be asked of a carrier now."""

    name: AttemptName
    kind: EnquiryKind
    carrier_message_id: str
    sender: str
    recipient: str


class EnquiryAnswer(NamedTuple):
    """How asking went."""

    name: AttemptName
    kind: EnquiryKind
    bind: str
    asked_at: int
    latency_ms: int
    command_status: int | None
    """None: no answer came."""
    message_state: int | None = None
    """Of a query_sm that was answered ESME_ROK."""
    told: ReceiptIn | None = None
    """The same as a receipt would say it."""


class Enquiries(NamedTuple):
    """What is to be asked of one carrier."""

    now: list[Enquiry]
    next_at: int | None
    """When there is something to ask, if not now."""


class EnquiryStore(Protocol):
    """What asking carriers needs of a store."""

    async def enquiries(self, carrier: str, most: int) -> Enquiries:
        """What is to be asked of a carrier now, what is urgent first; it is given until its answer is told."""

    async def enquired(self, answer: EnquiryAnswer) -> None:
        """Record how asking went; what it tells settles doubts, ends messages, or is asked again later."""

    def tell_enquiries(self, tell: Callable[[str], None]) -> None:
        """Register who is told of a carrier of which there is more to ask."""
