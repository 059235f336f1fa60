"""The JSON of campaigns, as structs that render it and describe it in /openapi.json.

Key order is the order of the fields. What is right in a request is decided by gateway/rules/campaign_checks.
"""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, field

from gateway.api.description.schemas import Codes, NextCursor, Sentences, Tag, Time
from gateway.rules.campaign_checks import LEAST_RATE, MOST_KEY, MOST_NAME, MOST_RATE
from protocol.segments import MAX_PARTS

STATUSES = ("loading", "scheduled", "running", "paused", "completed", "canceled", "failed")
MOST_ERRORS_SHOWN = 100
Name = Annotated[str, Meta(min_length=1, max_length=MOST_NAME)]
Status = Annotated[str, Meta(extra_json_schema={"enum": list(STATUSES)})]
Recipient = Annotated[
    dict[str, Any] | str,
    Meta(description="An object with `phone` (alias `to`) and the fields of the text, or the number alone."),
]


class NewCampaign(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A campaign to send: one text, many recipients."""

    campaign_name: Name
    recipients: Annotated[list[Recipient], Meta(min_length=1)]
    message: Annotated[
        str | UnsetType,
        Meta(description="The text, with `{field}` and `{Hello|Hi}`. `text` is an alias; or give `template`."),
    ] = UNSET
    text: Annotated[str | UnsetType, Meta(description="Alias of `message`.")] = UNSET
    template: Annotated[str | UnsetType | None, Meta(description="The name of a template of the account's.")] = UNSET
    locale: Annotated[str | UnsetType | None, Meta(description="Which of the template's texts to take.")] = UNSET
    sender: Annotated[
        str | UnsetType | None, Meta(description="Who it comes from; needed unless the account has a default sender.")
    ] = field(name="from", default=UNSET)
    lane: Annotated[str | UnsetType | None, Meta(description="`promotional` unless said.")] = UNSET
    schedule: Annotated[
        str | UnsetType | None, Meta(description="When to begin: RFC 3339 with a zone, at most 400 days ahead.")
    ] = UNSET
    validity: Annotated[
        Annotated[int, Meta(ge=1)] | UnsetType | None,
        Meta(description="Seconds that each message may wait to be sent, once its turn has come."),
    ] = UNSET
    webhook_url: Annotated[
        str | UnsetType | None, Meta(description="Replaces the account's webhook for the campaign's events.")
    ] = UNSET
    tag: Annotated[Tag | UnsetType | None, Meta(description="Kept with each message and told in its events.")] = UNSET
    rate: Annotated[
        Annotated[float, Meta(ge=LEAST_RATE, le=MOST_RATE)] | UnsetType | None,
        Meta(description="Messages a second at most; without it, as fast as lane and carriers let it."),
    ] = UNSET
    spintax: Annotated[bool | UnsetType | None, Meta(description="Whether `{Hello|Hi}` is a choice; true.")] = UNSET
    allow_unicode: Annotated[
        bool | UnsetType | None, Meta(description="As for one message. `allowUnicode` is an alias.")
    ] = UNSET
    allowUnicode: Annotated[bool | UnsetType | None, Meta(description="Alias of `allow_unicode`.")] = UNSET  # noqa: N815
    transliterate: Annotated[bool | UnsetType | None, Meta(description="As for one message.")] = UNSET
    max_parts: Annotated[
        Annotated[int, Meta(ge=1, le=MAX_PARTS)] | UnsetType | None,
        Meta(description="Refuse a recipient whose text has more parts."),
    ] = UNSET
    idempotency_key: Annotated[
        Annotated[str, Meta(min_length=1, max_length=MOST_KEY)] | UnsetType | None,
        Meta(description="As the header Idempotency-Key; kept as long as the campaign."),
    ] = UNSET


class RecipientCounts(Struct):
    """Of an upload: `received` is the sum of the others."""

    received: int
    accepted: int
    rejected: int
    duplicates: int
    opted_out: int


class Counts(Struct):
    """Of the accepted recipients, by where their messages stand."""

    waiting: Annotated[int, Meta(description="Not a message yet: one is made as its turn comes.")]
    queued: int
    sent: int
    delivered: int
    undelivered: int
    failed: int
    expired: int
    rejected: int
    canceled: int
    opted_out: int
    unknown: int


class Variant(Struct):
    """How one variant of the text does."""

    variant: str
    sent: Annotated[int, Meta(description="All that a carrier took, whatever became of it.")]
    delivered: int
    opted_out: Annotated[int, Meta(description="Recipients that opted out after they were written to.")]


class RecipientError(Struct):
    """A recipient that was not taken: `index` is its place in the upload, from 0."""

    index: int
    fields: Sentences
    codes: Codes


class Campaign(Struct):
    """A campaign as it stands."""

    id: str
    channel: str
    campaign_name: str
    status: Status
    lane: str
    sender: str | None = field(name="from")
    schedule: Time | None
    started_at: Time | None
    finished_at: Time | None
    recipients: RecipientCounts
    counts: Counts
    progress: Annotated[float, Meta(description="How much of it has ended, from 0 to 1.")]
    rate: Annotated[float, Meta(description="Messages a second, over the last minute.")]
    expected_end: Annotated[
        Time | None, Meta(description="When the last would be sent, at this rate; null where that can't be said.")
    ]
    variants: list[Variant]
    errors: Annotated[list[RecipientError], Meta(description=f"The first {MOST_ERRORS_SHOWN}.")]
    errors_url: str
    rate_limit: Annotated[float | None, Meta(description="The campaign's own `rate`.")]
    tag: str | None
    template: str | None
    failure: Annotated[str | None, Meta(description="Why it was not loaded.")]
    created_at: Time


class CampaignList(Struct):
    """One page, newest first."""

    entities: list[Campaign]
    next_cursor: NextCursor


class RecipientErrorList(Struct):
    """One page, in the order of the upload."""

    entities: list[RecipientError]
    next_cursor: str | None
