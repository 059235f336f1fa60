"""One whole frame <-> one PDU; the only file that imports smpplib.

The PDUs that flow take the lean path of decoding.py and encoding.py, since smpplib needs 70 µs for what one pass does
in two. It gives the layout of the long tail and encodes it; its parser is not used, for it checks no length, so that a
cut body reads as a good one.
"""

import struct
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from smpplib import smpp

from protocol.command_status import CommandStatus
from protocol.decoding import (
    decode_bind_request,
    decode_bind_resp,
    decode_data_sm,
    decode_deliver_sm_resp,
    decode_header_only,
    decode_message,
    decode_message_resp,
    decode_outbind,
    too_short,
)
from protocol.encoding import (
    encode_bind_request,
    encode_bind_resp,
    encode_cancel_sm,
    encode_data_sm,
    encode_deliver_sm_resp,
    encode_header_only,
    encode_message,
    encode_message_resp,
    encode_outbind,
    encode_unknown,
)
from protocol.errors import BadPdu, LocalProtocolError
from protocol.fields import HEADER_LENGTH, check_c_octets, read_header, read_tlvs, write_header, write_tlvs
from protocol.numbers import BIND_IDS, RESPONSE_BIT, CommandId
from protocol.pdus import (
    HEADER_ONLY,
    AlertNotification,
    BindRequest,
    BindResp,
    CancelSm,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    Outbind,
    Pdu,
    QuerySm,
    QuerySmResp,
    SubmitSm,
    SubmitSmResp,
    Unknown,
)

_Decoder: TypeAlias = Callable[[bytes, int, int], Any]


def decode(frame: bytes) -> Pdu:
    """The PDU of a whole frame; its command_length is taken as read.

    Raises BadPdu, and nothing else whatever the octets are, if the body cannot hold the mandatory fields.
    """
    if len(frame) < HEADER_LENGTH:
        raise BadPdu(0, 0, CommandStatus.ESME_RINVCMDLEN, "the frame is shorter than a header")
    _, command_id, status, sequence = read_header(frame)
    decoder = _DECODERS.get(command_id)
    if decoder is None:
        return Unknown(command_id, status, frame[HEADER_LENGTH:], sequence)
    pdu: Pdu = decoder(frame, status, sequence)
    return pdu


def encode(pdu: Pdu) -> bytes:
    """The whole frame of a PDU. Raises LocalProtocolError for a value that does not fit its field."""
    try:
        return _ENCODERS[type(pdu)](pdu)
    except (KeyError, ValueError, struct.error):
        raise LocalProtocolError(f"a value does not fit its field in {type(pdu).__name__}") from None


_make_pdu: Callable[..., Any] = smpp.make_pdu


def _layout(kind: type[Any]) -> tuple[tuple[str, int], ...]:
    """The mandatory fields of a PDU in their order, each with its size in octets; 0 for an integer of one octet."""
    blank = _make_pdu(kind.command_id.name.lower(), sequence=0)
    sizes = ((name, blank.params[name]) for name in blank.params_order if not blank.field_is_optional(name))
    return tuple((name, 0 if field.type is int else field.max) for name, field in sizes)


_LAYOUTS: dict[type[Any], tuple[tuple[str, int], ...]] = {
    kind: _layout(kind) for kind in (QuerySm, QuerySmResp, AlertNotification)
}
_LAYOUTS[CancelSm] = (
    ("service_type", 6),
    ("message_id", 65),
    ("source_addr_ton", 0),
    ("source_addr_npi", 0),
    ("source_addr", 21),
    ("dest_addr_ton", 0),
    ("dest_addr_npi", 0),
    ("destination_addr", 21),
)
"""SMPP 3.4 §4.9.1; smpplib does not know it."""


def _decode_tail(kind: type[Any], frame: bytes, status: int, sequence: int) -> Any:
    values: dict[str, Any] = {"sequence": sequence}
    is_response = bool(kind.command_id & RESPONSE_BIT)
    if is_response:
        values["status"] = status
    offset = HEADER_LENGTH
    for name, size in _LAYOUTS[kind]:
        end = frame.find(b"\0", offset) if size else offset
        if not 0 <= end < len(frame):
            if is_response and status:
                # A refusal says all by its status: some SMSCs leave its body out, others write the beginning of one.
                return kind(status=status, sequence=sequence)
            raise too_short(frame)
        values[name] = frame[offset:end].decode("latin-1") if size else frame[offset]
        offset = end + 1
    if kind is AlertNotification and offset < len(frame):
        values["tlvs"] = read_tlvs(frame, offset)
    return kind(**values)


def _encode_tail(pdu: QuerySm | QuerySmResp | AlertNotification) -> bytes:
    values = {name: getattr(pdu, name) for name, _ in _LAYOUTS[type(pdu)]}
    for name, size in _LAYOUTS[type(pdu)]:
        if size:
            check_c_octets(name, values[name], size)
    # Without a sequence smpplib asks its client for one; the one given is not used, hence the header of our own.
    body: bytes = _make_pdu(pdu.command_id.name.lower(), sequence=0, **values).generate()[HEADER_LENGTH:]
    if isinstance(pdu, AlertNotification):
        body += write_tlvs(pdu.tlvs)
    status = pdu.status if isinstance(pdu, QuerySmResp) else 0
    return write_header(HEADER_LENGTH + len(body), pdu.command_id, status, pdu.sequence) + body


_DECODERS: dict[int, _Decoder] = {
    CommandId.SUBMIT_SM_RESP: partial(decode_message_resp, SubmitSmResp),
    CommandId.DELIVER_SM: partial(decode_message, DeliverSm),
    CommandId.SUBMIT_SM: partial(decode_message, SubmitSm),
    CommandId.DELIVER_SM_RESP: decode_deliver_sm_resp,
    CommandId.DATA_SM: decode_data_sm,
    CommandId.DATA_SM_RESP: partial(decode_message_resp, DataSmResp),
    CommandId.OUTBIND: decode_outbind,
    **{kind.command_id: partial(decode_header_only, kind) for kind in HEADER_ONLY},
    **{command_id: partial(decode_bind_request, mode) for mode, command_id in BIND_IDS.items()},
    **{command_id | RESPONSE_BIT: partial(decode_bind_resp, mode) for mode, command_id in BIND_IDS.items()},
    **{kind.command_id: partial(_decode_tail, kind) for kind in _LAYOUTS},
}
_ENCODERS: dict[type[Any], Callable[[Any], bytes]] = {
    SubmitSm: encode_message,
    DeliverSm: encode_message,
    DataSm: encode_data_sm,
    SubmitSmResp: encode_message_resp,
    DeliverSmResp: encode_deliver_sm_resp,
    DataSmResp: encode_message_resp,
    BindRequest: encode_bind_request,
    BindResp: encode_bind_resp,
    Outbind: encode_outbind,
    Unknown: encode_unknown,
    **dict.fromkeys(HEADER_ONLY, encode_header_only),
    **dict.fromkeys(_LAYOUTS, _encode_tail),
    CancelSm: encode_cancel_sm,
}
