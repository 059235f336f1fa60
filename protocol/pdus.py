"""The PDUs we speak, as slotted dataclasses with the specification's own names; their numbers are numbers.py's.

Address and id strings are latin-1 text, so that no octet a peer sends can fail to decode. `status` is the raw
command_status (command_status.py tells what it means); `sequence` is the sequence_number of a PDU that has one.
A repr shows neither password nor text. Bytes are the codec's, meaning of receipts is receipts.py's.
"""

from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from protocol.numbers import BindMode, CommandId, Tlv

_MESSAGE_PAYLOAD = int(Tlv.MESSAGE_PAYLOAD)


@dataclass(slots=True)
class BindRequest:
    """bind_transmitter, bind_receiver or bind_transceiver (SMPP 3.4 §4.1): `mode` tells which."""

    mode: BindMode
    system_id: str
    password: str = field(repr=False)
    system_type: str = ""
    interface_version: int = 0x34
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""
    sequence: int = 0


@dataclass(slots=True)
class BindResp:
    """The answer to a BindRequest; `mode` is that of its command_id, which some SMSCs confuse."""

    mode: BindMode
    status: int = 0
    system_id: str = ""
    interface_version: int | None = None
    """sc_interface_version, if the SMSC sent it."""
    sequence: int = 0


@dataclass(slots=True)
class Outbind:
    """An SMSC asks us to bind (SMPP 3.4 §4.1.7)."""

    command_id: ClassVar[CommandId] = CommandId.OUTBIND
    system_id: str
    password: str = field(repr=False)
    sequence: int = 0


@dataclass(slots=True)
class _MessagePdu:
    """The body that submit_sm and deliver_sm share (SMPP 3.4 §4.4.1, §4.6.1)."""

    service_type: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    esm_class: int = 0
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: str = ""
    validity_period: str = ""
    registered_delivery: int = 0
    replace_if_present_flag: int = 0
    data_coding: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = field(default=b"", repr=False)
    tlvs: dict[int, bytes] = field(default_factory=dict, repr=False)
    """Tag to raw value, in the order of the wire; of a repeated tag the first."""
    sequence: int = 0

    @property
    def octets(self) -> bytes:
        """short_message, or message_payload if that is empty (SMPP 3.4 §5.3.2.32)."""
        return self.short_message or self.tlvs.get(_MESSAGE_PAYLOAD, b"")


@dataclass(slots=True)
class SubmitSm(_MessagePdu):
    """An ESME's message (SMPP 3.4 §4.4.1)."""

    command_id: ClassVar[CommandId] = CommandId.SUBMIT_SM


@dataclass(slots=True)
class DeliverSm(_MessagePdu):
    """An SMSC's inbound message or receipt (SMPP 3.4 §4.6.1)."""

    command_id: ClassVar[CommandId] = CommandId.DELIVER_SM


@dataclass(slots=True)
class DataSm:
    """A message or receipt either way, its text in message_payload (SMPP 3.4 §4.7.1)."""

    command_id: ClassVar[CommandId] = CommandId.DATA_SM
    service_type: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    esm_class: int = 0
    registered_delivery: int = 0
    data_coding: int = 0
    tlvs: dict[int, bytes] = field(default_factory=dict, repr=False)
    sequence: int = 0

    @property
    def octets(self) -> bytes:
        """message_payload."""
        return self.tlvs.get(_MESSAGE_PAYLOAD, b"")


@dataclass(slots=True)
class SubmitSmResp:
    """The answer to submit_sm (SMPP 3.4 §4.4.2); no body at all decodes as an empty message_id."""

    command_id: ClassVar[CommandId] = CommandId.SUBMIT_SM_RESP
    status: int = 0
    message_id: str = ""
    tlvs: dict[int, bytes] = field(default_factory=dict)
    sequence: int = 0


@dataclass(slots=True)
class DeliverSmResp:
    """The answer to deliver_sm; its message_id is unused and always NULL (SMPP 3.4 §4.6.2)."""

    command_id: ClassVar[CommandId] = CommandId.DELIVER_SM_RESP
    status: int = 0
    sequence: int = 0


@dataclass(slots=True)
class DataSmResp:
    """The answer to data_sm (SMPP 3.4 §4.7.2)."""

    command_id: ClassVar[CommandId] = CommandId.DATA_SM_RESP
    status: int = 0
    message_id: str = ""
    tlvs: dict[int, bytes] = field(default_factory=dict)
    sequence: int = 0


@dataclass(slots=True)
class EnquireLink:
    """Are you there? (SMPP 3.4 §4.11.1)"""

    command_id: ClassVar[CommandId] = CommandId.ENQUIRE_LINK
    status: int = 0
    sequence: int = 0


@dataclass(slots=True)
class EnquireLinkResp:
    """I am (SMPP 3.4 §4.11.2)."""

    command_id: ClassVar[CommandId] = CommandId.ENQUIRE_LINK_RESP
    status: int = 0
    sequence: int = 0


@dataclass(slots=True)
class Unbind:
    """The sender will use the session no more (SMPP 3.4 §4.2.1)."""

    command_id: ClassVar[CommandId] = CommandId.UNBIND
    status: int = 0
    sequence: int = 0


@dataclass(slots=True)
class UnbindResp:
    """The answer to unbind (SMPP 3.4 §4.2.2)."""

    command_id: ClassVar[CommandId] = CommandId.UNBIND_RESP
    status: int = 0
    sequence: int = 0


@dataclass(slots=True)
class GenericNack:
    """The peer could not make sense of a PDU of ours (SMPP 3.4 §4.3.1)."""

    command_id: ClassVar[CommandId] = CommandId.GENERIC_NACK
    status: int = 0
    sequence: int = 0


@dataclass(slots=True)
class CancelSmResp:
    """The answer to cancel_sm (SMPP 3.4 §4.9.2)."""

    command_id: ClassVar[CommandId] = CommandId.CANCEL_SM_RESP
    status: int = 0
    sequence: int = 0


HeaderOnly: TypeAlias = EnquireLink | EnquireLinkResp | Unbind | UnbindResp | GenericNack | CancelSmResp
HEADER_ONLY: tuple[type[HeaderOnly], ...] = (
    EnquireLink,
    EnquireLinkResp,
    Unbind,
    UnbindResp,
    GenericNack,
    CancelSmResp,
)


@dataclass(slots=True)
class QuerySm:
    """What became of this message? (SMPP 3.4 §4.8.1)"""

    command_id: ClassVar[CommandId] = CommandId.QUERY_SM
    message_id: str
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    sequence: int = 0


@dataclass(slots=True)
class QuerySmResp:
    """The answer to query_sm (SMPP 3.4 §4.8.2); `final_date` is an SMPP time."""

    command_id: ClassVar[CommandId] = CommandId.QUERY_SM_RESP
    status: int = 0
    message_id: str = ""
    final_date: str = ""
    message_state: int = 0
    error_code: int = 0
    sequence: int = 0


@dataclass(slots=True)
class CancelSm:
    """Do not deliver this message (SMPP 3.4 §4.9.1). Its addresses have to be those of the submit_sm."""

    command_id: ClassVar[CommandId] = CommandId.CANCEL_SM
    service_type: str = ""
    message_id: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    sequence: int = 0


@dataclass(slots=True)
class AlertNotification:
    """A subscriber can be reached again (SMPP 3.4 §4.12.1); it has no response."""

    command_id: ClassVar[CommandId] = CommandId.ALERT_NOTIFICATION
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    esme_addr_ton: int = 0
    esme_addr_npi: int = 0
    esme_addr: str = ""
    tlvs: dict[int, bytes] = field(default_factory=dict)
    sequence: int = 0


@dataclass(slots=True)
class Unknown:
    """Any other PDU, of a known command_id or not: the body as it came."""

    command_id: int
    status: int = 0
    body: bytes = field(default=b"", repr=False)
    sequence: int = 0


Pdu: TypeAlias = (
    BindRequest
    | BindResp
    | Outbind
    | SubmitSm
    | SubmitSmResp
    | DeliverSm
    | DeliverSmResp
    | DataSm
    | DataSmResp
    | EnquireLink
    | EnquireLinkResp
    | Unbind
    | UnbindResp
    | GenericNack
    | QuerySm
    | QuerySmResp
    | CancelSm
    | CancelSmResp
    | AlertNotification
    | Unknown
)
