"""What a bind asks of the flows above it: where its work comes from, and where what it receives goes.

And what the flows tell of a carrier's health while they hear from it (Hearing); what that means is flows/health.py's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from protocol.pdus import DataSm, DeliverSm
from protocol.session_events import Reported, SubmitAnswered

if TYPE_CHECKING:
    from gateway.carriers.bind import Bind

Delivery: TypeAlias = DeliverSm | DataSm | Reported


class Feed(Protocol):
    """What gives a bind its work and takes its answers. All calls are made on the Trio thread and return at once.

    A token is whatever was given with a submit_sm; it is given back by identity.
    """

    def answered(self, answers: list[SubmitAnswered]) -> None:
        """The answers of one read."""

    def expired(self, tokens: list[Any]) -> None:
        """Written, and unanswered for the response_timeout."""

    def unwritten(self, tokens: list[Any]) -> None:
        """They waited too long for the window, the pace or the transport; nothing was written, nor will be."""

    def is_rest(self, before: Any, token: Any) -> bool:
        """Whether a part of this one's message has gone: the one `before` it (None: there was none), or another."""

    def is_urgent(self, token: Any) -> bool:
        """Whether it goes before others that wait for the window or the pace."""

    def freed(self) -> None:
        """More may be given: a pause is over, or the pace let something go."""

    def halted(self) -> None:
        """The bind leaves: no more work, and what waits may be taken back."""

    def closed(self, doubtful: list[Any], unwritten: list[Any]) -> None:
        """The last call. `doubtful` may have reached the peer, `unwritten` were never handed to the transport."""


class Hearing(Protocol):
    """Who listens to how a carrier does. All calls are made on the Trio thread, return at once, and are one a read."""

    def heard(self, carrier: str, taken: int, errors: int, slowest: float, quickest: float, others: int = 0) -> None:
        """Answers of one read: ESME_ROK, temporary errors, and others (refusals for good, throttles); seconds."""

    def unanswered(self, carrier: str, count: int, waited: float = 0.0) -> None:
        """submit_sm whose answers never came; `waited`: seconds since each was written, 0 where it is not known."""

    def received(self, carrier: str, count: int) -> None:
        """Receipts of one read."""

    def stop(self, carrier: str, status: str) -> None:
        """It answered a status after which nothing more should go there."""


class NobodyHears:
    """A Hearing that nobody is behind."""

    def heard(
        self, carrier: str, taken: int, errors: int, slowest: float, quickest: float, others: int = 0
    ) -> None: ...

    def unanswered(self, carrier: str, count: int, waited: float = 0.0) -> None: ...

    def received(self, carrier: str, count: int) -> None: ...

    def stop(self, carrier: str, status: str) -> None: ...


NOBODY_HEARS: Hearing = NobodyHears()


@dataclass(slots=True, frozen=True)
class Traffic:
    """Both ways at once."""

    open_feed: Callable[["Bind"], Feed]
    """Called when a bind that can send is bound."""
    deliver: Callable[["Bind", list[Delivery]], None]
    """The deliveries of one read; each is to be answered by `Bind.answer` once it is on disk."""
