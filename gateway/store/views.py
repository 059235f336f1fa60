"""Rows as look-ups give them, whichever engine lies below. Times are wall-clock milliseconds UTC."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class MessageRow(NamedTuple):
    id: int
    account: str
    submission: int
    request_id: int
    lane: str
    route: str
    state: int
    sender: str
    recipient: str
    text: str | None
    text_erased_at: int | None
    encoding: str
    segments: int
    country: str | None
    allow_unicode: bool
    client_id: str | None
    tag: str | None
    scheduled_at: int | None
    expires_at: int
    due: int | None
    sent_at: int | None
    done_at: int | None
    tries: int
    """Temporary errors answered so far."""
    throttles: int
    attempts: int
    """Times it was put to a carrier."""
    possible_duplicate: bool
    error: str | None
    endpoint: int | None
    options: str | None = None
    """MessageOptions as JSON."""
    writing: str | None = None
    """gateway.store.writings.Writing as JSON."""
    campaign: int = 0
    """0: of none."""
    variant: str | None = None
    """Which of its text's variants was chosen."""


class AttemptRow(NamedTuple):
    message: int
    part: int
    attempt: int
    state: int
    carrier: str
    bind: str
    claimed_at: int
    answered_at: int | None
    latency_ms: int | None
    command_status: int | None
    carrier_message_id: str | None
    retry_at: int | None
    done_at: int | None
    err: str | None
    network_error: str | None
    """Type and code of network_error_code, as `3:1`."""
    receipt_state: str | None = None
    error: str | None = None
    """ErrorCode of an attempt that ended otherwise than delivered."""
    parts: int | None = None
    """That its carrier had the text cut into; None: as many as the message has now."""


class ReceiptRow(NamedTuple):
    message: int
    part: int
    attempt: int
    carrier: str
    bind: str
    at: int
    state: str
    err: str | None
    matched: str
    """`exact`, `converted` (hex/decimal), `reference` (by user_message_reference), `doubt` (a receipt that could only
    be about it settled a doubt), `parked` (came before its answer), `query_sm` (its answer)."""
    applied: bool
    raw: str


class EnquiryRow(NamedTuple):
    """What a carrier was asked about a segment, the last time."""

    part: int
    attempt: int
    kind: int
    """interface.EnquiryKind."""
    carrier: str
    bind: str
    asked_at: int
    latency_ms: int
    command_status: int | None
    """None: no answer came."""
    message_state: int | None
    """Of query_sm_resp."""


class WebhookTry(NamedTuple):
    event: int
    type: str
    url: str
    attempt: int
    at: int
    http_status: int | None
    latency_ms: int
    error: str | None


@dataclass(slots=True)
class MessageStory:
    """One message with all that happened to it."""

    message: MessageRow
    attempts: list[AttemptRow]
    receipts: list[ReceiptRow]
    webhooks: list[WebhookTry]
    enquiries: list[EnquiryRow] = field(default_factory=list)


class EventRow(NamedTuple):
    id: int
    account: str
    type: str
    message: int | None
    status: str
    """`pending` (also between tries), `delivered` or `failed` (the horizon is over; waits for a replay)."""
    url: str
    tries: int
    next_try_at: int | None
    last_http_status: int | None
    last_error: str | None
    body: bytes


class EndpointRow(NamedTuple):
    id: int
    account: str
    url: str
    own: bool
    enabled: bool
    disabled_reason: str | None
    pending: int
    failed: int
    oldest_pending_at: int | None
    last_success_at: int | None
    last_failure_at: int | None
    consecutive_failures: int

    def with_first_tries(self, since: Sequence[int]) -> "EndpointRow":
        """With events that could be told since then, and that stand nowhere but in the writer's memory as waiting."""
        oldest = min(since) if self.oldest_pending_at is None else min(*since, self.oldest_pending_at)
        return self._replace(pending=self.pending + len(since), oldest_pending_at=oldest)


class DoubtRow(NamedTuple):
    message: int
    part: int
    attempt: int
    account: str
    lane: str
    recipient: str
    carrier: str
    bind: str
    claimed_at: int
    due: int
    policy: str


class QueueRow(NamedTuple):
    lane: str
    route: str
    account: str
    stay: str
    avoid: str
    ready: int
    unfit: str = ""
    """Carriers that can't carry these texts, with blanks between."""
    campaign: int = 0


class ParkedRow(NamedTuple):
    id: int
    carrier: str
    carrier_message_id: str
    recipient: str
    sender: str
    state: str
    at: int
    due: int
    raw: str
    may_quote: bool
    """Its raw words may say a text: of a message in a layout of their own, or of a handset that only looks like one."""


class InboundRow(NamedTuple):
    """An inbound message as its account sees it."""

    id: int
    carrier: str
    sender: str
    recipient: str
    text: str | None
    text_erased_at: int | None
    encoding: str
    parts: int
    complete: bool
    at: int


class UntoldRow(NamedTuple):
    """An inbound message that nobody was told of."""

    id: int
    carrier: str
    account: str | None
    sender: str
    recipient: str
    encoding: str
    parts: int
    complete: bool
    at: int


class AuditRow(NamedTuple):
    id: int
    at: int
    who: str
    """`account:NAME`, `operator:NAME` or `operator`."""
    request_id: int | None
    what: str
    outcome: str | None
    message: int | None
    event: int | None
    """Of several, the first."""
    endpoint: int | None
    replayed: int | None
    """How many events."""


class Page(NamedTuple):
    rows: list[Any]
    next_cursor: int | None


NO_CURSOR = 1 << 62
"""Before which all ids are: of the first page, newest first."""


def page_of(
    rows: Sequence[tuple[Any, ...]], limit: int, read: Callable[[tuple[Any, ...]], Any], cursor: int | None = None
) -> Page:
    """The first of these rows as `read` gives them; one more than the limit says that there are others.

    The next page goes on from the first column of the last row; `cursor`: from where, if these are all.
    """
    if len(rows) > limit:
        cursor = rows[limit - 1][0]
    return Page([read(row) for row in rows[:limit]], cursor)
