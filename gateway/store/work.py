"""A running transaction as its steps see it: the moment, what the writer knows by heart, and the moves all steps share.

A step reads a message once (`find`, or columns of COLUMNS in a join), decides, and moves it; every move is guarded by
the state that was read.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from gateway.logs import quoted
from gateway.messages import ENDED, MessageState, status_of
from gateway.store import faults, message_events
from gateway.store.ends import Tally
from gateway.store.interface import Delivery, EventFacts
from gateway.store.many_rows import as_json
from gateway.store.message_events import PENDING, WITH_URL, News
from gateway.store.mirrors import Mirrors

log = logging.getLogger("sluice.store")
STUCK_MS = 60_000
"""What could not be done is tried again after this."""

COLUMNS = (
    "m.id, m.account, m.queue, m.state, m.sender, m.recipient, m.encoding, m.segments, m.country, m.client_id, m.tag, "
    "m.expires_at, m.sent_at, m.claims, m.attempts, m.possible_duplicate, m.endpoint, m.webhook_url, m.last_event, "
    "m.variant"
)
_FIND = f"SELECT {COLUMNS} FROM messages m WHERE m.id = ?"
_END = "UPDATE messages SET {}state = ?, done_at = ?, last_event = ? WHERE id = ? AND state = ?"
_END_AND_LOOK = _END.format("due = ?, ")
_END_AND_ERASE = _END.format("text = NULL, due = NULL, text_erased_at = coalesce(text_erased_at, ?), ")
_EVENT_BITS = 20
_END_TOGETHER = {
    int(before): f"UPDATE messages SET state = ?, done_at = k.value >> {_EVENT_BITS}, "
    f"last_event = ? + (k.value & {(1 << _EVENT_BITS) - 1}) FROM json_each(?) k "
    f"WHERE messages.id = CAST(k.key AS INTEGER) AND state = {int(before)}"
    for before in MessageState
}
"""Of several that end alike: when, and the place of their event among those of the commit, by message and in one
number, which costs less than to look into an array. By the state before, which must not be bound: SQLite would look
each time at which partial index that state has, and prepare the statement anew."""
_END_UNTOLD = {
    int(before): "UPDATE messages SET state = ?, done_at = k.value FROM json_each(?) k "
    f"WHERE messages.id = CAST(k.key AS INTEGER) AND state = {int(before)}"
    for before in MessageState
}
"""The same where no event tells of it."""
_CAUSE = "UPDATE messages SET error = ? WHERE id = ?"
_LAST_EVENTS = "UPDATE messages SET last_event = k.value FROM json_each(?) k WHERE messages.id = CAST(k.key AS INTEGER)"
_OPEN, _IN_DOUBT, _UNKNOWN = int(MessageState.DELIVERED), int(MessageState.IN_DOUBT), int(MessageState.UNKNOWN)
_TOLD_AS = {state: (status_of(state, sent=False), f"message.{status_of(state, sent=False)}") for state in ENDED}


class OutOfStep(Exception):  # noqa: N818
    """A row is not where this transaction has just read it: a fault of ours; the transaction is undone."""


class Found(NamedTuple):
    """A message as steps of a transaction need it; the order is that of COLUMNS."""

    id: int
    account: str
    queue: int
    state: int
    sender: str
    recipient: str
    encoding: str
    segments: int
    country: str | None
    client_id: str | None
    tag: str | None
    expires_at: int
    sent_at: int | None
    claims: int
    attempts: int
    possible_duplicate: int
    endpoint: int | None
    webhook_url: str | None
    last_event: int | None
    variant: str | None


class Cause(NamedTuple):
    """Who carried a message and what was said of it: what an event tells beside the message itself."""

    error: str | None = None
    """ErrorCode; None of a message that is on its way or delivered."""
    carrier: str | None = None
    carrier_message_id: str | None = None
    command_status: int | None = None
    receipt_state: str | None = None
    err: str | None = None
    network_error: tuple[int, int] | None = None


NOTHING_SAID = Cause()


class Work:
    """One transaction's worth of changes."""

    __slots__ = (
        "campaigns",
        "close",
        "connection",
        "deliveries",
        "endpoints",
        "execute",
        "executemany",
        "hands_out",
        "ids",
        "in_hand",
        "joining",
        "now",
        "opt_outs",
        "parked",
        "policy",
        "queues",
        "quiet",
        "receipt_ids",
        "render",
        "stale",
        "tally",
        "to_ask",
        "usage",
        "wake_at",
    )

    def __init__(self, connection: sqlite3.Connection, mirrors: Mirrors, now: int) -> None:
        self.connection = connection
        cursor = connection.cursor()
        # One cursor for all: a new one for each statement costs as much as a small statement. Fetch before the next.
        self.execute = cursor.execute
        self.executemany = cursor.executemany
        self.close = cursor.close
        self.now = now
        self.policy = mirrors.policy
        self.queues = mirrors.queues
        self.campaigns = mirrors.campaigns
        self.opt_outs = mirrors.opt_outs
        self.usage = mirrors.usage
        self.in_hand = mirrors.in_hand
        self.endpoints = mirrors.endpoints
        self.ids = mirrors.ids
        self.render = mirrors.render
        self.parked, self.joining = mirrors.parked, mirrors.joining
        self.quiet = False
        """No event is filed for messages: what must be recorded has failed with its events."""
        self.receipt_ids = mirrors.receipt_ids
        self.stale = mirrors.stale
        self.deliveries: list[Delivery] = []
        """To be made once this is on disk."""
        self.hands_out = False
        """Events may be handed out as they are filed: who makes deliveries is there."""
        self.tally = Tally()
        self.to_ask: set[str] = set()
        """Carriers of which there is more to ask."""
        self.wake_at: int | None = None

    @contextmanager
    def apart(self, what: str) -> Iterator[list[str]]:
        """A step that fails alone: when it raises, it is undone and logged by this name, and all else goes on.

        Its name is put into the list then; it is the step's to see that it is not tried again at once. A disk that
        fails is not the fault of a step and ends the transaction. Not for steps that may file endpoints.
        """
        # Not the error: it holds the step's frame, and the frame this list; nobody knows which thread ends such a ring.
        failed: list[str] = []
        queues, campaigns, counted = self.queues.mark(), self.campaigns.mark(), (self.parked, self.joining)
        usage, tally, in_hand = self.usage.mark(), self.tally.mark(), self.in_hand.mark()
        deliveries = len(self.deliveries)
        self.execute("SAVEPOINT apart")
        try:
            yield failed
        except Exception as error:
            if faults.is_of_the_disk(error) or not self.connection.in_transaction:
                raise
            self.execute("ROLLBACK TO apart")
            self.queues.back_to(queues)
            self.campaigns.back_to(campaigns)
            self.usage.back_to(usage)
            self.tally.back_to(tally)
            self.in_hand.back_to(in_hand)
            del self.deliveries[deliveries:]
            (self.parked, self.joining), self.stale = counted, True
            log.error("failed and is put off step=%s fault=%s", quoted(what), quoted(faults.described(error)))
            failed.append(what)
            # Python 3.13 throws it into here from a frame that names it and is in its traceback: such a ring, too.
            error.__traceback__ = None
        self.execute("RELEASE apart")

    def freshen(self) -> None:
        """After something was undone: know of the endpoints what the rows say."""
        if self.stale:
            self.endpoints.load(self.connection, self.now)
            self.stale = False

    def find(self, message: int) -> Found | None:
        values = self.execute(_FIND, (message,)).fetchone()
        return Found._make(values) if values else None

    def move(self, found: Found, state: MessageState, due: int | None = None, **columns: Any) -> Found:
        """Put an open message into another open state; what it is now. Keeps the counts of ready messages.

        `due` None: the sweep looks at it when it would have before.
        """
        if due is not None:
            columns["due"] = due
        names = "".join([f", {name} = ?" for name in columns])
        moved = self.execute(
            f"UPDATE messages SET state = ?{names} WHERE id = ? AND state = ?",
            (int(state), *columns.values(), found.id, found.state),
        ).rowcount
        if moved != 1 or found.state >= _OPEN:
            raise OutOfStep(f"message {found.id} is not in state {found.state}, or has ended")
        columns.pop("due", None)
        now = found._replace(state=int(state), **columns)
        if found.state == MessageState.QUEUED:
            self.queues.add(found.queue, -1)
        if state is MessageState.QUEUED:
            self.queues.add(now.queue, 1)
        if self.queues.of_campaigns:
            self._count(found, state, is_sent=now.sent_at is not None)
        return now

    def end(self, found: Found, state: MessageState, cause: Cause = NOTHING_SAID, done_at: int | None = None) -> None:
        """Put a message into an ended state and file the event that tells so."""
        self.end_many([(found, state, cause, done_at or self.now)])
        if found.state == MessageState.QUEUED:
            self.queues.add(found.queue, -1)

    def end_many(self, ended: list[tuple[Found, MessageState, Cause, int]]) -> None:
        """`end` for many messages, none of which is ready: the same rows by fewer statements."""
        kept: dict[tuple[int, int], dict[int, int]] = {}
        kept_untold: dict[tuple[int, int], dict[int, int]] = {}
        looked_at: list[tuple[Any, ...]] = []
        erased: list[tuple[Any, ...]] = []
        causes: list[tuple[Any, ...]] = []
        told: list[News] = []
        new_events = self.ids.next_many(len(ended), self.now)
        events, first = iter(new_events), new_events.start
        texts_kept = {queue: self.text_kept_ms(queue) for queue in {end[0].queue for end in ended}}
        now, new_tuple = self.now, tuple.__new__
        for found, state, cause, done_at in ended:
            status, kind = _TOLD_AS[state]
            message, before, event = found.id, found.state, found.last_event
            if self.wants(found, kind):
                event = next(events)
                told.append(new_tuple(News, (event, kind, status, found, cause, done_at)))
            text_kept = texts_kept[found.queue]
            if not text_kept:
                erased.append((now, int(state), done_at, event, message, before))
            elif now < found.expires_at <= done_at + text_kept and before != _IN_DOUBT:
                # The sweep looks at it when it expires, if not sooner: as good a time to see how long the text is kept.
                # But at a doubt it looks when its grace is over, which may be long after.
                if event is None or event < first:
                    kept_untold.setdefault((int(state), before), {})[message] = done_at
                else:
                    kept.setdefault((int(state), before), {})[message] = done_at << _EVENT_BITS | event - first
            else:
                looked_at.append((done_at + text_kept, int(state), done_at, event, message, before))
            if cause.error is not None or before == _UNKNOWN:
                causes.append((cause.error, message))
        count = 0
        for (end, before), moments_and_events in kept.items():
            count += self.execute(_END_TOGETHER[before], (end, first, as_json(moments_and_events))).rowcount
        for (end, before), moments in kept_untold.items():
            count += self.execute(_END_UNTOLD[before], (end, as_json(moments))).rowcount
        count += self.each(_END_AND_LOOK, looked_at) + self.each(_END_AND_ERASE, erased)
        if count != len(ended):
            raise OutOfStep("a message is not in the state that was read")
        self.tally.ended += ended
        if self.queues.of_campaigns:
            for found, state, _, _ in ended:
                self._count(found, state, is_sent=True)
        self.each(_CAUSE, causes)
        message_events.file(self, told)

    def each(self, statement: str, rows: list[tuple[Any, ...]]) -> int:
        """A statement for each of rows, of which there are mostly none; how many it changed."""
        return self.executemany(statement, rows).rowcount if rows else 0

    def _count(self, found: Found, state: MessageState, *, is_sent: bool) -> None:
        """A message of a campaign is counted by its public status; `is_sent`: it was, or is by now."""
        campaign = self.queues.of_campaigns.get(found.queue)
        if campaign is not None:
            before = status_of(found.state, sent=found.sent_at is not None)
            self.campaigns.count(campaign, found.variant, before, status_of(state, sent=is_sent))

    def text_kept_ms(self, queue: int) -> int:
        """How long the texts of a queue's lane are kept after the end; of a lane that is no more, not at all."""
        lane = self.policy.lanes.get(self.queues.lane(queue))
        return lane.text_kept_ms if lane else 0

    def anyone_wants(self, kind: str) -> bool:
        return any(kind in policy.events for policy in self.policy.accounts.values())

    def tell(self, found: Found, status: str, cause: Cause = NOTHING_SAID) -> None:
        """File `message.STATUS` for the message's endpoint, if it wants it."""
        self.tell_many(status, [(found, cause)])

    def tell_many(self, status: str, messages: Iterable[tuple[Found, Cause]]) -> None:
        """`tell` for many messages: the same rows by fewer statements."""
        kind = f"message.{status}"
        wanted = [(found, cause) for found, cause in messages if self.wants(found, kind)]
        events = self.ids.next_many(len(wanted), self.now)
        told = [News(event, kind, status, *of, None) for event, of in zip(events, wanted, strict=True)]
        message_events.file(self, told)
        if told:
            self.execute(_LAST_EVENTS, (as_json({news.found.id: news.event for news in told}),))

    def wants(self, found: Found, kind: str) -> bool:
        return found.endpoint is not None and not self.quiet and kind in self.endpoints.by_id[found.endpoint].wants

    def file_event(self, facts: EventFacts, account: str, endpoint: int, url: str | None = None) -> None:
        """File an event of its own, that waits for no other; `url`: where to, of an endpoint that is an origin."""
        message = None if facts.message is None else facts.message.id
        row = (facts.id, account, endpoint, facts.type, message, PENDING, self.now, self.render(facts))
        self.execute(WITH_URL.one, (*row, None, url))
        self.stir(endpoint, 1)

    def stir(self, endpoint_id: int, count: int) -> None:
        """So many more events of this endpoint are pending."""
        endpoint = self.endpoints.by_id[endpoint_id]
        if not endpoint.pending:
            endpoint.pending_since = self.now
        endpoint.pending += count
        self.endpoints.stirred.add(endpoint_id)

    def wake(self, at: int) -> None:
        """The writer should look again no later than this."""
        if self.wake_at is None or at < self.wake_at:
            self.wake_at = at
