"""A message as callers see it when it was accepted: the contract's object, its keys in the contract's order.

Look-ups add their own keys; what an event tells is gateway/webhooks/payloads.py's.
"""

from collections.abc import Sequence

import msgspec

from gateway.identifiers import MESSAGE, created_at_ms, public, public_many
from gateway.messages import Status
from gateway.rules.options import waits_here
from gateway.rules.timestamps import rfc3339
from gateway.store.interface import NewMessage
from gateway.store.views import MessageRow

_QUEUED = Status.QUEUED.value
_SCHEDULED = Status.SCHEDULED.value


class Entity(msgspec.Struct, gc=False):
    """The body of a 201, or one of the entities of a bulk's."""

    index: int | msgspec.UnsetType
    """Its place in the array of a bulk; not told where there is none."""
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
    duplicate_of: int | msgspec.UnsetType = msgspec.UNSET
    """In a bulk that asks for it: the index of an earlier one that says the same to the same number."""


def entities_of(messages: Sequence[NewMessage], indexes: Sequence[int]) -> list[Entity]:
    """`entity_of` each."""
    shown = public_many(MESSAGE, [message[0] for message in messages])
    return list(map(_entity, messages, indexes, shown))


def entity_of(message: NewMessage | MessageRow, index: int | msgspec.UnsetType = msgspec.UNSET) -> Entity:
    """As the first answer gives it, whatever has happened to it since; only an erased text cannot come back."""
    return _entity(message, index, public(MESSAGE, message.id))


def _entity(message: NewMessage | MessageRow, index: int | msgspec.UnsetType, shown: str) -> Entity:
    scheduled_at = message.scheduled_at
    return Entity(
        index,
        shown,
        message.client_id,
        _SCHEDULED if scheduled_at is not None and waits_here(scheduled_at, message.options) else _QUEUED,
        message.sender,
        message.recipient,
        message.text,
        message.lane,
        message.encoding,
        message.segments,
        message.allow_unicode,
        None,
        message.tag,
        None if scheduled_at is None else rfc3339(scheduled_at),
        rfc3339(message.expires_at),
        rfc3339(created_at_ms(message.id)),
    )
