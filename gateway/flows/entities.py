"""A message as callers see it when it was accepted: the contract's object, its keys in the contract's order.

Look-ups add their own keys; what an event tells is gateway/webhooks/payloads.py's.
"""

import msgspec

from gateway.identifiers import MESSAGE, created_at_ms, public
from gateway.messages import Status
from gateway.rules.timestamps import rfc3339
from gateway.store.interface import NewMessage
from gateway.store.views import MessageRow


class Entity(msgspec.Struct):
    """The body of a 201."""

    id: str
    client_id: str | None
    status: str
    sender: str = msgspec.field(name="from")
    to: str
    text: str | None
    """None once it is erased."""
    lane: str
    encoding: str
    segments: int
    allow_unicode: bool
    campaign_id: str | None
    tag: str | None
    schedule: str | None
    expires_at: str
    created_at: str


def entity_of_new(message: NewMessage) -> Entity:
    """As it was accepted just now."""
    return _entity(message, _first_status(message.scheduled_at))


def entity_at_first(row: MessageRow) -> Entity:
    """As the first answer gave it, whatever has happened to it since; only an erased text cannot come back."""
    return _entity(row, _first_status(row.scheduled_at))


def _first_status(scheduled_at: int | None) -> Status:
    return Status.QUEUED if scheduled_at is None else Status.SCHEDULED


def _entity(message: NewMessage | MessageRow, status: Status) -> Entity:
    return Entity(
        public(MESSAGE, message.id),
        message.client_id,
        status.value,
        message.sender,
        message.recipient,
        message.text,
        message.lane,
        message.encoding,
        message.segments,
        message.allow_unicode,
        None,
        message.tag,
        None if message.scheduled_at is None else rfc3339(message.scheduled_at),
        rfc3339(message.expires_at),
        rfc3339(created_at_ms(message.id)),
    )
