"""Event -> the JSON that its endpoint gets, in the order of docs/webhooks.md.

Rendered once, inside the transaction that makes the event true; every try posts the same bytes, signed anew by
gateway.webhooks.signing.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from gateway.identifiers import CAMPAIGN, EVENT, MESSAGE, created_at_ms, public
from gateway.rules.timestamps import rfc3339

_encode = msgspec.json.Encoder().encode


class MessageFacts(Protocol):
    """What a body tells of the message itself. Times in milliseconds UTC."""

    @property
    def id(self) -> int: ...
    @property
    def client_id(self) -> str | None: ...
    @property
    def sender(self) -> str: ...
    @property
    def recipient(self) -> str: ...
    @property
    def country(self) -> str | None: ...
    @property
    def lane(self) -> str: ...
    @property
    def segments(self) -> int: ...
    @property
    def encoding(self) -> str: ...
    @property
    def possible_duplicate(self) -> bool: ...
    @property
    def sent_at(self) -> int | None: ...
    @property
    def done_at(self) -> int | None: ...
    @property
    def tag(self) -> str | None: ...
    @property
    def campaign(self) -> int: ...
    @property
    def variant(self) -> str | None: ...


class Facts(Protocol):
    """What a body tells of the event; the store's EventFacts is one."""

    @property
    def id(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def at(self) -> int: ...
    @property
    def message(self) -> MessageFacts | None: ...
    @property
    def status(self) -> str: ...
    @property
    def carrier(self) -> str | None: ...
    @property
    def carrier_message_id(self) -> str | None: ...
    @property
    def attempts(self) -> int: ...
    @property
    def error(self) -> dict[str, Any] | None: ...
    @property
    def data(self) -> dict[str, Any] | None: ...
    @property
    def public_id(self) -> str | None: ...
    @property
    def public_message(self) -> str | None: ...


class _Sms(msgspec.Struct, gc=False, rename={"sender": "from", "recipient": "to"}):
    """`data` of a message's event; the order of the fields is the order on the wire."""

    sender: str
    recipient: str
    country: str | None
    lane: str
    segments: int
    encoding: str
    attempts: int
    possible_duplicate: bool
    created_at: str
    sent_at: str | None
    done_at: str | None
    carrier: str | None
    carrier_message_id: str | None
    error: dict[str, Any] | None
    campaign_id: str | None
    variant: str | None
    tag: str | None


class _Event(msgspec.Struct, gc=False):
    id: str
    type: str
    timestamp: str
    message_id: str | None
    client_id: str | None
    status: str
    data: _Sms | dict[str, Any]


def event_body(facts: Facts) -> bytes:
    """The JSON object of one event, in UTF-8. `facts.data`, where there is one, stands for a message's own facts."""
    message = facts.message
    if message is None:
        event = _Event(
            public(EVENT, facts.id), facts.type, rfc3339(facts.at), None, None, facts.status, facts.data or {}
        )
        return _encode(event)
    message_id = message.id
    sent_at = message.sent_at
    done_at = message.done_at
    return _encode(
        _Event(
            facts.public_id or public(EVENT, facts.id),
            facts.type,
            rfc3339(facts.at),
            facts.public_message or public(MESSAGE, message_id),
            message.client_id,
            facts.status,
            facts.data
            or _Sms(
                message.sender,
                message.recipient,
                message.country,
                message.lane,
                message.segments,
                message.encoding,
                facts.attempts,
                bool(message.possible_duplicate),
                rfc3339(created_at_ms(message_id)),
                None if sent_at is None else rfc3339(sent_at),
                None if done_at is None else rfc3339(done_at),
                facts.carrier,
                facts.carrier_message_id,
                facts.error,
                public(CAMPAIGN, message.campaign) if message.campaign else None,
                message.variant,
                message.tag,
            ),
        )
    )


def batch_body(bodies: Sequence[bytes]) -> bytes:
    """The JSON array of several events, in their order."""
    return b"[" + b",".join(bodies) + b"]"
