"""A running transaction as its steps see it: the connection, the moment, the mirrors, and the moves that every step makes alike."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from gateway.identifiers import Identifiers
from gateway.messages import CANCELABLE, MessageState, Status, status_of
from gateway.rules.causes import error_object
from gateway.store.endpoints import Endpoints
from gateway.store.interface import Delivery, EventFacts, MessageRow
from gateway.store.policy import Policy
from gateway.store.queues import Queues

COLUMNS = (
    "id, account, submission, request_id, queue, state, sender, recipient, text, text_erased_at, encoding, segments, country, allow_unicode, "
    "client_id, tag, scheduled_at, expires_at, due, sent_at, done_at, tries, throttles, attempts, possible_duplicate, error, endpoint, "
    "webhook_url, last_event, claims"
)
_EXTRA = 3  # webhook_url, last_event, claims: the store's own, not part of a MessageRow
BLOCKED, PENDING, IN_DELIVERY, TOLD, GIVEN_UP = range(5)
"""States of an event."""


class Found:
    """A message's row inside the transaction."""

    __slots__ = ("claims", "last_event", "queue", "row", "webhook_url")

    def __init__(self, work: Work, values: tuple[Any, ...]) -> None:
        queue = values[4]
        self.queue: int = queue
        self.webhook_url, self.last_event, self.claims = values[-_EXTRA:]
        self.row = MessageRow(*values[:4], work.queues.lane(queue), work.queues.route(queue), *values[5:-_EXTRA])


class Work:
    """One transaction's worth of changes."""

    __slots__ = (
        "connection",
        "deliveries",
        "endpoints",
        "execute",
        "ids",
        "now",
        "parked",
        "policy",
        "queues",
        "render",
        "wake_at",
    )

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        now: int,
        policy: Policy,
        queues: Queues,
        endpoints: Endpoints,
        ids: Identifiers,
        render: Callable[[EventFacts], bytes],
        parked: int,
    ) -> None:
        self.connection = connection
        self.execute = connection.execute
        self.now = now
        self.policy = policy
        self.queues = queues
        self.endpoints = endpoints
        self.ids = ids
        self.render = render
        self.parked = parked
        """Unmatched receipts on disk, so that an answer looks for one only when there is any."""
        self.deliveries: list[Delivery] = []
        self.wake_at: int | None = None

    def find(self, message: int) -> Found | None:
        values = self.execute(f"SELECT {COLUMNS} FROM messages WHERE id = ?", (message,)).fetchone()
        return Found(self, values) if values else None

    def move(self, message: int, state: MessageState, due: int, **columns: Any) -> Found | None:
        """Put a message into an open state. Who calls has looked at the state it is in, in this same transaction."""
        names = "".join(f", {name} = ?" for name in columns)
        values = self.execute(
            f"UPDATE messages SET state = ?, due = ?{names} WHERE id = ? AND state < 10 RETURNING {COLUMNS}",
            (int(state), due, *columns.values(), message),
        ).fetchall()
        return Found(self, values[0]) if values else None

    def end(
        self, found: Found, state: MessageState, *, error: str | None = None, done_at: int | None = None, **facts: Any
    ) -> None:
        """Put a message into an ended state and file the event that tells so. `facts` go to the event (carrier, error details)."""
        lane = self.policy.lanes.get(found.row.lane)
        erase_at = self.now + (lane.text_kept_ms if lane else 0)
        if found.row.state == MessageState.QUEUED:
            self.queues.add(found.queue, -1)
        values = self.execute(
            f"UPDATE messages SET state = ?, due = NULL, done_at = ?, error = ?, erase_at = ? WHERE id = ? AND state = ? RETURNING {COLUMNS}",
            (int(state), done_at or self.now, error, erase_at, found.row.id, found.row.state),
        ).fetchall()
        self.tell(Found(self, values[0]), Status(status_of(state, sent=False)), error=error, **facts)

    def tell(
        self,
        found: Found,
        status: str,
        *,
        carrier: str | None = None,
        carrier_message_id: str | None = None,
        error: str | None = None,
        command_status: int | None = None,
        receipt_state: str | None = None,
        err: str | None = None,
        network_error: tuple[int, int] | None = None,
    ) -> None:
        """File `message.STATUS` for the message's endpoint, if it wants it."""
        row = found.row
        if row.endpoint is None:
            return
        kind = f"message.{status}"
        if kind not in self.endpoints.by_id[row.endpoint].wants:
            return
        event_id = self.ids.next()
        cause = error_object(error, command_status, receipt_state, err, network_error) if error else None
        facts = EventFacts(event_id, kind, self.now, row, status, carrier, carrier_message_id, row.attempts, cause)
        self.file_event(facts, row.account, row.endpoint, found.webhook_url, row.id, found.last_event)
        self.execute("UPDATE messages SET last_event = ? WHERE id = ?", (event_id, row.id))
        found.last_event = event_id

    def file_event(
        self, facts: EventFacts, account: str, endpoint: int, url: str | None, message: int | None, prior: int | None
    ) -> None:
        """Insert an event; it waits while the message's event before it is still to be told."""
        state = PENDING
        if prior is not None:
            before = self.execute("SELECT state FROM events WHERE id = ?", (prior,)).fetchone()
            if before is not None and before[0] < TOLD:
                state = BLOCKED
        self.execute(
            "INSERT INTO events (id, account, endpoint, type, message, prior, state, pending_since, url, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (facts.id, account, endpoint, facts.type, message, prior, state, self.now, url, self.render(facts)),
        )
        if state == PENDING:
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


def cancelable(state: int) -> bool:
    return state in CANCELABLE
