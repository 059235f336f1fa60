"""The lean way from the PDUs that flow to their frames: no string is ever cut, what does not fit is refused.

KeyError, ValueError and struct.error that leave here are a value that does not fit its field: codec.py says so.
"""

from struct import Struct

from protocol.errors import LocalProtocolError
from protocol.fields import HEADER_LENGTH, check_c_octets, write_c_octets, write_header, write_tlvs
from protocol.numbers import BIND_IDS, RESPONSE_BIT, CommandId, Tlv
from protocol.pdus import (
    BindRequest,
    BindResp,
    CancelSm,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    HeaderOnly,
    Outbind,
    SubmitSm,
    SubmitSmResp,
    Unknown,
)

_CHARACTERS = {octet: chr(octet) for octet in range(256)}
"""A one-octet integer as latin-1; what is not in it does not fit its field."""

# Sizes in octets with the NUL (SMPP 3.4 §4.1.1, §4.4.1, §4.4.2, §4.7.1).
_SERVICE_TYPE, _ADDRESS, _DATA_ADDRESS, _TIME, _MESSAGE_ID = 6, 21, 65, 17, 65
_SYSTEM_TYPE, _ADDRESS_RANGE = 13, 41
# The specification says 16 and 9; carriers hand out longer ones, and one that is cut is a wrong one.
_SYSTEM_ID, _PASSWORD = 65, 65
_SHORT_MESSAGE = 254

_DELIVER_SM_RESP = int(CommandId.DELIVER_SM_RESP)
_write_deliver_sm_resp = Struct(">IIIIx").pack


def _check_message(pdu: SubmitSm | DeliverSm | DataSm, address_size: int) -> None:
    """Raises LocalProtocolError that names the field; the hot path asks only when it saw that one is wrong."""
    check_c_octets("service_type", pdu.service_type, _SERVICE_TYPE)
    check_c_octets("source_addr", pdu.source_addr, address_size)
    check_c_octets("destination_addr", pdu.destination_addr, address_size)
    if not isinstance(pdu, DataSm):
        check_c_octets("schedule_delivery_time", pdu.schedule_delivery_time, _TIME)
        check_c_octets("validity_period", pdu.validity_period, _TIME)


def encode_message(pdu: SubmitSm | DeliverSm) -> bytes:
    service_type, source, dest = pdu.service_type, pdu.source_addr, pdu.destination_addr
    schedule, validity = pdu.schedule_delivery_time, pdu.validity_period
    message, octet = pdu.short_message, _CHARACTERS
    if len(message) > _SHORT_MESSAGE:
        raise LocalProtocolError(f"short_message holds at most {_SHORT_MESSAGE} octets, not {len(message)}")
    if (
        len(service_type) >= _SERVICE_TYPE
        or len(source) >= _ADDRESS
        or len(dest) >= _ADDRESS
        or len(schedule) >= _TIME
        or len(validity) >= _TIME
        or "\0" in f"{service_type}{source}{dest}{schedule}{validity}"
    ):
        _check_message(pdu, _ADDRESS)
    body = (
        f"{service_type}\0{octet[pdu.source_addr_ton]}{octet[pdu.source_addr_npi]}{source}\0"
        f"{octet[pdu.dest_addr_ton]}{octet[pdu.dest_addr_npi]}{dest}\0"
        f"{octet[pdu.esm_class]}{octet[pdu.protocol_id]}{octet[pdu.priority_flag]}{schedule}\0{validity}\0"
        f"{octet[pdu.registered_delivery]}{octet[pdu.replace_if_present_flag]}{octet[pdu.data_coding]}"
        f"{octet[pdu.sm_default_msg_id]}{octet[len(message)]}"
    ).encode("latin-1") + message
    if pdu.tlvs:
        body += write_tlvs(pdu.tlvs)
    return write_header(HEADER_LENGTH + len(body), pdu.command_id, 0, pdu.sequence) + body


def encode_data_sm(pdu: DataSm) -> bytes:
    _check_message(pdu, _DATA_ADDRESS)
    octet = _CHARACTERS
    body = (
        f"{pdu.service_type}\0{octet[pdu.source_addr_ton]}{octet[pdu.source_addr_npi]}{pdu.source_addr}\0"
        f"{octet[pdu.dest_addr_ton]}{octet[pdu.dest_addr_npi]}{pdu.destination_addr}\0"
        f"{octet[pdu.esm_class]}{octet[pdu.registered_delivery]}{octet[pdu.data_coding]}"
    ).encode("latin-1") + write_tlvs(pdu.tlvs)
    return write_header(HEADER_LENGTH + len(body), CommandId.DATA_SM, 0, pdu.sequence) + body


def encode_message_resp(pdu: SubmitSmResp | DataSmResp) -> bytes:
    body = write_c_octets("message_id", pdu.message_id, _MESSAGE_ID) + write_tlvs(pdu.tlvs)
    if pdu.status and body == b"\0" and isinstance(pdu, SubmitSmResp):
        body = b""  # SMPP 3.4 §4.4.2: a refusal has no body; data_sm_resp (§4.7.2) keeps its own
    return write_header(HEADER_LENGTH + len(body), pdu.command_id, pdu.status, pdu.sequence) + body


def encode_deliver_sm_resp(pdu: DeliverSmResp) -> bytes:
    return deliver_sm_resp(pdu.status, pdu.sequence)


def deliver_sm_resp(status: int, sequence: int) -> bytes:
    """The frame without its PDU, since every receipt has one."""
    # Exactly one NUL, whatever the status: some SMSCs close the link for 16 octets, others for a message_id.
    return _write_deliver_sm_resp(HEADER_LENGTH + 1, _DELIVER_SM_RESP, status, sequence)


def encode_header_only(pdu: HeaderOnly) -> bytes:
    return write_header(HEADER_LENGTH, pdu.command_id, pdu.status, pdu.sequence)


def encode_bind_request(pdu: BindRequest) -> bytes:
    body = (
        write_c_octets("system_id", pdu.system_id, _SYSTEM_ID)
        + write_c_octets("password", pdu.password, _PASSWORD)
        + write_c_octets("system_type", pdu.system_type, _SYSTEM_TYPE)
        + bytes((pdu.interface_version, pdu.addr_ton, pdu.addr_npi))
        + write_c_octets("address_range", pdu.address_range, _ADDRESS_RANGE)
    )
    return write_header(HEADER_LENGTH + len(body), BIND_IDS[pdu.mode], 0, pdu.sequence) + body


def encode_bind_resp(pdu: BindResp) -> bytes:
    body = write_c_octets("system_id", pdu.system_id, _SYSTEM_ID)
    if pdu.interface_version is not None:
        body += write_tlvs({Tlv.SC_INTERFACE_VERSION: bytes((pdu.interface_version,))})
    if pdu.status and body == b"\0":
        body = b""  # SMPP 3.4 §4.1.2: a refusal has no body
    command_id = BIND_IDS[pdu.mode] | RESPONSE_BIT
    return write_header(HEADER_LENGTH + len(body), command_id, pdu.status, pdu.sequence) + body


def encode_outbind(pdu: Outbind) -> bytes:
    body = write_c_octets("system_id", pdu.system_id, _SYSTEM_ID) + write_c_octets("password", pdu.password, _PASSWORD)
    return write_header(HEADER_LENGTH + len(body), CommandId.OUTBIND, 0, pdu.sequence) + body


def encode_cancel_sm(pdu: CancelSm) -> bytes:
    body = (
        write_c_octets("service_type", pdu.service_type, _SERVICE_TYPE)
        + write_c_octets("message_id", pdu.message_id, _MESSAGE_ID)
        + bytes((pdu.source_addr_ton, pdu.source_addr_npi))
        + write_c_octets("source_addr", pdu.source_addr, _ADDRESS)
        + bytes((pdu.dest_addr_ton, pdu.dest_addr_npi))
        + write_c_octets("destination_addr", pdu.destination_addr, _ADDRESS)
    )
    return write_header(HEADER_LENGTH + len(body), CommandId.CANCEL_SM, 0, pdu.sequence) + body


def encode_unknown(pdu: Unknown) -> bytes:
    return write_header(HEADER_LENGTH + len(pdu.body), pdu.command_id, pdu.status, pdu.sequence) + pdu.body
