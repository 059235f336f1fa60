"""What the store keeps of campaigns, and what is asked of it: plain values (see loading.py, moves.py).

A campaign is loaded in slices, sealed once all of it was read, and then pulled: its recipients become messages as its
queue runs low, so that a campaign that is paused or canceled costs nothing, however many wait.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from gateway.messages import ErrorCode
from gateway.store.by import By
from gateway.store.views import Page

if TYPE_CHECKING:
    from gateway.store.interface import KeyReused, NewMessage

NOTHING_FAILED: Mapping[int, ErrorCode] = MappingProxyType({})


class CampaignState(IntEnum):
    """As stored. Those from COMPLETED on are ended."""

    LOADING = 0
    """Not all of its recipients are on disk, or it has not been looked at since they are."""
    SCHEDULED = 1
    RUNNING = 2
    PAUSED = 3
    COMPLETED = 10
    """Every message of it has ended."""
    CANCELED = 11
    FAILED = 12
    """Its upload was cut off; `failure` says how. It has no key any more if it was begun again under it."""


class NotLoading(Exception):  # noqa: N818
    """Recipients, an end or a failure for a campaign that is not being loaded any more: its key was used to begin it
    again, or it was given up."""


class NewCampaign(NamedTuple):
    """A campaign whose recipients are about to be loaded."""

    id: int
    account: str
    request_id: int
    definition: str
    """gateway.rules.campaigns.Definition as JSON: all that was asked for beside the recipients."""
    scheduled_at: int | None
    created_at: int
    key: str | None = None
    """Its idempotency key, kept as long as the campaign."""


class NewRecipient(NamedTuple):
    """One checked recipient."""

    position: int
    """In the upload, from 0."""
    recipient: str
    """E.164 with its plus."""
    route: str
    sender: str
    country: str | None
    fields: str
    """The values for the text's variables, as a JSON object."""


class RecipientErrors(NamedTuple):
    """All that is wrong with one recipient."""

    position: int
    errors: bytes
    """`fields` and `codes` as JSON."""


class SliceKept(NamedTuple):
    """What became of a slice of recipients."""

    accepted: int
    duplicates: int
    """Of them, or of those before them in the campaign."""
    opted_out: int


class OpenedCampaign(NamedTuple):
    """It may be loaded. What an upload under the same key that was cut off had left is FAILED and has the key no
    more."""


class KnownCampaign(NamedTuple):
    """The key was seen before: the caller compares the fingerprint once it has read the body."""

    campaign: CampaignRow
    fingerprint: bytes


class CampaignMove(Enum):
    """What became of a wish to pause, resume or cancel."""

    DONE = "done"
    ALREADY = "already"
    NOT_POSSIBLE = "not_possible"
    """It has ended, or is not loaded yet: 409."""
    NOT_FOUND = "not_found"


class CampaignRow(NamedTuple):
    """A campaign as it stands."""

    id: int
    account: str
    state: CampaignState
    definition: str
    received: int
    accepted: int
    rejected: int
    duplicates: int
    opted_out: int
    waiting: int
    """Recipients that are no messages yet."""
    canceled_waiting: int
    """Recipients that never became messages, since the campaign was canceled."""
    scheduled_at: int | None
    started_at: int | None
    finished_at: int | None
    created_at: int
    failure: str | None
    counts: Mapping[tuple[str | None, str], int]
    """Messages by variant and public status; the sum of them, `waiting` and `canceled_waiting` is `accepted`."""
    opt_outs: Mapping[str | None, int]
    """Recipients that opted out after they were written to, by variant."""
    rate: float
    """Messages that left `queued` in the last minute, per second."""


@dataclass(slots=True)
class Expansion:
    """Recipients of a running campaign that may become messages now."""

    campaign: int
    account: str
    definition: str
    after: int
    """The position of the last recipient that became a message; -1: none has. `expand` is refused if it has moved."""
    recipients: Sequence[NewRecipient] = field(default=())


class CampaignStore(Protocol):
    """What campaigns need of a store. Every write is on disk when its call returns."""

    async def open_campaign(self, campaign: NewCampaign) -> OpenedCampaign | KnownCampaign | KeyReused:
        """Raises StoreFull or StoreBusy, but not to a repeat. A campaign under the same key that was never sealed is
        discarded; that nobody in this process is still loading it, the caller sees to."""

    async def add_recipients(
        self, campaign: int, recipients: Sequence[NewRecipient], errors: Sequence[RecipientErrors]
    ) -> SliceKept:
        """One slice, of at most 500; positions grow from slice to slice. Raises StoreFull or StoreBusy: then nothing of
        it was kept, and it may be added again. Raises NotLoading."""

    async def seal_campaign(self, campaign: int, fingerprint: bytes) -> CampaignRow:
        """All was read. The row still says LOADING; the store then moves it on to SCHEDULED or RUNNING by itself.
        Raises NotLoading."""

    async def fail_campaign(self, campaign: int, failure: str) -> None:
        """Its upload ended before its end. Nothing happens where it is not being loaded any more."""

    # By whom; account None: an operator, whosever it is.
    async def pause_campaign(self, account: str | None, campaign: int, *, by: By) -> CampaignMove: ...
    async def resume_campaign(self, account: str | None, campaign: int, *, by: By) -> CampaignMove: ...
    async def cancel_campaign(self, account: str | None, campaign: int, *, by: By) -> CampaignMove:
        """What is unsent is not sent: waiting recipients at once, queued messages within the next transactions."""

    def tell_expansions(self, tell: Callable[[int], None]) -> None:
        """Register who is told of a campaign whose queue runs low, on the Trio thread."""

    async def expansion(self, campaign: int, most: int) -> Expansion | None:
        """The next recipients of a running campaign; None: it is not running, or none waits."""

    async def expand(
        self, expansion: Expansion, messages: Sequence[NewMessage], failed: Mapping[int, ErrorCode] = NOTHING_FAILED
    ) -> bool:
        """Make messages of the first of its recipients, one of each, exactly once. Raises StoreFull or StoreBusy.

        `failed`: by their index, those that can't be sent any more; they are filed and end as `failed`. False: the
        campaign is not where it was (paused, canceled, expanded by another), and nothing was done.
        """

    async def campaign(self, account: str | None, campaign: int) -> CampaignRow | None: ...
    async def campaigns(self, account: str | None, *, statuses: Sequence[str], limit: int, cursor: int | None) -> Page:
        """Newest first."""

    async def campaign_errors(
        self, account: str | None, campaign: int, *, limit: int, cursor: int | None
    ) -> Page | None:
        """Rows of RecipientErrors by position; None: no such campaign."""

    async def campaign_of_key(self, account: str, key: str) -> KnownCampaign | None:
        """The sealed campaign that was opened under this key; None: there is none, though one may be loading."""
