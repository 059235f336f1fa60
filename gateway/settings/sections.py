"""The sections about this gateway itself: where it listens, what it keeps and for how long, its lanes and limits.

Carriers and routes are in settings.carriers, accounts in settings.accounts. The text under a key is its description in
docs/configuration.md, there and in the two others.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from gateway.settings.alerts import OperatorWebhook
from gateway.settings.countries import QuietHoursRule
from gateway.settings.secrets import SecretFile, read_or_empty, read_secret
from gateway.settings.types import (
    Duration,
    InDoubt,
    Listen,
    Networks,
    OptInRule,
    OptOutRule,
    Role,
    Section,
    Sha256,
    Whole,
    Within,
    check_name,
    parse_duration,
)

_DATABASE_PATH = re.compile(r"/+[^/:?#\s][^:?#]*(?<!/)")
_OPERATOR_TOKEN_LEAST = 16
_OPERATOR_NAME = re.compile(r"[A-Za-z0-9._-]{1,40}", re.ASCII)


def _check_store_url(value: str) -> str:
    scheme, separator, rest = value.partition("://")
    if separator and scheme in {"postgres", "postgresql"}:
        raise ValueError('names PostgreSQL, which is not offered yet; write "sqlite:///var/lib/sluice/sluice.db"')
    if scheme != "sqlite" or _DATABASE_PATH.fullmatch(rest) is None:
        raise ValueError(f'is {value!r}; write "sqlite://" and an absolute path: "sqlite:///var/lib/sluice/sluice.db"')
    return value


def _check_token_file(name: str, info: ValidationInfo) -> str:
    length = len(read_secret(name, info).strip())
    if length < _OPERATOR_TOKEN_LEAST:
        raise ValueError(
            f"names a file with a token of {length} characters, which can be guessed; "
            f"give {_OPERATOR_TOKEN_LEAST} or more, such as from `openssl rand -hex 32`"
        )
    return name


def _check_operator_name(name: str) -> str:
    if _OPERATOR_NAME.fullmatch(name) is None:
        raise ValueError(f"is {name!r}; a name has 1 to 40 letters, digits, dots, underscores and hyphens")
    return name


class Http(Section):
    """The listener for callers."""

    listen: list[Listen] = Field(default=["127.0.0.1:8080"], min_length=1)
    """Addresses to take requests on; port 0 takes any free port."""
    submit_listen: list[Listen] = Field(default=[])
    """Addresses to take the calls that send on, and no others: `POST /send`, `/v1/sms`, `/v1/sms/bulk` and
    `/v1/sms/stream`, answered just the same at a fraction of the cost. None: they are taken on `listen` alone, which
    has them in any case."""
    trusted_proxies: Networks = Field(default=[])
    """Networks of the proxies in front; a client's address is taken from their headers, and from nobody else's."""
    body_limit: Annotated[Whole, Within(1024, 1 << 30, "bytes")] = 2 * 1024 * 1024
    """Largest request body; above it the answer is 413."""
    campaign_body_limit: Annotated[Whole, Within(1024, 1 << 30, "bytes")] = 64 * 1024 * 1024
    """Largest JSON body of a campaign. One above `body_limit` is held in memory at a time."""
    campaign_upload_limit: Annotated[Whole, Within(1024, 1 << 40, "bytes")] = 1024 * 1024 * 1024
    """Largest upload of a campaign's recipients as NDJSON or CSV, which is not held in memory."""
    stream_idle: Annotated[Duration, Within.durations("1s", "1h")] = parse_duration("60s")
    """A stream from which nothing comes for so long, not even an empty line, is ended."""


class OperatorToken(Section):
    """A token for /admin, by its hash or by a file that holds it."""

    file: Annotated[SecretFile, AfterValidator(_check_token_file)] | None = None
    """File that holds the token itself, 16 characters or more; or give `sha256`."""
    sha256: Sha256
    """SHA-256 of the token, hexadecimal; or give `file`, and it is worked out."""
    name: Annotated[str, AfterValidator(_check_operator_name)] = "operator"
    """Who uses it, as the audit tells it (`operator:NAME`): letters, digits, `.`, `_` and `-`, at most 40. A token for
    each person makes the audit worth reading."""
    role: Role = Role.OPERATOR
    """`operator` may see and change everything; `viewer` may only look, and sees numbers masked."""

    @model_validator(mode="before")
    @classmethod
    def _hash_file(cls, given: Any, info: ValidationInfo) -> Any:
        if not isinstance(given, Mapping) or given.get("file") is None:
            return given
        if given.get("sha256") is not None:
            raise ValueError("has both file and sha256; keep one")
        return {**given, "sha256": hashlib.sha256(read_or_empty(given["file"], info).strip().encode()).hexdigest()}


class Operator(Section):
    """The listener for operators: /metrics and /healthz are open on it, /admin needs an operator token."""

    listen: list[Listen] = Field(default=["127.0.0.1:9090"], min_length=1)
    """Addresses to take operators' requests on."""
    tokens: list[OperatorToken] = Field(default=[])
    """Tokens that open /admin: `{ file = "operator_token" }` or `{ sha256 = "..." }`, with a `name` and a `role`.
    Without any, /admin stays closed."""
    webhook: OperatorWebhook | None = None
    """Where operators are told of alarms: `{ url = "https://...", secret_files = ["..."] }`. Without it they stand in
    the log and in /admin alone."""


class Process(Section):
    """The process itself, as the operating system has it."""

    cpus: list[Annotated[Whole, Within(0, 4095, "")]] = Field(default=[])
    """Processors that it keeps to, by their numbers from 0; none named: all that the system gives it. As its threads
    take turns, one is nearly all that it uses, and kept to one it needs less of it; but then it shares that one with
    whatever else runs there."""


class Store(Section):
    """The database: the queue, the messages and the outbox."""

    url: Annotated[str, AfterValidator(_check_store_url)] = "sqlite:///var/lib/sluice/sluice.db"
    """`sqlite://` and the absolute path of the database file."""
    backlog_limit: Annotated[Whole, Within(1, 1_000_000_000, "messages")] = 5_000_000
    """Messages that may wait for a free slot (not those scheduled or between tries); above it submissions get 503 with
    Retry-After."""
    disk_reserve: Annotated[Whole, Within(0, 1 << 40, "bytes")] = 256 * 1024 * 1024
    """Free space at which accepting stops with 503, so that answers and receipts of what is under way still fit."""

    @property
    def path(self) -> Path:
        """The absolute path of the database file."""
        return Path("/" + self.url.removeprefix("sqlite://").lstrip("/"))


class Retention(Section):
    """How long things are kept; deletion runs in idle moments, so a little longer under load."""

    text: Annotated[Duration, Within.durations("0s", "3650d")] = parse_duration("24h")
    """Text of a message after its end, in lanes that do not say `text_kept`."""
    messages: Annotated[Duration, Within.durations("1m", "3650d")] = parse_duration("90d")
    """A message with its attempts, after its end. At least the longest lane validity plus the longest receipt
    horizon."""
    events: Annotated[Duration, Within.durations("1m", "3650d")] = parse_duration("30d")
    """An event after it was delivered or given up; until then it can be replayed. At least `webhooks.horizon`."""
    idempotency: Annotated[Duration, Within.durations("1m", "3650d")] = parse_duration("24h")
    """An idempotency key with its first answer. At most `messages`."""


class Webhooks(Section):
    """How events are put to endpoints."""

    allow_networks: Networks = Field(default=[])
    """Inside networks that endpoints may lie in; `http` endpoints are taken there alone. The address connected to is
    checked."""
    timeout: Annotated[Duration, Within.durations("100ms", "5m")] = parse_duration("10s")
    """Time for one try, from connecting to the end of the answer."""
    horizon: Annotated[Duration, Within.durations("1m", "30d")] = parse_duration("72h")
    """How long an event is tried again; then it stays listed for a replay."""
    connections: Annotated[Whole, Within(1, 256, "connections")] = 8
    """Connections to one endpoint at a time, so that a slow one cannot hold up the rest."""


class Limits(Section):
    """What one request may ask, and how lanes share."""

    bulk_items: Annotated[Whole, Within(1, 10_000, "messages")] = 500
    """Messages in one bulk request; above it the answer is 413."""
    schedule_ahead: Annotated[Duration, Within.durations("0s", "400d")] = parse_duration("30d")
    """How far ahead a message may be scheduled."""
    campaign_schedule_ahead: Annotated[Duration, Within.durations("0s", "400d")] = parse_duration("400d")
    """How far ahead a campaign may be scheduled."""
    campaign_recipients_json: Annotated[Whole, Within(1, 1_000_000, "recipients")] = 100_000
    """Recipients in one JSON body of a campaign; above it the answer is 413."""
    campaign_recipients: Annotated[Whole, Within(1, 10_000_000, "recipients")] = 1_000_000
    """Recipients in one upload of a campaign as NDJSON or CSV; above it the answer is 413."""
    guaranteed_share: Annotated[Whole, Within(2, 1_000_000, "slots")] = 50
    """One slot in so many goes to a lower lane although a higher one waits; never one of priority 1."""


class Lane(Section):
    """A class of traffic. `otp`, `transactional` and `promotional` are there unwritten; a table changes or adds one."""

    name: Annotated[str, AfterValidator(check_name)]
    """The table's name."""
    priority: Annotated[Whole, Within(1, 99, "")]
    """1 goes first, and gives no slot to the lanes below. Required for a lane of your own."""
    validity: Annotated[Duration, Within.durations("1s", "30d")] = parse_duration("24h")
    """How long a message waits to be sent, from its schedule on, unless the request says."""
    in_doubt: InDoubt = InDoubt.HOLD
    """When it is not known whether the carrier took a segment: `resend` (it may arrive twice) or `hold` (it may not
    arrive)."""
    text_kept: Annotated[Duration, Within.durations("0s", "3650d")] = parse_duration("24h")
    """How long the text is kept after the message's end; `retention.text` where not said, and 0 in `otp`."""
    doubt_grace: Annotated[Duration, Within.durations("0s", "7d")] = parse_duration("60s")
    """How long a late answer or a receipt may still settle a doubt before `in_doubt` decides."""
    max_tries: Annotated[Whole, Within(1, 1000, "tries")] = 10
    """Submissions of one segment before the message ends as `failed`, or as `unknown` where none had an answer."""
    retry_floor: Annotated[Duration, Within.durations("100ms", "1h")] = parse_duration("5s")
    """Pause after the first temporary error of a carrier; each further one is three times as long."""
    retry_ceiling: Annotated[Duration, Within.durations("100ms", "24h")] = parse_duration("5m")
    """The longest such pause."""
    retry_undelivered: bool = False
    """`true`: what a carrier's receipt says was not delivered, for a reason that another carrier may not have, goes by
    another carrier of its route once, while its validity lasts; the first failure is not told then. It may arrive
    twice where a carrier reports wrongly."""
    rate: Annotated[Whole, Within(0, 1_000_000, "messages")] = 0
    """Messages a second that the lane sends over all carriers and accounts; 0: as fast as they take them."""
    duplicate_window: Annotated[Duration, Within.durations("0s", "24h")] = parse_duration("0s")
    """For so long the same text to the same number by the same account is refused as `duplicate`; 0 takes it, as all
    lanes but `otp` do. What was never sent refuses nothing."""
    opt_out: OptOutRule = OptOutRule.RESPECT
    """`ignore` sends to those who opted out all the same: only for what they have to get, such as codes they asked
    for."""
    opt_in: OptInRule = OptInRule.NONE
    """`required` sends only to those for whom the account keeps an opt-in."""
    alert_backlog_age: Annotated[Duration, Within.durations("0s", "30d")] = parse_duration("5m")
    """Operators are told when a message that could be sent waits for longer; 0: never. `1m` in `otp`, `1h` in
    `promotional`."""
    alert_delivery_time: Annotated[Duration, Within.durations("0s", "7d")] = parse_duration("0s")
    """Operators are told when one in ten deliveries takes longer; 0: never. `30s` in `otp`, `5m` in
    `transactional`."""
    quiet_hours: QuietHoursRule = QuietHoursRule.IGNORE
    """`respect` lets messages wait for the end of the quiet hours of the recipient's country; `respect` in
    `promotional`."""


BUILT_IN_LANES: dict[str, dict[str, Any]] = {
    "otp": {
        "priority": 1,
        "validity": "5m",
        "in_doubt": "hold",
        "text_kept": "0s",
        "retry_floor": "1s",
        "retry_ceiling": "10s",
        "duplicate_window": "30s",
        "alert_backlog_age": "1m",
        "alert_delivery_time": "30s",
    },
    "transactional": {"priority": 2, "validity": "24h", "in_doubt": "resend", "alert_delivery_time": "5m"},
    "promotional": {
        "priority": 3,
        "validity": "48h",
        "in_doubt": "hold",
        "quiet_hours": "respect",
        "retry_floor": "1m",
        "retry_ceiling": "15m",
        "alert_backlog_age": "1h",
    },
}
"""What each says differently from the defaults of Lane."""
