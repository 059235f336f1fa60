"""The JSON of GET /v1/account, as structs that render it and describe it in /openapi.json."""

from typing import Annotated

from msgspec import Meta, Struct

from gateway.settings import UnicodePolicy
from gateway.settings.types import BareDigits, NumberCheck, OptOutScope


class Limits(Struct):
    """What the account may ask; null: no limit."""

    requests_per_second: int | None
    messages_per_second: int | None
    messages_per_day: int | None
    backlog: int | None


class Use(Struct):
    """What it has asked."""

    day: Annotated[
        str,
        Meta(description="The UTC day that `messages` and `segments` are of.", extra_json_schema={"format": "date"}),
    ]
    messages: Annotated[int, Meta(description="Accepted today; of a campaign, sent today.")]
    segments: Annotated[int, Meta(description="The parts of these messages, as they were counted then.")]
    messages_left: Annotated[int | None, Meta(description="Of today; null: no limit.")]
    requests_left: Annotated[int | None, Meta(description="Of this second; null: no limit.")]
    backlog: Annotated[int, Meta(description="Messages that wait for a free slot, not those scheduled.")]
    ready: Annotated[dict[str, int], Meta(description="The same by lane.")]


class AccountWebhook(Struct):
    """Where its events go, and whether they arrive; GET /v1/webhook says more."""

    url: str
    events: list[str]
    enabled: Annotated[bool, Meta(description="false after a 410, until POST /v1/webhook/enable.")]
    pending: int
    failed: int
    consecutive_failures: int


class AccountLane(Struct):
    """A lane that its messages may name."""

    lane: str
    priority: Annotated[int, Meta(description="1 goes first.")]
    validity_seconds: float
    duplicate_window_seconds: Annotated[
        float, Meta(description="For so long the same text to the same number is refused; 0: never.")
    ]


class Account(Struct):
    """The account whose token it is."""

    name: str
    limits: Limits
    usage: Use
    senders: Annotated[list[str], Meta(description="A `*` at the end stands for any ending.")]
    default_sender: str | None
    default_region: str | None
    default_lane: str
    lanes: list[AccountLane]
    number_check: NumberCheck
    bare_digits: BareDigits
    unicode: UnicodePolicy
    opt_out_scope: OptOutScope
    webhook: AccountWebhook | None
