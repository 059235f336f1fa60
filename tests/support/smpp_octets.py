"""Just enough of SMPP 3.4 for the tests' own SMSCs, written apart from protocol/: it shares no mistake with it."""

import struct

SUBMIT, DELIVER, UNBIND, ENQUIRE, DATA = 0x04, 0x05, 0x06, 0x15, 0x0103
RESPONSE, GENERIC_NACK = 0x8000_0000, 0x8000_0000
BINDS = (0x01, 0x02, 0x09)
_MESSAGE_PAYLOAD, _SAR_REFERENCE, _SAR_TOTAL, _SAR_PART = 0x0424, 0x020C, 0x020E, 0x020F
_Fields = tuple[dict[str, str], dict[str, int], bytes, dict[int, bytes]]


def frame(command: int, sequence: int, body: bytes = b"", *, status: int = 0) -> bytes:
    return struct.pack(">IIII", 16 + len(body), command, status, sequence) + body


def tlv(tag: int, value: bytes) -> bytes:
    return struct.pack(">HH", tag, len(value)) + value


def delivery(
    source: str, destination: str, text: bytes, *, esm_class: int = 0, data_coding: int = 0, tlvs: bytes = b""
) -> bytes:
    """The body of a deliver_sm (SMPP 3.4 §4.6.1)."""
    addresses = b"\0\x01\x01" + source.encode() + b"\0\x01\x01" + destination.encode() + b"\0"
    return addresses + bytes((esm_class, 0, 0)) + b"\0\0\0\0" + bytes((data_coding, 0, len(text))) + text + tlvs


def data_body(source: str, destination: str, *, esm_class: int, tlvs: bytes) -> bytes:
    """The body of a data_sm (SMPP 3.4 §4.7.1)."""
    addresses = b"\0\x01\x01" + source.encode() + b"\0\x01\x01" + destination.encode() + b"\0"
    return addresses + bytes((esm_class, 0, 0)) + tlvs


class Submitted:
    """What a submit_sm said."""

    __slots__ = ("_numbers", "_strings", "octets", "sequence", "tlvs")

    def __init__(
        self, sequence: int, strings: dict[str, str], numbers: dict[str, int], octets: bytes, tlvs: dict[int, bytes]
    ) -> None:
        self.sequence = sequence
        self._strings, self._numbers = strings, numbers
        self.octets, self.tlvs = octets, tlvs
        """`octets`: short_message, or message_payload."""

    def __repr__(self) -> str:
        return f"submit_sm {self.sequence} to {self.destination}, part {self.part} of {self.parts}"

    def __getattr__(self, name: str) -> int:
        """A field of one octet, by its name in the specification."""
        try:
            return self._numbers[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def source(self) -> str:
        return self._strings["source"]

    @property
    def destination(self) -> str:
        return self._strings["destination"]

    @property
    def schedule_delivery_time(self) -> str:
        return self._strings["schedule_delivery_time"]

    @property
    def validity_period(self) -> str:
        return self._strings["validity_period"]

    @property
    def number(self) -> str:
        """The recipient as callers write it."""
        return "+" + self.destination.lstrip("+")

    @property
    def _header(self) -> bytes:
        return self.octets[: 1 + self.octets[0]] if self._numbers["esm_class"] & 0x40 else b""

    @property
    def text(self) -> bytes:
        """Without the header."""
        return self.octets[len(self._header) :]

    @property
    def _joined(self) -> tuple[int, int, int]:
        """Reference, parts, part."""
        header = self._header
        if header[1:3] == b"\x00\x03":
            return header[3], header[4], header[5]
        if header[1:3] == b"\x08\x04":
            return int.from_bytes(header[3:5], "big"), header[5], header[6]
        if _SAR_REFERENCE in self.tlvs:
            of = [int.from_bytes(self.tlvs[tag], "big") for tag in (_SAR_REFERENCE, _SAR_TOTAL, _SAR_PART)]
            return of[0], of[1], of[2]
        return 0, 1, 1

    @property
    def reference(self) -> int:
        return self._joined[0]

    @property
    def parts(self) -> int:
        return self._joined[1]

    @property
    def part(self) -> int:
        return self._joined[2]


def read_submit(body: bytes) -> _Fields:
    """The fields of a submit_sm's body (SMPP 3.4 §4.4.1): strings, numbers, octets of the text, TLVs."""
    strings: dict[str, str] = {}
    numbers: dict[str, int] = {}
    at = 0

    def take_string(name: str) -> None:
        nonlocal at
        end = body.index(b"\0", at)
        strings[name] = body[at:end].decode("latin-1")
        at = end + 1

    def take_octets(*names: str) -> None:
        nonlocal at
        for name in names:
            numbers[name] = body[at]
            at += 1

    take_string("service_type")
    take_octets("source_addr_ton", "source_addr_npi")
    take_string("source")
    take_octets("dest_addr_ton", "dest_addr_npi")
    take_string("destination")
    take_octets("esm_class", "protocol_id", "priority_flag")
    take_string("schedule_delivery_time")
    take_string("validity_period")
    take_octets("registered_delivery", "replace_if_present_flag", "data_coding", "sm_default_msg_id", "sm_length")
    octets = body[at : at + numbers["sm_length"]]
    tlvs = _read_tlvs(body[at + numbers["sm_length"] :])
    return strings, numbers, octets or tlvs.get(_MESSAGE_PAYLOAD, b""), tlvs


def _read_tlvs(octets: bytes) -> dict[int, bytes]:
    found = {}
    at = 0
    while at < len(octets):
        tag, length = struct.unpack_from(">HH", octets, at)
        found[tag] = octets[at + 4 : at + 4 + length]
        at += 4 + length
    return found
