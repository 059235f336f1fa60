"""The octets of the lean carrier (SMPP 3.4 §4): just enough to answer and to send receipts, cut from what came in."""

import re
import struct
import time

from gateway.cli.bench.requests import NUMBER_DIGITS

HEAD = struct.Struct(">IIII")
BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER = 1, 2, 9
SUBMIT_SM, DELIVER_SM, UNBIND, ENQUIRE_LINK = 4, 5, 6, 0x15
RESPONSE = 0x8000_0000
DELIVER_SM_RESP = RESPONSE | DELIVER_SM
SUBMIT_SM_RESP = RESPONSE | SUBMIT_SM
SUBMITTED = "submit_sm"
_DESTINATION = re.compile(NUMBER_DIGITS + rb"\0")
"""No text of the bench's has so long a number, nor a NUL behind one."""
_SYSTEM_ID = b"bench\0"
_RECEIPT_FIELDS = b"\x04\0\0\0\0\0\0\0\0"
"""esm_class of a receipt, then protocol_id, priority, both times, registered_delivery, replace, data_coding and
sm_default_msg_id, all empty."""
_STATE = b"\x04\x27\0\x01\x02"
"""message_state (§5.3.2.35): DELIVERED."""
_ID_TLV = b"\0\x1e\0\x0b"
"""receipted_message_id (§5.3.2.12) of ten digits and the NUL."""


def resp(command: int, sequence: int) -> bytes:
    """An answer without a body."""
    return HEAD.pack(16, command | RESPONSE, 0, sequence)


def bind_resp(command: int, sequence: int) -> bytes:
    """The bind is accepted."""
    return HEAD.pack(16 + len(_SYSTEM_ID), command | RESPONSE, 0, sequence) + _SYSTEM_ID


def submit_sm_resp(sequence: int, number: bytes) -> bytes:
    """Taken, under an id of ten digits."""
    return b"\0\0\0\x1b\x80\0\0\x04\0\0\0\0%b%b\0" % (sequence.to_bytes(4, "big"), number)


def destination_of(pdu: bytes) -> bytes:
    """destination_addr of a submit_sm."""
    source = pdu.index(0, 16) + 3
    destination = pdu.index(0, source) + 3
    return pdu[destination : pdu.index(0, destination)]


def messages_in(octets: bytes) -> list[tuple[str, bytes]]:
    """The number of each submit_sm in what a gateway wrote, for apart.py."""
    return [(SUBMITTED, digits) for digits in _DESTINATION.findall(octets)]


def receipt_tail(second: int) -> bytes:
    """What follows the id in the text of a receipt made in this second (appendix B)."""
    date = time.strftime("%y%m%d%H%M", time.gmtime(second)).encode()
    return b" sub:001 dlvrd:001 submit date:%b done date:%b stat:DELIVRD err:000 text:" % (date, date)


def receipt_of(pdu: bytes, number: bytes, tail: bytes) -> bytes:
    """The body of a deliver_sm about this submit_sm: its addresses change places, with their types."""
    source = pdu.index(0, 16) + 1
    destination = pdu.index(0, source + 2) + 1
    end = pdu.index(0, destination + 2) + 1
    text_length = 13 + len(tail)
    return b"".join(
        (
            b"\0",
            pdu[destination:end],
            pdu[source:destination],
            _RECEIPT_FIELDS,
            text_length.to_bytes(1, "big"),
            b"id:",
            number,
            tail,
            _ID_TLV,
            number,
            b"\0",
            _STATE,
        )
    )
