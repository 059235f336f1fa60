"""The sections about who sends: accounts with their tokens, senders and webhook.

Which sender a message may use is decided in gateway/rules/senders, how events are signed and put in gateway/webhooks.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from secrets import token_bytes
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, model_validator

from gateway.settings.countries import FallbackSender, Landlines, SenderPattern
from gateway.settings.opt_outs import Reply
from gateway.settings.secrets import SecretFile, read_or_empty, read_secret
from gateway.settings.types import (
    BareDigits,
    Country,
    EventType,
    Networks,
    NumberCheck,
    OptOutScope,
    Scope,
    Section,
    Sha256,
    UnicodePolicy,
    Whole,
    Within,
    check_name,
)

_URL = re.compile(r"https?://[!-~]+")
_KEY_LEAST_BYTES = 24  # Standard Webhooks: a secret has 24 to 64 bytes
_QUIET = frozenset({EventType.SCHEDULED, EventType.QUEUED, EventType.IN_DOUBT})
DEFAULT_EVENTS = tuple(event for event in EventType if event not in _QUIET)


# For a secret that cannot be read: its file's own key tells why and stops the start; `secrets` need not say it again.
_STAND_IN = "whsec_" + base64.b64encode(token_bytes(32)).decode()


def _check_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        port_is_fine = False
    if not port_is_fine or not parts.hostname or _URL.fullmatch(value) is None:
        raise ValueError('is not a URL that events can be put to; write one such as "https://shop.example/sms"')
    if parts.username is not None or parts.password is not None:
        raise ValueError("carries a login; leave it out, since every event is signed and the receiver checks that")
    if parts.fragment:
        raise ValueError("has a part after #, which is never sent; leave it out")
    return value


def signing_key(secret: str) -> bytes:
    """The key behind `whsec_BASE64`. Raises ValueError, which never shows the secret."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_").encode(), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        key = b""
    if not secret.startswith("whsec_") or len(key) < _KEY_LEAST_BYTES:
        raise ValueError(
            f'is not "whsec_" and {_KEY_LEAST_BYTES} or more bytes in base64; '
            'make one by: echo "whsec_$(openssl rand -base64 32)"'
        )
    return key


def _check_secret(value: SecretStr) -> SecretStr:
    signing_key(value.get_secret_value())
    return value


def _check_secret_file(name: str, info: ValidationInfo) -> str:
    secret = read_secret(name, info)
    try:
        signing_key(secret)
    except ValueError as error:
        raise ValueError(f"names a file whose content {error}") from None
    return name


def _read_or_stand_in(name: object, info: ValidationInfo) -> str:
    secret = read_or_empty(name, info)
    try:
        signing_key(secret)
    except ValueError:
        return _STAND_IN
    return secret


def _check_event(value: object) -> object:
    if value not in set(EventType):
        raise ValueError(f"is {value!r}; the events are {', '.join(EventType)}")
    return value


def _check_sender(value: str) -> str:
    stem = value.removesuffix("*")
    if not value or len(stem) > 21 or "*" in stem or not value.isprintable() or value != value.strip():
        raise ValueError(f'is {value!r}; write a sender such as "SHOP", or its beginning and a star such as "34600*"')
    return value


class Token(Section):
    """A caller's token, by its hash; `sluice token ACCOUNT` makes one and prints this line."""

    sha256: Sha256
    """SHA-256 of the token, hexadecimal."""
    scopes: frozenset[Scope] = Field(default=frozenset(Scope), min_length=1)
    """What the token may do: `send`, `read`, `opt_outs`; all three where not said."""
    allow_from: Networks = Field(default=[])
    """Networks that the token is taken from; any where not said."""


class SignedEndpoint(Section):
    """A URL that events are put to, and what they are signed with."""

    url: Annotated[str, AfterValidator(_check_url)]
    """https; http only into `webhooks.allow_networks`. Redirects are not followed."""
    secret_files: list[Annotated[SecretFile, AfterValidator(_check_secret_file)]] = Field(default=[])
    """Files that hold a secret each, in `$CREDENTIALS_DIRECTORY` or beside the configuration file."""
    secrets: list[Annotated[SecretStr, AfterValidator(_check_secret)]] = Field(min_length=1)
    """Signing secrets, `whsec_` and base64; several sign at once, so that one can be changed without a gap. Or give
    `secret_files`."""

    @model_validator(mode="before")
    @classmethod
    def _read_secrets(cls, given: Any, info: ValidationInfo) -> Any:
        if not isinstance(given, Mapping) or not isinstance(given.get("secret_files"), list):
            return given
        own = given.get("secrets", [])
        if not isinstance(own, list):
            return given
        return {**given, "secrets": [*own, *(_read_or_stand_in(name, info) for name in given["secret_files"])]}

    @property
    def keys(self) -> list[bytes]:
        """The signing keys, decoded, in the order of the secrets."""
        return [signing_key(secret.get_secret_value()) for secret in self.secrets]


class Webhook(SignedEndpoint):
    """Where an account's events go."""

    batch: Annotated[Whole, Within(1, 1000, "events")] = 1
    """Events in one POST; 1 posts each as an object, more post arrays."""
    events: list[Annotated[EventType, BeforeValidator(_check_event)]] = Field(default=list(DEFAULT_EVENTS))
    """Events told; where not said all but `message.scheduled`, `message.queued` and `message.in_doubt`."""


class AccountLimits(Section):
    """What an account may ask of the gateway; 0, or a limit that is not given, is none."""

    requests_per_second: Annotated[Whole, Within(0, 1_000_000, "requests")] = 0
    """Calls with any of its tokens, whatever they ask; a bulk is one. A second's worth may come at once."""
    messages_per_second: Annotated[Whole, Within(0, 1_000_000, "messages")] = 0
    """Messages accepted; a larger bulk is taken where a second's worth is left, and those after it wait the longer. Its
    campaigns are sent no faster each."""
    messages_per_day: Annotated[Whole, Within(0, 10_000_000_000, "messages")] = 0
    """Messages accepted in a UTC day; what a campaign sends counts when it is sent, and waits for the next day."""
    backlog: Annotated[Whole, Within(0, 1_000_000_000, "messages")] = 0
    """Messages of it that may wait for a free slot; the recipients of a campaign that are no messages yet don't
    count."""


class Account(Section):
    """An aggregator, or one of its systems, with its tokens."""

    name: Annotated[str, AfterValidator(check_name)]
    """The table's name."""
    tokens: list[Token] = Field(default=[], max_length=16)
    """Its tokens: `{ sha256 = "...", scopes = ["send", "read"] }`; two at once while one replaces the other."""
    senders: list[Annotated[str, AfterValidator(_check_sender)]] = Field(default=[])
    """Senders it may use; a `*` at the end stands for any ending: `["SHOP", "34600*"]`, or `["*"]` for every
    sender."""
    default_sender: str | None = None
    """Sender of messages that name none; one of `senders`."""
    default_region: Country | None = None
    """Country of numbers without a country code; where not said they are refused."""
    default_lane: str = "transactional"
    """Lane of messages that name none."""
    number_check: NumberCheck = NumberCheck.POSSIBLE
    """How closely a number is checked: `shape` (E.164), `possible` (length) or `valid` (given out)."""
    bare_digits: BareDigits = BareDigits.REFUSE
    """Digits without a plus and without `default_region`: `refuse`, or take them as `international`."""
    landlines: Landlines = Landlines.ALLOW
    """Numbers that are a landline for certain: `allow`, or `refuse`. Where a country's landlines and mobiles look alike
    they pass."""
    registered_senders: dict[Country, list[SenderPattern]] = Field(default={})
    """Names registered for this account, by country, where they must be: `{ IN = ["SHOPIN"] }`."""
    fallback_senders: dict[Country, FallbackSender] = Field(default={})
    """Sender by country in the place of a name that it does not take: `{ US = "+15550100200" }`; each one of
    `senders`."""
    unicode: UnicodePolicy = UnicodePolicy.REFUSE
    """Texts beyond GSM 03.38 where the request does not say: `refuse`, `allow` (as UCS-2) or `transliterate`."""
    opt_out_scope: OptOutScope = OptOutScope.ACCOUNT
    """What STOP from a handset ends: messages of the whole `account`, or only those from the `sender` it was sent
    to."""
    stop_reply: Reply | None = None
    """Sent to who opts out, from the number written to; none where not said."""
    start_reply: Reply | None = None
    """Sent to who undoes that."""
    help_reply: Reply | None = None
    """Sent to who asks for help, also after opting out."""
    limits: AccountLimits = AccountLimits()
    """What it may ask: `{ requests_per_second = 200, messages_per_second = 500, messages_per_day = 2_000_000, backlog =
    200_000 }`; beyond that the answer is 429."""
    webhook: Webhook | None = None
    """Where its events go. Without it there are no events: ask for messages by GET, or list their `client_id`."""
