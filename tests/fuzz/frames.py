"""Frames to begin with: each PDU of the protocol, and each receipt of the vectors."""

from every_pdu import every_pdu
from receipt_vectors import VECTORS, pdu_of

from protocol.codec import encode
from protocol.pdus import DataSm, DeliverSm

FRAMES = [encode(pdu) for pdu in every_pdu(9)]
"""One of each kind."""


def receipts() -> list[DeliverSm | DataSm]:
    """Those of the vectors."""
    return [pdu_of(vector["fields"]) for vector in VECTORS]


def frames() -> list[bytes]:
    """All of them."""
    return [*FRAMES, *[encode(receipt) for receipt in receipts()]]
