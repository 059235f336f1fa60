"""What a bind asks of the flows above it: where its work comes from, and where what it receives goes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from protocol.pdus import DataSm, DeliverSm
from protocol.session_events import SubmitAnswered

if TYPE_CHECKING:
    from gateway.carriers.bind import Bind

Delivery: TypeAlias = DeliverSm | DataSm


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


@dataclass(slots=True, frozen=True)
class Traffic:
    """Both ways at once."""

    open_feed: Callable[["Bind"], Feed]
    """Called when a bind that can send is bound."""
    deliver: Callable[["Bind", list[Delivery]], None]
    """The deliveries of one read; each is to be answered by `Bind.answer` once it is on disk."""
