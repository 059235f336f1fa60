"""The receipt that a deliver_sm of the usual layout is, straight from its frame: no PDU is made of it.

It is what receipts.py gives of the PDU, or nothing; then whoever wants to know more looks at the PDU.
"""

import re

from protocol.fields import HEADER_LENGTH, read_tlvs
from protocol.numbers import EsmClass, Tlv
from protocol.receipt_text import ordinary_in
from protocol.receipts import Receipt, ReceiptState, ordinary_receipt

# A deliver_sm up to its sm_length (as in decoding.py), whose esm_class says that it is a receipt and nothing else.
_RECEIPT = re.compile(f"[^\0]*+\0..([^\0]*+)\0..([^\0]*+)\0{chr(EsmClass.RECEIPT)}..[^\0]*+\0[^\0]*+\0.....", re.DOTALL)
_STATE_TLVS: dict[ReceiptState | None, str] = {
    state: (int(Tlv.MESSAGE_STATE).to_bytes(2, "big") + bytes((0, 1, state.value))).decode("latin-1")
    for state in ReceiptState
}
_ID_TAG = int(Tlv.RECEIPTED_MESSAGE_ID).to_bytes(2, "big").decode("latin-1")
_NO_TLVS: dict[int, bytes] = {}


def read_receipt_frame(octets: bytes, text: str, start: int, end: int) -> Receipt | None:
    """The receipt of a deliver_sm, whose whole frame is from `start` to `end`, or None where its PDU must be looked at.

    `text`: the octets as latin-1. Never raises.
    """
    found = _RECEIPT.match(text, start + HEADER_LENGTH, end)
    if found is None:
        return None
    begin = found.end()
    behind = begin + octets[begin - 1]
    if behind > end:
        return None
    ordinary = ordinary_in(text, begin, behind)
    if ordinary is None:
        return None
    tlvs = _NO_TLVS
    if behind < end:
        message_id, _, tail = ordinary
        state = _STATE_TLVS.get(tail.state)
        # Most repeat id and state there, and nothing else: then nothing is told by it.
        named = f"{_ID_TAG}\0{chr(len(message_id) + 1)}{message_id}\0"
        rest = text[behind:end]
        if state is None or (rest != state + named and rest != named + state):
            tlvs = read_tlvs(octets[start:end], behind - start)
    return ordinary_receipt(ordinary, tlvs, *found.groups())
