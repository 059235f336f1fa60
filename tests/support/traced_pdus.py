"""PDUs as a trace sees them, and a capture file read by a reader of its own."""

import struct
from typing import Any

from gateway.carriers.trace_seen import Seen
from protocol.codec import encode
from protocol.numbers import Tlv
from protocol.pdus import DeliverSm, SubmitSm

AT_NS = 1_795_284_245_123_456_789
PASSWORD, NUMBER, TEXT = "hunter2h", "34600123987", b"Your code is 4711"
RECEIPT = b"id:5F3A sub:001 dlvrd:001 submit date:2611221804 done date:2611221805 stat:DELIVRD err:000 text:Your code"
RECEIPT_TLVS = {int(Tlv.RECEIPTED_MESSAGE_ID): b"5F3A\0", int(Tlv.MESSAGE_STATE): b"\2"}
SUBMIT = encode(SubmitSm("", 5, 0, "SHOP", 1, 1, NUMBER, registered_delivery=1, short_message=TEXT, sequence=7))
DELIVER_RECEIPT = encode(
    DeliverSm("", 1, 1, NUMBER, 5, 0, "SHOP", esm_class=4, short_message=RECEIPT, tlvs=RECEIPT_TLVS, sequence=9)
)


def seen(frame: bytes, *, sent: bool = True, connection: int = 1) -> Seen:
    return Seen(AT_NS, "telco/1", connection, sent, frame)


def packets(octets: bytes) -> list[tuple[int, dict[str, Any]]]:
    """Every record: time in nanoseconds, and what its headers say; lengths and checksums must be right."""
    assert struct.unpack_from("<IHHiIII", octets) == (0xA1B23C4D, 2, 4, 0, 0, 65_535, 101)
    at, found = 24, []
    while at < len(octets):
        seconds, nanoseconds, kept, original = struct.unpack_from("<IIII", octets, at)
        packet = octets[at + 16 : at + 16 + kept]
        assert (len(packet), original) == (kept, kept)
        at += 16 + kept
        assert packet[0] == 0x45
        assert int.from_bytes(packet[2:4], "big") == kept
        assert checksum(packet[:20]) == 0
        payload = packet[20:]
        assert checksum(packet[12:20] + struct.pack(">HH", packet[9], len(payload)) + payload) == 0
        if packet[9] == 6:
            source, destination, sequence, acknowledged = struct.unpack_from(">HHII", payload)
            facts = {"ports": (source, destination), "seq": sequence, "ack": acknowledged, "data": payload[20:]}
        else:
            facts = {"note": payload[8:].decode()}
        found.append((seconds * 1_000_000_000 + nanoseconds, facts))
    return found


def checksum(octets: bytes) -> int:
    octets += b"\0" * (len(octets) % 2)
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
