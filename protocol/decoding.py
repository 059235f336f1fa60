"""The lean way from a frame to the PDUs that flow: one pass each, lenient wherever the peer's meaning is plain.

Which decoder a command_id has, and the long tail, is codec.py's.
"""

import re
import struct

from protocol.command_status import CommandStatus
from protocol.errors import BadPdu
from protocol.fields import HEADER_LENGTH, read_header, read_last_c_octets, read_tlvs
from protocol.numbers import BindMode, Tlv
from protocol.pdus import (
    BindRequest,
    BindResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    HeaderOnly,
    Outbind,
    SubmitSm,
    SubmitSmResp,
)

_read_three_octets = struct.Struct("3B").unpack_from
_read_five_octets = struct.Struct("5B").unpack_from
_SC_INTERFACE_VERSION = int(Tlv.SC_INTERFACE_VERSION)

# What submit_sm and deliver_sm have up to their sm_length (SMPP 3.4 §4.4.1): five strings with their NUL, and behind
# them 2, 2, 3, 0 and 5 octets. One match costs less than five searches; possessive, so that a bad body fails at once.
_MESSAGE = re.compile("([^\0]*+)\0..([^\0]*+)\0..([^\0]*+)\0...([^\0]*+)\0([^\0]*+)\0.....", re.DOTALL)


def too_short(frame: bytes) -> BadPdu:
    _, command_id, _, sequence = read_header(frame)
    reason = f"{len(frame)} octets cannot hold the mandatory fields"
    return BadPdu(command_id, sequence, CommandStatus.ESME_RINVCMDLEN, reason)


def decode_message(kind: type[SubmitSm | DeliverSm], frame: bytes, _status: int, sequence: int) -> SubmitSm | DeliverSm:
    found = _MESSAGE.match(frame.decode("latin-1"), HEADER_LENGTH)
    if found is None:
        raise too_short(frame)
    service_type, source_addr, destination_addr, schedule, validity = found.groups()
    source_at = HEADER_LENGTH + len(service_type) + 1
    dest_at = source_at + 2 + len(source_addr) + 1
    esm_class_at = dest_at + 2 + len(destination_addr) + 1
    message_start = found.end()
    registered, replace, coding, default_id, sm_length = _read_five_octets(frame, message_start - 5)
    # If sm_length says more than there is, what remains is the message and there are no TLVs.
    message_end = message_start + sm_length
    return kind(
        service_type,
        frame[source_at],
        frame[source_at + 1],
        source_addr,
        frame[dest_at],
        frame[dest_at + 1],
        destination_addr,
        frame[esm_class_at],
        frame[esm_class_at + 1],
        frame[esm_class_at + 2],
        schedule,
        validity,
        registered,
        replace,
        coding,
        default_id,
        frame[message_start:message_end],
        read_tlvs(frame, message_end) if message_end < len(frame) else {},
        sequence,
    )


def decode_data_sm(frame: bytes, _status: int, sequence: int) -> DataSm:
    text = frame.decode("latin-1")
    index = text.index
    try:
        service_end = index("\0", HEADER_LENGTH)
        source_end = index("\0", service_end + 3)
        dest_end = index("\0", source_end + 3)
        esm_class, registered, coding = _read_three_octets(frame, dest_end + 1)
    except (ValueError, struct.error):
        raise too_short(frame) from None
    end = dest_end + 4
    return DataSm(
        text[HEADER_LENGTH:service_end],
        frame[service_end + 1],
        frame[service_end + 2],
        text[service_end + 3 : source_end],
        frame[source_end + 1],
        frame[source_end + 2],
        text[source_end + 3 : dest_end],
        esm_class,
        registered,
        coding,
        read_tlvs(frame, end) if end < len(frame) else {},
        sequence,
    )


def decode_message_resp(
    kind: type[SubmitSmResp | DataSmResp], frame: bytes, status: int, sequence: int
) -> SubmitSmResp | DataSmResp:
    end = frame.find(b"\0", HEADER_LENGTH)
    if end == len(frame) - 1:
        return kind(status, frame[HEADER_LENGTH:end].decode("latin-1"), {}, sequence)
    # A refusal may come without a body (§4.4.2), and some SMSCs forget the NUL or the body of an acceptance as well.
    message_id, end = read_last_c_octets(frame, HEADER_LENGTH)
    return kind(status, message_id, read_tlvs(frame, end) if end < len(frame) else {}, sequence)


def decode_deliver_sm_resp(_frame: bytes, status: int, sequence: int) -> DeliverSmResp:
    return DeliverSmResp(status, sequence)


def decode_header_only(kind: type[HeaderOnly], _frame: bytes, status: int, sequence: int) -> HeaderOnly:
    # A body that should not be there is ignored: to refuse an enquire_link for it would end the link.
    return kind(status, sequence)


def decode_bind_request(mode: BindMode, frame: bytes, _status: int, sequence: int) -> BindRequest:
    text = frame.decode("latin-1")
    try:
        system_id_end = text.index("\0", HEADER_LENGTH)
        password_end = text.index("\0", system_id_end + 1)
        system_type_end = text.index("\0", password_end + 1)
        interface_version, addr_ton, addr_npi = _read_three_octets(frame, system_type_end + 1)
    except (ValueError, struct.error):
        raise too_short(frame) from None
    address_range, _ = read_last_c_octets(frame, system_type_end + 4)
    return BindRequest(
        mode,
        text[HEADER_LENGTH:system_id_end],
        text[system_id_end + 1 : password_end],
        text[password_end + 1 : system_type_end],
        interface_version,
        addr_ton,
        addr_npi,
        address_range,
        sequence,
    )


def decode_bind_resp(mode: BindMode, frame: bytes, status: int, sequence: int) -> BindResp:
    system_id, end = read_last_c_octets(frame, HEADER_LENGTH)
    version = read_tlvs(frame, end).get(_SC_INTERFACE_VERSION) if end < len(frame) else None
    return BindResp(mode, status, system_id, version[0] if version else None, sequence)


def decode_outbind(frame: bytes, _status: int, sequence: int) -> Outbind:
    system_id, end = read_last_c_octets(frame, HEADER_LENGTH)
    password, _ = read_last_c_octets(frame, end)
    return Outbind(system_id, password, sequence)
