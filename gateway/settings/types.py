"""The values a setting can be: durations, bounds, addresses, networks, names, and the closed choices.

Each refuses what cannot be meant, saying what to write instead. Which key takes which is in the settings_* files of the
sections.
"""

import ipaddress
import math
import re
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]|_(?!_)){0,39}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)

# ISO 3166-1 alpha-2, with AC, TA and XK: the regions that the numbering library knows (a test compares).
_REGIONS = (
    "AC AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BW BY BZ CA "
    "CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR "
    "GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP "
    "KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR "
    "MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PR PS PT PW PY QA RE RO "
    "RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TA TC TD TG TH TJ TK TL TM TN TO TR TT "
    "TV TW TZ UA UG US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW"
)
COUNTRIES = frozenset(_REGIONS.split())


class Section(BaseModel):
    """A table of the configuration: frozen, and it takes no key that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class CarrierMode(StrEnum):
    """How a bind reaches its carrier: one connection for both ways, or a pair."""

    TRANSCEIVER = "transceiver"
    TRANSMITTER_AND_RECEIVER = "transmitter+receiver"


class MessageIdBase(StrEnum):
    """The base of the ids in a carrier's receipts, against those of its submit_sm_resp."""

    AUTO = "auto"
    DECIMAL = "decimal"
    HEX = "hex"


class OptOutScope(StrEnum):
    """What a handset that says STOP opts out of."""

    ACCOUNT = "account"
    SENDER = "sender"


class OptOutRule(StrEnum):
    """Whether a lane's messages go to those who opted out."""

    RESPECT = "respect"
    IGNORE = "ignore"


class OptInRule(StrEnum):
    """Whether a lane's messages go only to those who opted in."""

    NONE = "none"
    REQUIRED = "required"


class HostsOrder(StrEnum):
    """With which of a carrier's hosts a bind begins."""

    PREFERRED = "preferred"
    ROUND_ROBIN = "round_robin"


class TlsVersion(StrEnum):
    """Least version of TLS."""

    V1_2 = "1.2"
    V1_3 = "1.3"


class ReceiptsOf(StrEnum):
    """Which parts of a long message ask for a receipt."""

    EVERY = "every"
    FIRST = "first"
    LAST = "last"
    ONE = "one"


class TimeForm(StrEnum):
    """How a submit_sm tells a time, such as the end of the validity (SMPP 3.4 §7.1.1)."""

    RELATIVE = "relative"
    ABSOLUTE = "absolute"
    NONE = "none"


class InterfaceVersion(IntEnum):
    """interface_version of the bind PDUs (SMPP 3.4 §5.2.4)."""

    V3_3 = 0x33
    V3_4 = 0x34
    V5_0 = 0x50


class Role(StrEnum):
    """What an operator's token may do."""

    OPERATOR = "operator"
    """See and act."""
    VIEWER = "viewer"
    """See how things stand; numbers are masked, and nothing can be changed."""


class InDoubt(StrEnum):
    """What a lane does with a segment that a carrier may or may not have taken, once its grace is over."""

    RESEND = "resend"
    HOLD = "hold"


class UnroutableInbound(StrEnum):
    """What a carrier is answered where nobody is told of an inbound message."""

    ACCEPT = "accept"
    REFUSE = "refuse"


class Scope(StrEnum):
    """What a token may do."""

    SEND = "send"
    READ = "read"
    OPT_OUTS = "opt_outs"


class NumberCheck(StrEnum):
    """How closely a number is looked at: its shape, a length its country has, or a range its country has given out."""

    SHAPE = "shape"
    POSSIBLE = "possible"
    VALID = "valid"


class BareDigits(StrEnum):
    """What digits without a plus mean, where the account has no default_region."""

    REFUSE = "refuse"
    INTERNATIONAL = "international"


class UnicodePolicy(StrEnum):
    """What becomes of a text that GSM 03.38 cannot carry, where the request does not say."""

    REFUSE = "refuse"
    ALLOW = "allow"
    TRANSLITERATE = "transliterate"


class EventType(StrEnum):
    """The events an endpoint may ask for."""

    SCHEDULED = "message.scheduled"
    QUEUED = "message.queued"
    SENT = "message.sent"
    DELIVERED = "message.delivered"
    UNDELIVERED = "message.undelivered"
    EXPIRED = "message.expired"
    REJECTED = "message.rejected"
    FAILED = "message.failed"
    CANCELED = "message.canceled"
    OPTED_OUT = "message.opted_out"
    UNKNOWN = "message.unknown"
    IN_DOUBT = "message.in_doubt"
    INBOUND = "message.inbound"
    OPT_OUT = "recipient.opt_out"
    CAMPAIGN_COMPLETED = "campaign.completed"
    WEBHOOK_TEST = "webhook.test"


def parse_duration(value: object) -> float:
    """Seconds of `"500ms"`, `"20s"`, `"5m"`, `"72h"` or `"90d"`.

    A plain number is refused, since it does not tell seconds from milliseconds; 0 needs no unit. Raises ValueError.
    """
    if (isinstance(value, int | float) and not isinstance(value, bool) and value == 0) or value == "0":
        return 0.0
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'is {value!r}; write a number with its unit, such as "500ms", "20s", "5m", "72h" or "90d"')
    return round(float(match[1]) * _UNIT_SECONDS[match[2]], 6)


def format_duration(seconds: float) -> str:
    """The shortest whole spelling that parse_duration reads back; days only from a week on, as people write "72h"."""
    microseconds = round(seconds * 1_000_000)
    if microseconds == 0:
        return "0s"
    for unit, scale in reversed(_UNIT_SECONDS.items()):
        count, rest = divmod(microseconds, round(scale * 1_000_000))
        if not rest and (unit != "d" or count >= 7):
            return f"{count}{unit}"
    return f"{microseconds / 1000}ms"


def _refuse_truth_values(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"is {str(value).lower()}, but must be a number")
    return value


Duration = Annotated[float, BeforeValidator(parse_duration)]
Whole = Annotated[int, BeforeValidator(_refuse_truth_values)]
Rate = Annotated[float, BeforeValidator(_refuse_truth_values)]


def is_duration(metadata: list[Any]) -> bool:
    """Whether a field's metadata says that its number is a Duration."""
    return any(isinstance(item, BeforeValidator) and item.func is parse_duration for item in metadata)


@dataclass(frozen=True, slots=True)
class Within:
    """Least and most of a number, and its unit (`seconds` for a Duration), for errors and the configuration page."""

    least: float
    most: float
    unit: str

    @classmethod
    def durations(cls, least: str, most: str) -> "Within":
        return cls(parse_duration(least), parse_duration(most), "seconds")

    def __str__(self) -> str:
        if self.unit == "seconds":
            return f'"{format_duration(self.least)}" to "{format_duration(self.most)}"'
        return f"{self.least:_} to {self.most:_} {self.unit}".rstrip()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def check(self, value: float) -> float:
        if not math.isfinite(value) or not self.least <= value <= self.most:
            shown = f'"{format_duration(value)}"' if self.unit == "seconds" else f"{value:_}"
            raise ValueError(f"is {shown}; give {self}")
        return value


@dataclass(frozen=True, slots=True)
class Ascii:
    """Length and characters of a C-Octet String, which is ASCII and ends at its first NUL (SMPP 3.4 §3.1)."""

    most: int
    least: int = 0

    def __str__(self) -> str:
        return (
            f"{self.least} to {self.most} ASCII characters" if self.least else f"at most {self.most} ASCII characters"
        )

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def check(self, value: Any) -> Any:
        """Takes a str or a SecretStr; the reason never shows the value."""
        text = value if isinstance(value, str) else value.get_secret_value()
        if not self.least <= len(text) <= self.most:
            raise ValueError(f"has {len(text)} characters; give {self}")
        if not (text.isascii() and text.isprintable()):
            raise ValueError("has a character that SMPP cannot carry here; give printable ASCII only (SMPP 3.4 §3.1)")
        return value


def check_name(value: str) -> str:
    """A name that is safe in metrics, logs and environment variables. Raises ValueError."""
    if _NAME.fullmatch(value) is None:
        raise ValueError(
            f"is named {value!r}; a name has 1 to 40 letters, digits, hyphens and single underscores, "
            "and begins with a letter or digit"
        )
    return value


def check_country(value: str) -> str:
    """An ISO 3166-1 alpha-2 code. Raises ValueError."""
    if value not in COUNTRIES:
        meant = "GB" if value.upper() == "UK" else value.upper()
        hint = f', such as "{meant}"' if meant in COUNTRIES else ', such as "ES"'
        raise ValueError(f"is {value!r}, which is no country code; write the two capitals of ISO 3166{hint}")
    return value


def check_sha256(value: str) -> str:
    """64 hexadecimal digits, in lower case. Raises ValueError without showing the value: it may be a token."""
    lowered = value.lower()
    if _SHA256.fullmatch(lowered) is None:
        raise ValueError(
            "is not a SHA-256 (64 hexadecimal digits); `sluice token ACCOUNT` prints a token and this line"
        )
    return lowered


def split_address(value: str) -> tuple[str, int]:
    """Host and port of `"name:2775"`, `"192.0.2.7:2775"` or `"[2001:db8::7]:2775"`, the host without brackets.

    Raises ValueError.
    """
    host, colon, port = value.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f'is {value!r}; write host and port, such as "smpp.example:2775" or "[2001:db8::7]:2775"')
    if host.startswith("[") and host.endswith("]"):
        try:
            return str(ipaddress.IPv6Address(host[1:-1])), int(port)
        except ValueError:
            raise ValueError(f"is {value!r}; what stands in brackets is no IPv6 address") from None
    if ":" in host:
        raise ValueError(f'is {value!r}; an IPv6 address stands in brackets: "[2001:db8::7]:2775"')
    if _HOST.fullmatch(host) is None:
        raise ValueError(f'is {value!r}; {host!r} is no host; every address of this machine is "0.0.0.0:{port}"')
    return host, int(port)


def _check_listen(value: str) -> str:
    split_address(value)
    return value


def _check_host(value: str) -> str:
    if split_address(value)[1] == 0:
        raise ValueError(f"is {value!r}; a carrier listens on a port from 1 to 65535")
    return value


def _parse_network(value: object) -> Network:
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    try:
        if isinstance(value, str):
            return ipaddress.ip_network(value)
    except ValueError:
        pass
    raise ValueError(f"is {value!r}; {_network_hint(value)}")


def _network_hint(value: object) -> str:
    try:
        return f'the network of that address is "{ipaddress.ip_network(str(value), strict=False)}"'
    except ValueError:
        return 'write a network or an address, such as "10.0.0.0/8", "192.0.2.7" or "fd00::/8"'


Listen = Annotated[str, AfterValidator(_check_listen)]
HostPort = Annotated[str, AfterValidator(_check_host)]
Networks = list[Annotated[Network, BeforeValidator(_parse_network)]]
Country = Annotated[str, AfterValidator(check_country)]
Sha256 = Annotated[str, AfterValidator(check_sha256)]
