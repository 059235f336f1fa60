"""The JSON of messages and of problems, as structs that describe it in /openapi.json; look-ups are rendered by them.

Key order is the order of the fields. A 201 is rendered by gateway/flows/entities, and what is right in a request is
decided by the rules, on plain values: for these two, the structs here only describe. Tests hold them together.
"""

from enum import StrEnum
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, field

from gateway.messages import ErrorCode, Status
from gateway.rules.causes import CauseClass
from gateway.rules.checks import MOST_CLIENT_ID, MOST_TAG
from gateway.rules.limits import AccountLimit
from gateway.rules.options import MOST_TLVS
from gateway.rules.wordings import MOST_VARIABLES
from protocol.segments import MAX_PARTS

ClientId = Annotated[str, Meta(min_length=1, max_length=MOST_CLIENT_ID)]
Tag = Annotated[str, Meta(min_length=1, max_length=MOST_TAG)]
Time = Annotated[str, Meta(description="RFC 3339, UTC, with milliseconds.", extra_json_schema={"format": "date-time"})]
Encoding = Annotated[str, Meta(extra_json_schema={"enum": ["gsm7", "ucs2"]})]
Sentences = Annotated[dict[str, list[str]], Meta(description="What is wrong, in words, by field.")]
Codes = Annotated[dict[str, list[str]], Meta(description="The same for programs, by field.")]
NextCursor = Annotated[str | None, Meta(description="Give it as `cursor` to get the next page; null on the last.")]


class NewMessage(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One message to send."""

    to: Annotated[str, Meta(description="The number, best as E.164 with its plus.")]
    text: Annotated[
        str | UnsetType, Meta(description="The text. `message` is an alias; one of them, or `template`, is needed.")
    ] = UNSET
    message: Annotated[str | UnsetType, Meta(description="Alias of `text`.")] = UNSET
    sender: Annotated[
        str | UnsetType | None, Meta(description="Who it comes from; needed unless the account has a default sender.")
    ] = field(name="from", default=UNSET)
    client_id: Annotated[
        ClientId | UnsetType | None,
        Meta(
            description="Your own id: at most 40 characters, unique per account while its message is kept. "
            "`clientId` is an alias."
        ),
    ] = UNSET
    clientId: Annotated[ClientId | UnsetType | None, Meta(description="Alias of `client_id`.")] = UNSET  # noqa: N815
    allow_unicode: Annotated[
        bool | UnsetType | None,
        Meta(description="Whether a text that GSM 03.38 cannot carry goes as UCS-2. `allowUnicode` is an alias."),
    ] = UNSET
    allowUnicode: Annotated[bool | UnsetType | None, Meta(description="Alias of `allow_unicode`.")] = UNSET  # noqa: N815
    lane: Annotated[
        str | UnsetType | None,
        Meta(description="The class of traffic: `otp`, `transactional`, `promotional` or one of the operator's."),
    ] = UNSET
    schedule: Annotated[
        str | UnsetType | None, Meta(description="When to send it: RFC 3339 with a zone, not in the past.")
    ] = UNSET
    validity: Annotated[
        int | str | UnsetType | None,
        Meta(description="How long it may wait to be sent: seconds, or a time (RFC 3339). Counts from the schedule."),
    ] = UNSET
    webhook_url: Annotated[
        str | UnsetType | None,
        Meta(description="Replaces the account's webhook for this message, whose secret signs it."),
    ] = UNSET
    tag: Annotated[Tag | UnsetType | None, Meta(description="Kept with the message and told in its events.")] = UNSET
    transliterate: Annotated[
        bool | UnsetType | None,
        Meta(
            description='Whether characters that GSM 03.38 lacks are replaced by plain ones, such as `“` by `"`, where '
            "that spares UCS-2. Goes before the account's own way."
        ),
    ] = UNSET
    max_parts: Annotated[
        Annotated[int, Meta(ge=1, le=MAX_PARTS)] | UnsetType | None,
        Meta(description="Refuse the text if it has more parts, and send it by no carrier that would need more."),
    ] = UNSET
    flash: Annotated[
        bool | UnsetType | None, Meta(description="Shown at once and not kept by the phone (message class 0).")
    ] = UNSET
    tlvs: Annotated[
        Annotated[dict[str, str], Meta(max_length=MOST_TLVS)] | UnsetType | None,
        Meta(
            description="Optional parameters of its submit_sm, by tag (`0x1401`), for carriers that take them: a text, "
            "or octets as `hex:0501`; at most 255 octets each."
        ),
    ] = UNSET
    template: Annotated[
        str | UnsetType | None, Meta(description="The name of a template of the account, instead of `text`.")
    ] = UNSET
    variables: Annotated[
        Annotated[dict[str, str | int | float | bool | None], Meta(max_length=MOST_VARIABLES)] | UnsetType | None,
        Meta(description="Values for the fields of the template; with `text`, that is a template: `{first_name}`."),
    ] = UNSET
    spintax: Annotated[
        bool | UnsetType | None,
        Meta(description="With `text`: whether `{Hello|Hi}` is a choice, made by the recipient's number."),
    ] = UNSET
    locale: Annotated[
        str | UnsetType | None,
        Meta(description="With `template`: which of its languages; `es-MX` falls back to `es`, then to its own text."),
    ] = UNSET


class Message(Struct):
    """A message as it was accepted."""

    id: str
    client_id: str | None
    status: Status
    sender: str = field(name="from")
    to: Annotated[str, Meta(description="Normalised to E.164.")]
    text: Annotated[str | None, Meta(description="null once it is erased.")]
    lane: str
    encoding: Encoding
    segments: Annotated[
        int,
        Meta(
            description="By GSM 03.38 or UCS-2 until a carrier has it, then as that carrier's way of writing makes it."
        ),
    ]
    allow_unicode: bool
    campaign_id: str | None
    tag: str | None
    schedule: Time | None
    expires_at: Time
    created_at: Time


class Entity(Struct):
    """An accepted message of a bulk: `index` is its place in the array."""

    index: int
    id: str
    client_id: str | None
    status: Status
    sender: str = field(name="from")
    to: str
    text: str | None
    lane: str
    encoding: Encoding
    segments: int
    allow_unicode: bool
    campaign_id: str | None
    tag: str | None
    schedule: Time | None
    expires_at: Time
    created_at: Time
    duplicate_of: Annotated[
        int | UnsetType,
        Meta(description="With `flag_duplicates`: the index of the first that says the same to the same number."),
    ] = UNSET


class ItemError(Struct):
    """A refused message of a bulk."""

    index: int
    client_id: Any
    fields: Sentences
    codes: Codes


class Bulk(Struct):
    """What became of a bulk: each message on its own."""

    submission_id: str
    entities: list[Entity]
    errors: list[ItemError]


class Canceled(Struct):
    """A message that will not be sent: `canceled`; or is `sent`, and its carrier is asked not to deliver it."""

    id: str
    status: Status


class CarrierCode(Struct):
    """The cause in the carrier's own words."""

    command_status: str | None
    receipt_state: str | None
    err: str | None
    network_error_code: str | None


class Failure(Struct):
    """Why a message did not arrive."""

    kind: CauseClass = field(name="class")
    code: ErrorCode
    description: str
    carrier_code: Annotated[
        CarrierCode | None, Meta(description="null where no carrier said anything, and always in lists.")
    ]


class Part(Struct):
    """One segment that was put to a carrier, by the attempt that decides where it stands."""

    part: int
    status: Status
    carrier: str
    carrier_message_id: str | None
    attempts: int


class What(StrEnum):
    """Kinds of steps."""

    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    UNFIT = "unfit"
    SUBMIT = "submit"
    RECEIPT = "receipt"
    QUERY_SM = "query_sm"
    CANCEL_SM = "cancel_sm"
    WEBHOOK = "webhook"
    CANCELED = "canceled"
    EXPIRED = "expired"
    OPTED_OUT = "opted_out"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """What became of one segment put to one carrier; of query_sm and cancel_sm `accepted`, `refused`, `no_answer`."""

    ACCEPTED = "accepted"
    NO_ANSWER = "no_answer"
    SUBMITTING = "submitting"
    SENT = "sent"
    THROTTLED = "throttled"
    TEMPORARY_ERROR = "temporary_error"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"
    RELEASED = "released"
    RESENT = "resent"
    UNKNOWN = "unknown"


class Step(Struct, omit_defaults=True):
    """One thing that happened to a message. Its members follow from `what`; ignore kinds that you do not know."""

    at: Time
    what: What
    request_id: str | UnsetType = UNSET
    schedule: Time | UnsetType = UNSET
    event_id: str | UnsetType = UNSET
    type: str | UnsetType = UNSET
    host: str | UnsetType = UNSET
    part: int | UnsetType = UNSET
    attempt: int | UnsetType = UNSET
    carrier: str | UnsetType = UNSET
    bind: str | UnsetType = UNSET
    outcome: Outcome | UnsetType = UNSET
    command_status: str | UnsetType = UNSET
    carrier_message_id: str | UnsetType = UNSET
    http_status: int | UnsetType = UNSET
    latency_ms: int | UnsetType = UNSET
    next_try_at: Time | UnsetType = UNSET
    state: str | UnsetType = UNSET
    err: str | UnsetType = UNSET
    raw: str | UnsetType = UNSET
    applied: bool | UnsetType = UNSET
    matched: Annotated[
        str | UnsetType,
        Meta(
            description="How a receipt found its message, where not by the id as it was given: `converted` (from "
            "hexadecimal or decimal), `reference` (by user_message_reference), `doubt` (it settled one), `parked` (it "
            "came before the answer) or `query_sm` (the carrier was asked)."
        ),
    ] = UNSET
    code: ErrorCode | UnsetType = UNSET
    error: str | UnsetType = UNSET
    options: Annotated[
        list[str] | UnsetType,
        Meta(
            description="With `accepted`: which of `max_parts`, `flash` and `tlvs` were asked for, never their values."
        ),
    ] = UNSET
    reason: Annotated[
        str | UnsetType,
        Meta(
            description="With `unfit`: why this carrier can't carry the text or TLVs, which it gave back unsent. With "
            "an end that no carrier told: why, in words."
        ),
    ] = UNSET


class ListedMessage(Message):
    """A message in a list: all but its parts and timeline."""

    variant: Annotated[str | None, Meta(description="Which of its text's variants was chosen; null where it has none.")]
    route: str
    country: str | None
    attempts: Annotated[int, Meta(description="Times that it was put to a carrier.")]
    possible_duplicate: Annotated[
        bool, Meta(description="It was sent again after a doubt, so it may have arrived twice.")
    ]
    error: Failure | None
    sent_at: Time | None
    done_at: Time | None
    text_erased_at: Time | None


class FullMessage(ListedMessage):
    """A message with all that happened to it."""

    parts: list[Part]
    timeline: list[Step]


class MessageList(Struct):
    """One page, newest first."""

    entities: list[ListedMessage]
    next_cursor: NextCursor


class ProblemDocument(Struct, omit_defaults=True):
    """RFC 9457. Other members may stand beside these, such as `message_id`."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    retryable: Annotated[bool, Meta(description="Whether the same call may succeed later.")]
    request_id: str
    fields: Sentences | UnsetType = UNSET
    codes: Codes | UnsetType = UNSET
    message_id: Annotated[
        str | UnsetType, Meta(description="With `client_id_in_use` and `duplicate`: the message that has it.")
    ] = UNSET
    campaign_status: Annotated[
        str | UnsetType, Meta(description="With `campaign_status`: where the campaign stands.")
    ] = UNSET
    limit: Annotated[
        int | UnsetType,
        Meta(
            description="With `too_many_items` and `too_many_recipients`: the most; with `too_many_requests` as well."
        ),
    ] = UNSET
    limited_by: Annotated[
        AccountLimit | UnsetType, Meta(description="With `too_many_requests`: the limit of the account.")
    ] = UNSET
    limit_bytes: Annotated[int | UnsetType, Meta(description="With `body_too_large`: most bytes of a body.")] = UNSET
    store: Annotated[str | UnsetType, Meta(description="With `not_ready`: `ok`, `unavailable` or `full`.")] = UNSET
    backlog: Annotated[str | UnsetType, Meta(description="With `not_ready`: `ok` or `full`.")] = UNSET
    carriers: Annotated[dict[str, str] | UnsetType, Meta(description="With `not_ready`: as in its 200.")] = UNSET
    draining: Annotated[bool | UnsetType, Meta(description="With `not_ready`: it drains.")] = UNSET
    problems: Annotated[
        list[str] | UnsetType, Meta(description="With `invalid_configuration`: each with its file, key and remedy.")
    ] = UNSET
