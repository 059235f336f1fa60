"""What the rest of the gateway asks of a store, and what it answers: plain values, whichever engine lies below.

Times are wall-clock milliseconds UTC (`*_at`), durations too (`*_ms`), ids are integers (see gateway.identifiers). Asks
of binds and endpoints stand until they are answered: `take` callbacks are called on the Trio thread, right after the
commit that holds what they give.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from gateway.rules.retrying import Verdict as Verdict
from gateway.store.alarms.interface import AlarmStore
from gateway.store.allowances.interface import AllowanceStore
from gateway.store.allowances.interface import LimitReached as LimitReached
from gateway.store.by_hand.interface import ByHandStore
from gateway.store.by_hand.interface import CancelOutcome as CancelOutcome
from gateway.store.campaigns.interface import CampaignStore
from gateway.store.claim import Answer as Answer
from gateway.store.claim import AttemptName as AttemptName
from gateway.store.claim import BindStore
from gateway.store.claim import Claim as Claim
from gateway.store.claim import ClaimedSegment as ClaimedSegment
from gateway.store.claim import Kept as Kept
from gateway.store.claim import KeptInARow as KeptInARow
from gateway.store.consents.interface import ConsentStore, Suppression
from gateway.store.enquiry import EnquiryStore
from gateway.store.held_carriers.interface import HeldCarrierStore
from gateway.store.held_queue.interface import HeldQueueStore
from gateway.store.inbound.interface import InboundIn as InboundIn
from gateway.store.inbound.interface import InboundPart as InboundPart
from gateway.store.lines.interface import LineStore
from gateway.store.lists.interface import ListingStore
from gateway.store.lookups.interface import LookupStore
from gateway.store.reconciliation.interface import ReconciliationStore
from gateway.store.reload_interface import ReloadStore
from gateway.store.templates.interface import TemplateStore
from gateway.store.views import MessageRow
from protocol.receipts import Receipt


class StoreFull(Exception):  # noqa: N818
    """The backlog limit, the disk reserve or the disk itself is reached: nothing was accepted. 503 with Retry-After.

    Its words, for operators and logs, say which it is and what makes room; callers are not told them.
    """

    def __init__(self, words: str = "the store is full") -> None:
        super().__init__(words)


class StoreBusy(Exception):  # noqa: N818
    """The database is locked by another or the store is closing: nothing was changed. Ask again.

    Its words are as those of StoreFull.
    """

    def __init__(self, words: str = "the store does not take writes now") -> None:
        super().__init__(words)


# --- accept


class NewMessage(NamedTuple):
    """One checked message, ready to be filed."""

    id: int
    route: str
    lane: str
    recipient: str
    """E.164 with its plus."""
    sender: str
    text: str
    encoding: str
    """`gsm7` or `ucs2`."""
    segments: int
    country: str | None
    """ISO 3166 alpha-2."""
    expires_at: int
    scheduled_at: int | None
    """None: ready at once."""
    client_id: str | None
    tag: str | None
    webhook_url: str | None
    """Replaces the account's endpoint for this message."""
    allow_unicode: bool
    options: str | None = None
    """MessageOptions as JSON (gateway.rules.options); None: nothing is asked for, as a rule."""
    variant: str | None = None
    """Which of its text's variants was chosen (gateway.rules.templates); None: it has none, as a rule."""


@dataclass(slots=True, frozen=True)
class IdempotencyKey:
    key: str
    fingerprint: bytes
    """Digest of the call and its body: the same key with another fingerprint is refused."""


@dataclass(slots=True)
class Submission:
    """One HTTP request's worth of messages, accepted or refused as one transaction.

    Items refused by a rule never come here.
    """

    id: int
    account: str
    request_id: int
    messages: Sequence[NewMessage]
    idempotency: IdempotencyKey | None = None
    errors: bytes = b""
    """The rendered per-item errors of a bulk, kept with the idempotency key so that a repeat gives them again."""
    is_bulk: bool = False
    """Its answer is kept with the key though nothing of it is accepted: to a bulk that is a 201 too."""


class _OfEach:
    """What is told of messages by their index."""

    __slots__ = ()
    conflicts: dict[int, int]
    suppressed: Mapping[int, Suppression]
    duplicates: Mapping[int, int]

    @property
    def left_out(self) -> Set[int]:
        """The indexes of those that were not accepted, whatever for."""
        return self.conflicts.keys() | self.suppressed.keys() | self.duplicates.keys()


@dataclass(slots=True)
class Accepted(_OfEach):
    """On disk. `conflicts` maps the index (in `messages`) of an item whose client_id is in use to the message that
    holds it; that item was not accepted. Nor were those of `suppressed`, whose recipients may not be written to, nor
    those of `duplicates`, by the message that says the same."""

    conflicts: dict[int, int] = field(default_factory=dict)
    suppressed: Mapping[int, Suppression] = field(default_factory=dict)
    duplicates: Mapping[int, int] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Every message was accepted."""
        return not (self.conflicts or self.suppressed or self.duplicates)


@dataclass(slots=True)
class Replayed(_OfEach):
    """The idempotency key was seen before with the same fingerprint: the first answer, to be rendered anew."""

    submission: int
    messages: list[MessageRow]
    errors: bytes
    conflicts: dict[int, int] = field(default_factory=dict)
    suppressed: Mapping[int, Suppression] = field(default_factory=dict)
    duplicates: Mapping[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class KeyReused:
    """The idempotency key was seen before with another fingerprint: 422."""


AcceptOutcome = Accepted | Replayed | KeyReused | LimitReached
AcceptDone = Callable[[AcceptOutcome | None, BaseException | None], None]
"""Told the outcome, or why there is none."""


# --- receive


@dataclass(slots=True)
class ReceiptIn:
    carrier: str
    bind: str
    receipt: Receipt
    at: int
    submitted_at: int | None
    done_at: int | None
    error: str | None
    """ErrorCode mapped from the receipt for an end that is not `delivered`."""
    otherwise: InboundIn | None = None
    """What it is unless it names a message of ours by id and addresses: only its text looks like a receipt."""
    was_inbound: bool = False
    """Told by the store when it is settled: it was otherwise. What waits for an answer is not settled yet."""


# --- notify


@dataclass(slots=True)
class Delivery:
    """One webhook POST to make: an event, or a batch that keeps its id, members and order through every retry."""

    id: int
    endpoint: int
    account: str
    url: str
    own: bool
    """The account's configured endpoint; False for a `webhook_url` of a message."""
    webhook_id: str
    batched: bool
    bodies: list[bytes]
    """Rendered JSON of each event."""
    tries: int
    """POSTs made before this one."""
    created_at: int


@dataclass(slots=True)
class DeliveryOutcome:
    id: int
    endpoint: int
    at: int
    latency_ms: int
    http_status: int | None
    error: str | None
    """In words, for support; None on success."""
    taken: bool
    retry_at: int | None
    """None with taken=False: given up (the horizon is over)."""
    gone: bool = False
    """410: the endpoint is disabled; the delivery waits for its enabling."""
    untried: bool = False
    """It was not posted, since another to the endpoint has failed or the settings are others: it is as if it had never
    been handed out."""
    not_before: int | None = None
    """The endpoint asked for no POST before, by a Retry-After of its failure."""


class MessageFacts(NamedTuple):
    """What an event tells of its message."""

    id: int
    client_id: str | None
    sender: str
    recipient: str
    country: str | None
    lane: str
    segments: int
    encoding: str
    possible_duplicate: bool
    sent_at: int | None
    done_at: int | None
    tag: str | None
    campaign: int = 0
    """0: of none."""
    variant: str | None = None


class EventFacts(NamedTuple):
    """All that an event's body tells; gateway.webhooks.payloads renders it in the transaction that makes it true."""

    id: int
    type: str
    at: int
    message: MessageFacts | MessageRow | None
    status: str
    carrier: str | None = None
    carrier_message_id: str | None = None
    attempts: int = 0
    error: dict[str, Any] | None = None
    data: dict[str, Any] | None = None
    """Instead of a message: the data of message.inbound, webhook.test."""
    public_id: str | None = None
    """Where it is known already, as is the next."""
    public_message: str | None = None


class Store(
    AlarmStore,
    AllowanceStore,
    BindStore,
    CampaignStore,
    ConsentStore,
    EnquiryStore,
    ByHandStore,
    HeldCarrierStore,
    HeldQueueStore,
    LineStore,
    ListingStore,
    LookupStore,
    ReconciliationStore,
    ReloadStore,
    TemplateStore,
    Protocol,
):
    """The asks. Every write is part of one transaction, fsynced before the call returns or its callback is called."""

    # writes that are waited for
    async def accept(self, submission: Submission) -> AcceptOutcome:
        """Nothing was accepted when it gives LimitReached, or raises StoreFull or StoreBusy: now or, under its key,
        before."""

    def ask_accept(self, submission: Submission, done: AcceptDone) -> None:
        """The same by a callback, between two transactions; raises at once, or is told, what refuses what is new of it:
        `first_answer_of` then tells whether it is new."""

    async def first_answer_of(self, submission: Submission, refusal: StoreFull | StoreBusy) -> AcceptOutcome:
        """What a repeat of its key was answered before; raises the refusal where it is new, or came without one."""

    async def first_answer(self, account: str, idempotency: IdempotencyKey) -> Replayed | KeyReused | None:
        """What `accept` would answer from its memory alone; None: the key is new."""

    async def kept_answer(self, account: str, idempotency: IdempotencyKey) -> bytes | KeyReused | None:
        """What another call than a submission was answered when this key was first seen; None: it is new."""

    async def keep_answer(self, account: str, idempotency: IdempotencyKey, answer: bytes) -> None:
        """Keep what such a call is answered, for a repeat of its key."""

    def refusal(self) -> str | None:
        """Why `accept` would refuse now: `disk` (the reserve is reached) or `backlog`; None: it takes."""

    async def keep_alive(self) -> None:
        """A no-op through the writer; returns after a commit."""

    # receive
    def receipt(self, receipt: ReceiptIn, kept: Kept) -> None: ...
    def receipts(self, receipts: Sequence[ReceiptIn], kept: KeptInARow) -> None:
        """Those of one read."""

    def inbound(self, inbound: InboundIn, kept: Kept) -> None: ...

    # notify
    def take_deliveries(self, take: Callable[[list[Delivery]], None]) -> None:
        """Register the one taker; each endpoint stands for as many POSTs as it may have under way."""

    def delivered(self, outcome: DeliveryOutcome) -> None: ...
