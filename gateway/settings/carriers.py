"""The sections about where messages go: carriers (how each is bound, paced and read) and the routes over them.

Pacing is done in gateway/carriers, choosing in gateway/rules/routing.
"""

from collections.abc import Mapping
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, SecretStr, ValidationInfo, model_validator

from gateway.settings.secrets import SecretFile, read_or_empty
from gateway.settings.types import (
    Ascii,
    CarrierMode,
    Country,
    Duration,
    HostPort,
    InterfaceVersion,
    MessageIdBase,
    Rate,
    Section,
    Whole,
    Within,
    check_name,
    parse_duration,
)

_VERSIONS = {"3.3": InterfaceVersion.V3_3, "3.4": InterfaceVersion.V3_4, "5.0": InterfaceVersion.V5_0}


def _check_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'is {value!r}, which is no time zone; write one such as "UTC" or "Europe/Madrid"') from None
    return value


def _parse_version(value: object) -> object:
    if isinstance(value, InterfaceVersion):
        return value
    version = _VERSIONS.get(str(value))
    if version is None:
        raise ValueError(f'is {value!r}; write "3.4", or "3.3" or "5.0" if the carrier asks for it')
    return version


def _parse_prefix(value: object) -> str:
    digits = value.removeprefix("+") if isinstance(value, str) else ""
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise ValueError(f'is {value!r}; write the first digits of the number with its country code, such as "34600"')
    return digits


def _parse_tier(value: object) -> str | list[str]:
    if isinstance(value, Mapping):
        raise ValueError("has weights, which are not offered yet; write the carriers of the tier as a list")
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return value
    raise ValueError('must be the name of a carrier, or a list of names such as ["telco", "backup"]')


class Carrier(Section):
    """A configured SMSC. Pace and window are the carrier's terms: ask for them, the defaults fit most."""

    name: Annotated[str, AfterValidator(check_name)]
    """The table's name."""
    hosts: list[HostPort] = Field(min_length=1)
    """Addresses as `"host:port"`, IPv6 in brackets, the preferred first: each bind tries them in order until one takes
    it, and goes back to the first when it is lost."""
    system_id: Annotated[str, Ascii(64, 1)]
    """The name that the carrier gave."""
    password: Annotated[SecretStr, Ascii(64)]
    """The password that the carrier gave; longer than the 8 of SMPP 3.4 is sent as it is. Or give `password_file`."""
    password_file: SecretFile | None = None
    """File that holds the password, in `$CREDENTIALS_DIRECTORY` or beside the configuration file."""
    system_type: Annotated[str, Ascii(12)] = ""
    """system_type of the bind (SMPP 3.4 §5.2.3); most carriers want it empty."""
    interface_version: Annotated[InterfaceVersion, BeforeValidator(_parse_version)] = InterfaceVersion.V3_4
    """SMPP version told in the bind: `"3.3"`, `"3.4"` or `"5.0"`."""
    mode: CarrierMode = CarrierMode.TRANSCEIVER
    """`transceiver`: one connection a bind; `transmitter+receiver`: a pair of connections a bind."""
    binds: Annotated[Whole, Within(1, 64, "binds")] = 1
    """Binds to keep up at the same time; carriers allow 2 to 4 as a rule."""
    window: Annotated[Whole, Within(1, 1000, "PDUs")] = 10
    """submit_sm that may wait for their answers on one bind; most carriers publish 10, and more buys latency rather
    than speed."""
    submit_rate: Annotated[Rate, Within(0, 1_000_000, "PDU/s")] = 0.0
    """submit_sm a second to the carrier over all its binds; each part of a long message counts. 0 = no limit."""
    submit_rate_per_bind: Annotated[Rate, Within(0, 1_000_000, "PDU/s")] = 0.0
    """submit_sm a second on each bind. 0 = no limit."""
    throttle_pause: Annotated[Duration, Within.durations("10ms", "10m")] = parse_duration("1s")
    """Pause of a bind after ESME_RTHROTTLED or ESME_RMSGQFUL; doubled while they keep coming, up to 30 s."""
    enquire_link_idle: Annotated[Duration, Within.durations("100ms", "10m")] = parse_duration("20s")
    """Silence after which enquire_link asks whether the link lives; below the 30 s after which some carriers drop
    it."""
    enquire_link_timeout: Annotated[Duration, Within.durations("100ms", "5m")] = parse_duration("10s")
    """Time to answer an enquire_link; then it counts as missed."""
    enquire_link_misses: Annotated[Whole, Within(0, 20, "misses")] = 2
    """enquire_link in a row that may go unanswered; one more ends the link."""
    response_timeout: Annotated[Duration, Within.durations("100ms", "10m")] = parse_duration("60s")
    """Time to answer a submit_sm; then the segment is in doubt. Short values make doubts of answers that are merely
    late. A bind is connected anew when the answers overdue would fill more than half of its window."""
    bind_timeout: Annotated[Duration, Within.durations("100ms", "5m")] = parse_duration("15s")
    """Time to answer a bind."""
    connect_timeout: Annotated[Duration, Within.durations("100ms", "5m")] = parse_duration("10s")
    """Time to open the connection."""
    reconnect_floor: Annotated[Duration, Within.durations("10ms", "10m")] = parse_duration("5s")
    """Least wait before a lost or refused bind is tried again; the longest doubles with each failure in a row, with
    jitter between, up to `reconnect_ceiling`. Gentler in all than the 10 s for ever that carriers see from other
    gateways; some ask for 30 seconds or more between binds."""
    reconnect_ceiling: Annotated[Duration, Within.durations("10ms", "1h")] = parse_duration("120s")
    """Longest wait between tries; some carriers take 2 minutes to free the place of a lost bind."""
    receipt_timezone: Annotated[str, AfterValidator(_check_zone)] = "UTC"
    """Time zone of the dates in receipts, which carry none."""
    receipt_horizon: Annotated[Duration, Within.durations("1m", "30d")] = parse_duration("72h")
    """How long after a message's validity a receipt is waited for; then the message ends as `unknown`."""
    message_id: MessageIdBase = MessageIdBase.AUTO
    """Base of the ids in receipts, where submit_sm_resp gives the other: `auto` tries every spelling, `decimal` and
    `hex` one."""
    text_receipts: bool = False
    """Take a deliver_sm whose text looks like a receipt for one although nothing else marks it. A handset could forge
    such a text."""
    source_ton: Annotated[Whole, Within(0, 255, "")] | None = None
    """source_addr_ton; derived from the sender where not said."""
    source_npi: Annotated[Whole, Within(0, 255, "")] | None = None
    """source_addr_npi; derived from the sender where not said."""
    dest_ton: Annotated[Whole, Within(0, 255, "")] | None = None
    """dest_addr_ton; international (1) where not said."""
    dest_npi: Annotated[Whole, Within(0, 255, "")] | None = None
    """dest_addr_npi; ISDN (1) where not said."""
    service_type: Annotated[str, Ascii(5)] = ""
    """service_type of every submit_sm (SMPP 3.4 §5.2.11)."""
    one_pdu_per_write: bool = False
    """Write each PDU on its own, for carriers that lose what follows the first PDU of a TCP segment."""

    @model_validator(mode="before")
    @classmethod
    def _read_password(cls, given: Any, info: ValidationInfo) -> Any:
        if not isinstance(given, Mapping) or given.get("password_file") is None:
            return given
        if given.get("password") is not None:
            raise ValueError("has both password and password_file; keep one")
        return {**given, "password": read_or_empty(given["password_file"], info)}


class Match(Section):
    """What a message must be for a route to take it. An empty list takes all; of several lists all must hold."""

    country: list[Country] = Field(default=[])
    """Countries of the number, as the two capitals of ISO 3166."""
    prefix: list[Annotated[str, BeforeValidator(_parse_prefix)]] = Field(default=[])
    """First digits of the number with its country code, with or without the plus; kept without."""
    lane: list[str] = Field(default=[])
    """Lanes, by name."""
    account: list[str] = Field(default=[])
    """Accounts, by name."""
    sender: list[str] = Field(default=[])
    """Senders; a `*` at the end stands for any ending, such as `"34600*"`."""


class Route(Section):
    """A rule that files a message under carriers. The first route that matches takes the message."""

    name: Annotated[str, AfterValidator(check_name)]
    """Name of the route, as shown in a message's `route`."""
    match: Match = Match()
    """What it takes; everything where not said."""
    tiers: list[Annotated[str | list[str], PlainValidator(_parse_tier)]] = Field(min_length=1)
    """Carriers by name, the preferred first; a list of names is one tier that shares. A tier gets work when those
    before it cannot send."""

    @property
    def carriers_by_tier(self) -> tuple[tuple[str, ...], ...]:
        """Every tier as a tuple of carrier names."""
        return tuple((tier,) if isinstance(tier, str) else tuple(tier) for tier in self.tiers)
