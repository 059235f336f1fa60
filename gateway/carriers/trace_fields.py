"""Where the fields of a PDU lie in its frame, and the frame with numbers, texts and passwords overwritten: pure.

For the trace, which shows what was on the wire, wrong or not: what cannot be told apart counts as content. What of a
content may stay is trace_contents.py's, what a PDU means protocol/codec's.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from gateway.carriers.trace_contents import UserData, is_receipt, user_data
from protocol.fields import HEADER_LENGTH
from protocol.numbers import CommandId, EsmClass, Tlv

MASK = ord("x")


class Kind(Enum):
    """What a field holds."""

    OCTET = "octet"
    TEXT = "text"
    """A C-octet string that tells nothing of a person."""
    ADDRESS = "address"
    SECRET = "secret"  # noqa: S105 - a word, no password
    CONTENT = "content"
    """short_message, behind its length."""


class Field(NamedTuple):
    """One mandatory field: octets `start` to `end` of the frame, without the NUL."""

    name: str
    kind: Kind
    start: int
    end: int


class TlvField(NamedTuple):
    """One TLV, its value at `start` to `end`."""

    tag: int
    start: int
    end: int


@dataclass(slots=True)
class Layout:
    """A frame taken apart. From `rest` on nothing could be told."""

    rest: int
    fields: list[Field] = field(default_factory=list)
    tlvs: list[TlvField] = field(default_factory=list)
    contents: list[UserData] = field(default_factory=list)
    """short_message and message_payload."""


def _parse(layout: str) -> tuple[tuple[str, Kind], ...]:
    kinds = {"=": Kind.OCTET, "@": Kind.ADDRESS, "!": Kind.SECRET, "#": Kind.CONTENT}
    return tuple((word.rstrip("=@!#"), kinds.get(word[-1], Kind.TEXT)) for word in layout.split())


_SOURCE = "source_addr_ton= source_addr_npi= source_addr@"
_DEST = "dest_addr_ton= dest_addr_npi= destination_addr@"
_BIND = _parse("system_id password! system_type interface_version= addr_ton= addr_npi= address_range@")
_MESSAGE = _parse(
    f"service_type {_SOURCE} {_DEST} esm_class= protocol_id= priority_flag= schedule_delivery_time validity_period "
    "registered_delivery= replace_if_present_flag= data_coding= sm_default_msg_id= short_message#"
)
_ID = _parse("message_id")
_BIND_RESP = _parse("system_id")
_LAYOUTS: dict[int, tuple[tuple[str, Kind], ...]] = {
    CommandId.BIND_RECEIVER: _BIND,
    CommandId.BIND_TRANSMITTER: _BIND,
    CommandId.BIND_TRANSCEIVER: _BIND,
    CommandId.BIND_RECEIVER_RESP: _BIND_RESP,
    CommandId.BIND_TRANSMITTER_RESP: _BIND_RESP,
    CommandId.BIND_TRANSCEIVER_RESP: _BIND_RESP,
    CommandId.OUTBIND: _parse("system_id password!"),
    CommandId.SUBMIT_SM: _MESSAGE,
    CommandId.DELIVER_SM: _MESSAGE,
    CommandId.DATA_SM: _parse(f"service_type {_SOURCE} {_DEST} esm_class= registered_delivery= data_coding="),
    CommandId.SUBMIT_SM_RESP: _ID,
    CommandId.DELIVER_SM_RESP: _ID,
    CommandId.DATA_SM_RESP: _ID,
    CommandId.QUERY_SM: _parse(f"message_id {_SOURCE}"),
    CommandId.QUERY_SM_RESP: _parse("message_id final_date message_state= error_code="),
    CommandId.CANCEL_SM: _parse(f"service_type message_id {_SOURCE} {_DEST}"),
    CommandId.REPLACE_SM: _parse(
        f"message_id {_SOURCE} schedule_delivery_time validity_period registered_delivery= sm_default_msg_id= "
        "short_message#"
    ),
    CommandId.ALERT_NOTIFICATION: _parse(f"{_SOURCE} esme_addr_ton= esme_addr_npi= esme_addr@"),
    **dict.fromkeys(
        (
            CommandId.GENERIC_NACK,
            CommandId.UNBIND,
            CommandId.UNBIND_RESP,
            CommandId.ENQUIRE_LINK,
            CommandId.ENQUIRE_LINK_RESP,
            CommandId.CANCEL_SM_RESP,
            CommandId.REPLACE_SM_RESP,
        ),
        (),
    ),
}
_WITH_PASSWORD = frozenset(command for command, layout in _LAYOUTS.items() if any(k is Kind.SECRET for _, k in layout))
# Besides tags that no specification names, which may hold anything.
_PERSONAL = frozenset(
    {
        Tlv.MESSAGE_PAYLOAD,
        Tlv.CALLBACK_NUM,
        Tlv.CALLBACK_NUM_ATAG,
        Tlv.SOURCE_SUBADDRESS,
        Tlv.DEST_SUBADDRESS,
        Tlv.BILLING_IDENTIFICATION,
        Tlv.ADDITIONAL_STATUS_INFO_TEXT,
        Tlv.DEST_ADDR_NP_INFORMATION,
        Tlv.ITS_SESSION_INFO,
    }
)
_SHOWN_TLVS = frozenset(int(tag) for tag in Tlv if tag not in _PERSONAL)
_MESSAGE_PAYLOAD = int(Tlv.MESSAGE_PAYLOAD)
_UDHI = int(EsmClass.UDHI)
_NUMBER_SHOWN = 3
"""Last digits of an address that stay."""


def take_apart(frame: bytes) -> Layout:
    """Fields and TLVs of a whole frame, as far as they can be told. Never raises."""
    layout = Layout(HEADER_LENGTH)
    names = _LAYOUTS.get(int.from_bytes(frame[4:8], "big"))
    if names is None or len(frame) <= HEADER_LENGTH:
        return layout
    for name, kind in names:
        found = _field(frame, layout.rest, name, kind)
        if found is None:
            return layout
        layout.fields.append(found)
        layout.rest = min(len(frame), found.end + (kind in (Kind.TEXT, Kind.ADDRESS, Kind.SECRET)))
    layout.tlvs, layout.rest = _tlvs(frame, layout.rest)
    layout.contents = _contents(frame, layout)
    return layout


def redacted(frame: bytes, layout: Layout, *, show: bool) -> bytes:
    """The frame, as long as it was, with `x` for what is not to be seen; with `show` that is the password alone."""
    octets = bytearray(frame)
    for one in layout.fields:
        if one.kind is Kind.SECRET or (one.kind is Kind.CONTENT and not show):
            _overwrite(octets, one.start, one.end)
        elif one.kind is Kind.ADDRESS and not show:
            _overwrite_number(octets, one.start, one.end)
    if not show:
        for tlv in layout.tlvs:
            if tlv.tag not in _SHOWN_TLVS:
                _overwrite(octets, tlv.start, tlv.end)
        for content in layout.contents:
            for start, end in (*content.header, *content.told):
                octets[start:end] = frame[start:end]
    if not show or int.from_bytes(frame[4:8], "big") in _WITH_PASSWORD:
        _overwrite(octets, layout.rest, len(octets))
    return bytes(octets)


def is_shown(tag: int) -> bool:
    """Whether a TLV's value stays where numbers and texts do not."""
    return tag in _SHOWN_TLVS


def _contents(frame: bytes, layout: Layout) -> list[UserData]:
    spans = [(one.start, one.end) for one in layout.fields if one.kind is Kind.CONTENT]
    spans += [(tlv.start, tlv.end) for tlv in layout.tlvs if tlv.tag == _MESSAGE_PAYLOAD]
    esm_class = next((frame[one.start] for one in layout.fields if one.name == "esm_class"), 0)
    has_header = bool(esm_class & _UDHI)
    says = any(start < end for start, end in spans) and is_receipt(frame)
    return [user_data(frame, start, end, has_header=has_header, says=says) for start, end in spans]


def _field(frame: bytes, start: int, name: str, kind: Kind) -> Field | None:
    if kind is Kind.OCTET:
        return Field(name, kind, start, start + 1) if start < len(frame) else None
    if kind is Kind.CONTENT:
        end = start + 1 + frame[start] if start < len(frame) else start
        return Field(name, kind, start + 1, end) if start < end <= len(frame) else None
    end = frame.find(b"\0", start)
    if end < 0 and name in ("message_id", "system_id") and kind is Kind.TEXT:
        # The last field of a response: some SMSCs leave its NUL out.
        end = len(frame)
    return Field(name, kind, start, end) if end >= start else None


def _tlvs(frame: bytes, start: int) -> tuple[list[TlvField], int]:
    """TLVs, and where nothing could be told any more; a NUL too many before them is passed over, as by the codec."""
    found, rest = _tlvs_from(frame, start)
    if rest != len(frame) and frame[start] == 0:
        behind, end = _tlvs_from(frame, start + 1)
        if end == len(frame):
            return behind, end
    return found, rest


def _tlvs_from(frame: bytes, at: int) -> tuple[list[TlvField], int]:
    found = []
    while at + 4 <= len(frame):
        start = at + 4
        end = start + int.from_bytes(frame[at + 2 : start], "big")
        if end > len(frame):
            break
        found.append(TlvField(int.from_bytes(frame[at : at + 2], "big"), start, end))
        at = end
    return found, at


def _overwrite(octets: bytearray, start: int, end: int) -> None:
    octets[start:end] = bytes((MASK,)) * max(0, end - start)


def _overwrite_number(octets: bytearray, start: int, end: int) -> None:
    """All digits but the last ones; a name as sender stays."""
    digits = [at for at in range(start, end) if 0x30 <= octets[at] <= 0x39]
    for at in digits[:-_NUMBER_SHOWN]:
        octets[at] = MASK
