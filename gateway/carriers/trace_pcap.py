"""The trace as a capture file: classic libpcap, raw IPv4 with TCP headers made up around each PDU. Pure.

The carrier is 192.0.2.2 port 2775, where Wireshark looks for SMPP, whatever it is in truth; we are 192.0.2.1, and each
connection has a port of its own. What was not traced is told by a syslog datagram in between.
"""

import struct
from ipaddress import IPv4Address

from gateway.carriers.trace_fields import redacted, take_apart
from gateway.carriers.trace_seen import Seen

SMPP_PORT = 2775
_OURS = IPv4Address("192.0.2.1").packed  # RFC 5737: nobody's
_THEIRS = IPv4Address("192.0.2.2").packed
_SYSLOG_PORT = 514
_LINKTYPE_RAW = 101
_NANOSECONDS = 0xA1B23C4D
_MOST_A_PACKET = 65_535 - 40
_FIRST_PORT, _PORTS = 20_000, 40_000
_TCP, _UDP = 6, 17
_PSH_ACK = 0x18
_WARNING = b"<28>sluice: "  # facility daemon, severity warning (RFC 3164)

FILE_HEADER = struct.pack("<IHHiIII", _NANOSECONDS, 2, 4, 0, 0, 65_535, _LINKTYPE_RAW)


class Packets:
    """Makes records of one capture file, behind FILE_HEADER; sequence numbers go on from PDU to PDU."""

    def __init__(self) -> None:
        self._written: dict[tuple[int, bool], int] = {}

    def record(self, seen: Seen, *, show: bool) -> bytes:
        """The PDU without numbers and texts unless they are to be shown, never with a password."""
        if not seen.frame:
            return note(seen.at_ns, f"{seen.bind}: {seen.note}")
        frame = redacted(seen.frame, take_apart(seen.frame), show=show)
        cuts = range(0, len(frame), _MOST_A_PACKET)
        return b"".join(self._packet(seen, frame[at : at + _MOST_A_PACKET]) for at in cuts)

    def _packet(self, seen: Seen, octets: bytes) -> bytes:
        port = _FIRST_PORT + seen.connection % _PORTS
        ours, theirs = (port, True), (port, False)
        there = self._written.get(ours, 1)
        back = self._written.get(theirs, 1)
        if seen.sent:
            head, source, destination = (port, SMPP_PORT, there, back), _OURS, _THEIRS
        else:
            head, source, destination = (SMPP_PORT, port, back, there), _THEIRS, _OURS
        direction = ours if seen.sent else theirs
        self._written[direction] = (self._written.get(direction, 1) + len(octets)) & 0xFFFF_FFFF
        tcp = struct.pack(">HHIIBBHHH", *head, 5 << 4, _PSH_ACK, 65_535, 0, 0) + octets
        tcp = _with_checksum(tcp, 16, source + destination + struct.pack(">HH", _TCP, len(tcp)))
        return _record(seen.at_ns, _ip(_TCP, source, destination, tcp))


def note(at_ns: int, text: str) -> bytes:
    """A record that says something in words."""
    octets = _WARNING + text.encode("ascii", "replace")
    udp = struct.pack(">HHHH", _SYSLOG_PORT, _SYSLOG_PORT, 8 + len(octets), 0) + octets
    udp = _with_checksum(udp, 6, _OURS + _OURS + struct.pack(">HH", _UDP, len(udp)))
    return _record(at_ns, _ip(_UDP, _OURS, _OURS, udp))


def _record(at_ns: int, packet: bytes) -> bytes:
    seconds, nanoseconds = divmod(at_ns, 1_000_000_000)
    return struct.pack("<IIII", seconds & 0xFFFF_FFFF, nanoseconds, len(packet), len(packet)) + packet


def _ip(protocol: int, source: bytes, destination: bytes, payload: bytes) -> bytes:
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0) + source + destination
    return _with_checksum(head, 10, b"") + payload


def _with_checksum(octets: bytes, at: int, pseudo_header: bytes) -> bytes:
    """RFC 1071, put in at its place."""
    summed = pseudo_header + octets
    if len(summed) % 2:
        summed += b"\0"
    total = sum(struct.unpack(f">{len(summed) // 2}H", summed))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return octets[:at] + struct.pack(">H", ~total & 0xFFFF or 0xFFFF) + octets[at + 2 :]
