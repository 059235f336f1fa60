"""The JSON of events, of endpoints and of health, as structs that render it and describe it in /openapi.json."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from gateway.api.description.schemas import Time


class Event(Struct):
    """An event of the outbox, and how telling it goes."""

    id: str
    type: str
    message_id: str | None
    status: Annotated[
        str,
        Meta(
            description="`pending` also between tries; `failed` once the retry horizon is over.",
            extra_json_schema={"enum": ["pending", "delivered", "failed"]},
        ),
    ]
    url: str
    attempts: int
    next_try_at: Time | None
    last_http_status: int | None
    last_error: str | None
    event: Annotated[Raw, Meta(description="The event as it is posted.", extra_json_schema={"type": "object"})]


class EventList(Struct):
    """One page, newest first."""

    entities: list[Event]
    next_cursor: str | None


class ReplayRange(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Which events to tell again: those that happened in a time range, those that failed, or both."""

    after: Time | UnsetType = UNSET
    before: Time | UnsetType = UNSET
    status: Literal["failed"] | UnsetType = UNSET


class Replayed(Struct):
    """How many events are pending again."""

    replayed: int


class Endpoint(Struct):
    """A place that events go to, and its health."""

    url: str
    own: Annotated[bool, Meta(description="The account's own webhook; false for the `webhook_url` of messages.")]
    enabled: bool
    disabled_reason: str | None
    pending: int
    failed: int
    oldest_pending_at: Time | None
    last_success_at: Time | None
    last_failure_at: Time | None
    consecutive_failures: int


class EndpointList(Struct):
    """All places that the account's events go to."""

    entities: list[Endpoint]


class TestEvent(Struct):
    """The `webhook.test` event that is on its way."""

    event_id: str


class Enabled(Struct):
    """The webhook takes events again."""

    enabled: bool


class Health(Struct):
    """The process runs."""

    status: Literal["ok"]


class Ability(StrEnum):
    """Whether a carrier takes messages."""

    ABLE = "able"
    UNABLE = "unable"

    @classmethod
    def of(cls, *, able: bool) -> "Ability":
        return cls.ABLE if able else cls.UNABLE


class Readiness(Struct):
    """Submissions are taken. Carriers are told, and do not decide: messages are accepted while they are down."""

    status: Literal["ready"]
    store: Literal["ok"]
    backlog: Literal["ok"]
    carriers: Annotated[dict[str, Ability], Meta(description="Whether any bind of the carrier can send now.")]
