"""What is asked of a store about the lines of a stream, and what it answers.

A line has a number, by which the key of its stream is told apart from those of its other lines.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from gateway.store.allowances.interface import LimitReached
from gateway.store.consents.interface import Suppression
from gateway.store.views import MessageRow

if TYPE_CHECKING:
    from gateway.store.interface import Accepted, StoreBusy, StoreFull, Submission

MOST_LINES = 500
"""Numbers from the first to the last line of one ask, at most."""
DIGEST_BYTES = 16


class LineKeys(NamedTuple):
    """The Idempotency-Key of a stream, and what it guards of one ask."""

    key: str
    digests: Mapping[int, bytes]
    """By number, ascending: what came in each line."""
    refused: Mapping[int, bytes]
    """By number: the rendered errors of those that a rule refuses."""


class LinesIn(NamedTuple):
    submission: Submission
    """Without an idempotency key of its own."""
    numbers: Sequence[int]
    """Of its messages."""
    keys: LineKeys | None


class LineAgain(NamedTuple):
    """What was answered to a line when it first came."""

    submission: int
    message: MessageRow | None = None
    """None without an error: it was accepted, and is no longer kept."""
    errors: bytes | None = None
    """As a rule refused it then."""
    conflict: int | None = None
    """The message that has its client_id."""
    suppressed: Suppression | None = None
    duplicate: int | None = None
    """The message that says the same."""


@dataclass(slots=True)
class LinesFiled:
    """Each message was filed or left out on its own; what was filed is on disk."""

    accepted: Accepted
    """By index in `filed`."""
    filed: Sequence[int]
    """Indexes of the messages that were looked at, but for those left out for `refusal`."""
    refusal: LimitReached | StoreBusy | StoreFull | None = None
    """Why there was no room for the others."""
    left_out: Sequence[int] = ()
    """Their indexes. They may come again, under the same number."""
    again: Mapping[int, LineAgain] = field(default_factory=dict)
    """By number: those that came before."""
    reused: Collection[int] = ()
    """Numbers under which something else came before; all of them, where the key came with another call."""


class LineStore(Protocol):
    async def file_lines(self, lines: LinesIn) -> LinesFiled:
        """Raises StoreFull (the disk) or StoreBusy: then nothing was accepted, now or before."""
