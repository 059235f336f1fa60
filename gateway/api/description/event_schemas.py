"""The JSON of webhooks, as structs that describe it in /openapi.json: what is posted to endpoints.

Events are rendered by gateway/webhooks/payloads and the store; tests hold both together.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from gateway.api.campaigns.schemas import Counts, RecipientCounts
from gateway.api.description.inbound_schemas import Complete, Parts, ReceivedAt
from gateway.api.description.schemas import Encoding, Failure, Time
from gateway.messages import Status

EventId = Annotated[str, Meta(description="Do nothing the second time that it comes: events are told at least once.")]
HappenedAt = Annotated[
    str,
    Meta(
        description="When it happened, not when it is told. RFC 3339, UTC, with milliseconds.",
        extra_json_schema={"format": "date-time"},
    ),
]


class MessageData(Struct):
    """What an event tells of its message."""

    sender: str = field(name="from")
    to: str
    country: str | None
    lane: str
    segments: int
    encoding: Encoding
    attempts: int
    possible_duplicate: Annotated[
        bool, Meta(description="It was sent again after a doubt, so it may have arrived twice.")
    ]
    created_at: Time
    sent_at: Time | None
    done_at: Time | None
    carrier: str | None
    carrier_message_id: str | None
    error: Failure | None
    campaign_id: str | None
    variant: str | None
    tag: str | None


class MessageEvent(Struct):
    """`message.STATUS`: what became of a message."""

    id: EventId
    type: str
    timestamp: HappenedAt
    message_id: str
    client_id: str | None
    status: Annotated[
        str,
        Meta(
            description="The status of the message; `in_doubt` in `message.in_doubt`.",
            extra_json_schema={"enum": [*Status, "in_doubt"]},
        ),
    ]
    data: MessageData


class InboundData(Struct):
    """A text that came in."""

    sender: str = field(name="from")
    to: str
    text: Annotated[str | None, Meta(description="null in a replay after it was erased.")]
    encoding: Encoding
    parts: Parts
    complete: Complete
    carrier: str
    received_at: ReceivedAt
    text_erased_at: Time | UnsetType = UNSET


class InboundEvent(Struct):
    """`message.inbound`: a text came for one of the account's numbers."""

    id: EventId
    type: Literal["message.inbound"]
    timestamp: HappenedAt
    message_id: None
    client_id: None
    status: Literal["received"]
    data: InboundData


class CampaignData(Struct):
    """What an event tells of its campaign."""

    id: str
    channel: str
    campaign_name: str
    status: Literal["completed"]
    lane: str
    sender: str | None = field(name="from")
    tag: str | None
    schedule: Time | None
    created_at: Time
    started_at: Time | None
    finished_at: Time
    recipients: RecipientCounts
    counts: Counts


class CampaignEvent(Struct):
    """`campaign.completed`: every message of a campaign has ended."""

    id: EventId
    type: Literal["campaign.completed"]
    timestamp: HappenedAt
    message_id: None
    client_id: None
    status: Literal["completed"]
    data: CampaignData


class OptOutData(Struct):
    """Who opted out, and how."""

    number: str
    sender: Annotated[str, Meta(description="The number that the handset wrote to.")]
    scope: Literal["account", "sender"]
    keyword: Annotated[str, Meta(description="As it is listed, however the handset wrote it.")]
    inbound_id: str
    campaign_id: Annotated[str | None, Meta(description="Of the last message, if it was of a campaign.")]


class OptOutEvent(Struct):
    """`recipient.opt_out`: a handset wants no more messages."""

    id: EventId
    type: Literal["recipient.opt_out"]
    timestamp: HappenedAt
    message_id: Annotated[str | None, Meta(description="The last message that was sent to the number.")]
    client_id: str | None
    status: Literal["opt_out"]
    data: OptOutData


class WebhookTestData(Struct):
    """Whose test it is."""

    account: str


class WebhookTestEvent(Struct):
    """`webhook.test`: `POST /v1/webhook/test` asked for it."""

    id: EventId
    type: Literal["webhook.test"]
    timestamp: HappenedAt
    message_id: None
    client_id: None
    status: Literal["test"]
    data: WebhookTestData
