"""The section about carriers: how each is bound, paced, written to and read.

Few must be set: the defaults suit most carriers, and a profile (config/carriers) gives those of a kind.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, model_validator

from gateway.settings.causes import ReceiptCause
from gateway.settings.failures import OnReceipt, OnStatus
from gateway.settings.local_addresses import LocalAddresses
from gateway.settings.secrets import SecretFile, read_or_empty
from gateway.settings.time_zones import ZoneName
from gateway.settings.tls import MaybeTls
from gateway.settings.tlvs import check_tag, check_tlvs
from gateway.settings.types import (
    Ascii,
    CarrierMode,
    Duration,
    HostPort,
    HostsOrder,
    InterfaceVersion,
    Listen,
    MessageIdBase,
    Networks,
    Rate,
    ReceiptsOf,
    Section,
    TimeForm,
    UnroutableInbound,
    Whole,
    Within,
    check_name,
    parse_duration,
)
from protocol.alphabets import Alphabet, Language
from protocol.segments import LongMessages

_VERSIONS = {"3.3": InterfaceVersion.V3_3, "3.4": InterfaceVersion.V3_4, "5.0": InterfaceVersion.V5_0}


def _parse_version(value: object) -> object:
    if isinstance(value, InterfaceVersion):
        return value
    version = _VERSIONS.get(str(value))
    if version is None:
        raise ValueError(f'is {value!r}; write "3.4", or "3.3" or "5.0" if the carrier asks for it')
    return version


class Carrier(Section):
    """A configured SMSC. Pace and window are the carrier's terms: ask for them, the defaults fit most."""

    name: Annotated[str, AfterValidator(check_name)]
    """The table's name."""
    profile: str = "generic"
    """Where the settings that are not said here come from: the name of a file of `config/carriers`, such as `generic`,
    `kannel-like` or `latin1-default`; or the path of a file of your own, as `sluice probe` writes it, beside the
    configuration file. A key that stands here or in the environment replaces the profile's whole value."""
    hosts: list[HostPort] = Field(default=[])
    """Addresses as `"host:port"`, IPv6 in brackets, the preferred first: each bind tries them in order until one takes
    it, and goes back to the first when it is lost. Required, but for carriers that only call (`outbind_listen`)."""
    hosts_order: HostsOrder = HostsOrder.PREFERRED
    """`preferred`: every bind begins with the first host; `round_robin`: each bind begins with the next one."""
    local_address: LocalAddresses = Field(default=[])
    """IP address of this machine that connections to the carrier leave from, where it takes calls from that one alone;
    or a list, which the binds take in turn: bind 1 the first. All IPv4 or all IPv6. The system chooses where empty."""
    tls: MaybeTls = None
    """Encrypts the connections: `true`, or a table of what differs from the usual. Off where not said."""
    outbind_listen: list[Listen] = Field(default=[])
    """Addresses at which the carrier may open a connection with outbind; the bind is then made on that connection.
    For carriers that call when they hold receipts or messages; without `hosts` nothing is dialled. With `tls` they are
    met with `certificate_file`."""
    outbind_from: Networks = Field(default=[])
    """Networks that outbind is taken from, since the answer to it is our password; the addresses of `hosts` where
    empty."""
    system_id: Annotated[str, Ascii(64, 1)]
    """The name that the carrier gave."""
    password: Annotated[SecretStr, Ascii(64)]
    """The password that the carrier gave; longer than the 8 of SMPP 3.4 is sent as it is. Or give `password_file`."""
    password_file: SecretFile | None = None
    """File that holds the password, in `$CREDENTIALS_DIRECTORY` or beside the configuration file."""
    system_type: Annotated[str, Ascii(12)] = ""
    """system_type of the bind (SMPP 3.4 §5.2.3); most carriers want it empty."""
    interface_version: Annotated[InterfaceVersion, BeforeValidator(_parse_version)] = InterfaceVersion.V3_4
    """SMPP version told in the bind: `"3.3"`, `"3.4"` or `"5.0"`. 3.3 has no TLVs: what needs them is refused here, and
    the `flash` of a message, which needs one in an `alphabet` other than `gsm7`, is left out there."""
    address_range: Annotated[str, Ascii(40)] = ""
    """address_range of the bind (SMPP 3.4 §5.2.7); most carriers ignore it."""
    mode: CarrierMode = CarrierMode.TRANSCEIVER
    """`transceiver`: one connection a bind; `transmitter+receiver`: a pair of connections a bind."""
    binds: Annotated[Whole, Within(1, 64, "binds")] = 1
    """Binds to keep up at the same time; carriers allow 2 to 4 as a rule."""
    window: Annotated[Whole, Within(1, 1000, "PDUs")] = 10
    """submit_sm that may wait for their answers on one bind; most carriers publish 10, and more buys latency rather
    than speed."""
    adaptive_window: bool = True
    """Makes the window smaller after ESME_RTHROTTLED or ESME_RMSGQFUL and while answers take much longer than they did,
    and larger again, up to `window`, while they come quickly."""
    strict_window: bool = False
    """`true`: a submit_sm that others overtook keeps its slot until it is answered or times out, for carriers that drop
    the link of a peer with more than `window` unanswered. `false`: it waits on without one, so that a carrier that
    loses answers does not stop the flow, and may have a few more than `window` unanswered."""
    submit_rate: Annotated[Rate, Within(0, 1_000_000, "PDU/s")] = 0.0
    """submit_sm a second to the carrier over all its binds; each part of a long message counts. 0 = no limit."""
    submit_rate_per_bind: Annotated[Rate, Within(0, 1_000_000, "PDU/s")] = 0.0
    """submit_sm a second on each bind. 0 = no limit."""
    throttle_pause: Annotated[Duration, Within.durations("10ms", "10m")] = parse_duration("1s")
    """Pause of a bind after ESME_RTHROTTLED or ESME_RMSGQFUL; doubled while they keep coming, up to 30 s. Then the bind
    goes on at half its pace and climbs back."""
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
    unbind_timeout: Annotated[Duration, Within.durations("100ms", "5m")] = parse_duration("10s")
    """Time to answer an unbind; then the connection is closed."""
    messages_per_session: Annotated[Whole, Within(0, 1_000_000_000, "PDUs")] = 0
    """submit_sm after which a bind is made anew, for carriers that limit them. 0 = no limit."""
    inactivity_timeout: Annotated[Duration, Within.durations("1s", "1h")] = parse_duration("150s")
    """When the carrier forgets a connection that was lost. ESME_RALYBND is waited out for longer than this."""
    reconnect_floor: Annotated[Duration, Within.durations("10ms", "10m")] = parse_duration("5s")
    """Least wait before a lost or refused bind is tried again; the longest doubles with each failure in a row, with
    jitter between, up to `reconnect_ceiling`. Gentler in all than the 10 s for ever that carriers see from other
    gateways; some ask for 30 seconds or more between binds."""
    reconnect_ceiling: Annotated[Duration, Within.durations("10ms", "1h")] = parse_duration("120s")
    """Longest wait between tries; some carriers take 2 minutes to free the place of a lost bind."""
    receipt_timezone: Annotated[str, ZoneName('"UTC" or "Europe/Madrid"')] = "UTC"
    """Time zone of the dates in receipts, which carry none. Where it is set, a receipt with an unknown id settles a
    doubt only if its dates agree to 5 minutes; where not, to 26 hours."""
    receipt_horizon: Annotated[Duration, Within.durations("1m", "30d")] = parse_duration("72h")
    """How long after a message's validity a receipt is waited for; then the message ends as `unknown`."""
    message_id: MessageIdBase = MessageIdBase.AUTO
    """Base of the ids in receipts, where submit_sm_resp gives the other: `auto` learns it from the first receipts;
    `decimal` and `hex` are tried first from the start."""
    receipts_of: ReceiptsOf = ReceiptsOf.EVERY
    """Which parts of a long message ask for a receipt: `every`, `first`, `last`; `one`: every part asks, and a receipt
    for any part is one for all, for carriers that give one receipt a message."""
    text_receipts: bool = False
    """Take a deliver_sm whose text looks like a receipt for one although nothing else marks it, if it names a message
    of ours by its id and both its addresses; else it is an inbound message."""
    receipt_errors: dict[str, ReceiptCause] = Field(default={})
    """What the carrier's own codes in `err` of receipts mean, such as `{ "0B1" = "absent_subscriber" }`; they are
    compared as written. What is not named is told by network_error_code, or `unmapped`."""
    on_status: OnStatus = Field(default={})
    """What follows from a command_status of this carrier, where docs/failures.md's table does not fit it: a name or a
    number to `retry_here`, `retry_elsewhere`, `fail`, `slow` or `stop`, such as `{ "0x0400" = "retry_elsewhere" }`."""
    on_receipt: OnReceipt = Field(default={})
    """What follows from a receipt of this carrier that tells no delivery, by its `err` or by our cause: `fail`,
    `retry_elsewhere` or `stop`, such as `{ "0B1" = "stop", spam_filtered = "fail" }`. Sent again is only what its
    lane's `retry_undelivered` lets be."""
    source_ton: Annotated[Whole, Within(0, 255, "")] | None = None
    """source_addr_ton; derived from the sender where not said."""
    source_npi: Annotated[Whole, Within(0, 255, "")] | None = None
    """source_addr_npi; derived from the sender where not said."""
    dest_ton: Annotated[Whole, Within(0, 255, "")] | None = None
    """dest_addr_ton; international (1) where not said."""
    dest_npi: Annotated[Whole, Within(0, 255, "")] | None = None
    """dest_addr_npi; ISDN (1) where not said."""
    keep_plus: bool = False
    """Numbers are sent with their plus, which most carriers refuse."""
    service_type: Annotated[str, Ascii(5)] = ""
    """service_type of every submit_sm (SMPP 3.4 §5.2.11)."""
    priority_flags: dict[str, Annotated[Whole, Within(0, 3, "")]] = Field(default={})
    """priority_flag by lane (SMPP 3.4 §5.2.14), such as `{ otp = 3 }`; 0 where not said."""
    validity_period: TimeForm = TimeForm.RELATIVE
    """How what is left of a message's validity is told: `relative`, `absolute` or `none`."""
    schedule_delivery_time: TimeForm = TimeForm.NONE
    """`relative` or `absolute`: what is scheduled for later is handed to the carrier at once, its time told in this
    form, and the carrier holds it. `none`: it waits here and is sent at its time."""
    alphabet: Alphabet = Alphabet.GSM7
    """The alphabet that data_coding 0 means to the carrier: `gsm7`, `ascii`, `latin1` or `latin9`."""
    data_coding: Annotated[Whole, Within(0, 255, "")] = 0
    """data_coding told of texts in `alphabet`; some carriers want 1, 3 or 241."""
    ucs2_data_coding: Annotated[Whole, Within(0, 255, "")] = 8
    """data_coding told of texts in UCS-2; another than `data_coding`."""
    packed: bool = False
    """GSM 03.38 goes with 8 septets in 7 octets instead of one an octet. Only with `alphabet = "gsm7"`."""
    national_tables: list[Language] = Field(default=[])
    """National language shift tables (3GPP TS 23.038) that the carrier lets pass, such as `["turkish", "spanish"]`:
    used where a text needs fewer segments with one. Only with `alphabet = "gsm7"`."""
    long_messages: LongMessages = LongMessages.UDH8
    """How the parts of a long message are joined: `udh8` or `udh16` (a header with a reference of 8 or 16 bits), `sar`
    (TLVs) or `payload` (all of it in one submit_sm with message_payload)."""
    max_parts: Annotated[Whole, Within(1, 255, "parts")] = 255
    """Most parts of a message that the carrier takes; a longer one is given back for another carrier, never cut."""
    tlvs: Annotated[dict[str, str], AfterValidator(check_tlvs)] = Field(default={})
    """TLVs of every submit_sm: tag to value, such as `{ "0x1400" = "1201159..." }`; a value is a text, or octets as
    `"hex:0501"`, of 255 octets at most. What a carrier asks of all messages, like the entity id of DLT. Not those
    that the gateway sets itself: 0x0005, 0x0204, 0x020c, 0x020e, 0x020f, 0x0424."""
    message_tlvs: list[Annotated[str, AfterValidator(check_tag)]] = Field(default=[])
    """Tags of TLVs that a message's own `tlvs` may carry to this carrier; one that has others goes by other carriers.
    Such as `["0x1401"]`."""
    user_message_reference: bool = False
    """Tells every submit_sm's attempt in user_message_reference, and finds receipts by it that name no known id."""
    unroutable_inbound: UnroutableInbound = UnroutableInbound.ACCEPT
    """What an inbound message is answered that nobody is told of, since no account's senders hold its number or the
    account's webhook does not take it: `accept` (it is kept and listed) or `refuse` (ESME_RX_R_APPN)."""
    query_sm: bool = False
    """Asks query_sm about messages in doubt that have an id, and at the end of the horizon about those without a
    receipt."""
    cancel_sm: bool = False
    """A cancel of a message that was sent is asked of the carrier by cancel_sm."""
    breaker: bool = True
    """Lets other carriers have the traffic while this one answers errors, answers late or gives no receipts, and gives
    it back bit by bit. `false`: it gets its traffic as long as a bind is up, whatever it answers."""
    breaker_errors: Annotated[Rate, Within(0.01, 1, "")] = 0.5
    """Share of temporary errors and missing answers among all answers of 30 s that opens the breaker; 20 of them at
    least. Throttles and refusals of a message for good count as neither."""
    breaker_latency: Annotated[Duration, Within.durations("10ms", "10m")] = parse_duration("20s")
    """The breaker opens when even the quickest answers of 10 s took this long, or none comes while one has been waited
    for as long. Not above `response_timeout`, which counts where that is less than the usual value."""
    breaker_pause: Annotated[Duration, Within.durations("100ms", "1h")] = parse_duration("30s")
    """How long the breaker stays open before 5 messages try the carrier again; doubled after each try that failed, up
    to 5 minutes or to this where it is longer."""
    breaker_return: Annotated[Duration, Within.durations("0s", "1h")] = parse_duration("30s")
    """While a carrier that was down or whose breaker was open gets its share back, from 10 PDU/s on and twice as much
    each tenth of this time. `"0s"`: all at once."""
    receipt_silence: Annotated[Duration, Within.durations("0s", "24h")] = parse_duration("10m")
    """Longest time without any receipt, while 20 messages or more wait for theirs, before other carriers get the
    traffic. The limit in use is learned: four times the longest gap met. `"0s"`: off, for carriers that give none."""
    receipt_silence_least: Annotated[Duration, Within.durations("100ms", "24h")] = parse_duration("60s")
    """The learned limit is not less than this."""
    trace_file: str | None = None
    """Writes every PDU as a readable line into this file, numbers and texts redacted; as pcap where it ends in
    `.pcap`. The whole path, and of one carrier alone. For a while: it grows without bound."""
    one_pdu_per_write: bool = False
    """Write each PDU on its own, for carriers that lose what follows the first PDU of a TCP segment."""

    @property
    def holds_schedules(self) -> bool:
        """Whether it may have a message before its time, and holds it until then."""
        return self.schedule_delivery_time is not TimeForm.NONE

    @model_validator(mode="before")
    @classmethod
    def _read_password(cls, given: Any, info: ValidationInfo) -> Any:
        if not isinstance(given, Mapping) or given.get("password_file") is None:
            return given
        if given.get("password") is not None:
            raise ValueError("has both password and password_file; keep one")
        return {**given, "password": read_or_empty(given["password_file"], info)}
