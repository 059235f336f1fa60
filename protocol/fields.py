"""What PDUs are made of: the header, C-octet strings, TLVs. Which of them a PDU has is for the codec to know."""

from struct import Struct

from protocol.errors import LocalProtocolError

HEADER_LENGTH = 16

_HEADER = Struct(">IIII")
read_header = _HEADER.unpack_from
"""command_length, command_id, command_status, sequence_number (SMPP 3.4 §3.2)."""
write_header = _HEADER.pack

_TLV = Struct(">HH")
_read_tlv_header = _TLV.unpack_from
_write_tlv_header = _TLV.pack
_TLV_HEADER_LENGTH = 4


def write_c_octets(name: str, text: str, size: int) -> bytes:
    """The text as latin-1 with its NUL. Raises LocalProtocolError if it is longer than `size` or cannot be written."""
    if len(text) >= size or not text.isascii() or "\0" in text:
        check_c_octets(name, text, size)
    return text.encode("latin-1") + b"\0"


def check_c_octets(name: str, text: str, size: int) -> None:
    """Raises LocalProtocolError if `write_c_octets` would."""
    if len(text) >= size:
        raise LocalProtocolError(f"{name} holds at most {size - 1} characters, not {len(text)}")
    if "\0" in text:
        raise LocalProtocolError(f"{name} cannot hold a NUL")
    if any(ord(character) > 0xFF for character in text):
        raise LocalProtocolError(f"{name} holds latin-1 characters only")


def read_last_c_octets(frame: bytes, offset: int) -> tuple[str, int]:
    """The string at `offset` and where it ends, for a field with nothing mandatory behind: its NUL may be missing."""
    end = frame.find(b"\0", offset)
    if end < 0:
        return frame[offset:].decode("latin-1"), len(frame)
    return frame[offset:end].decode("latin-1"), end + 1


def write_tlvs(tlvs: dict[int, bytes]) -> bytes:
    """All of them in the order of the dict. Raises LocalProtocolError for a tag or a length beyond 16 bits."""
    for tag, value in tlvs.items():
        if not 0 <= tag <= 0xFFFF or len(value) > 0xFFFF:
            raise LocalProtocolError(f"TLV 0x{tag:04X} with {len(value)} octets does not fit 16 bits")
    return b"".join([_write_tlv_header(tag, len(value)) + value for tag, value in tlvs.items()])


def read_tlvs(frame: bytes, offset: int) -> dict[int, bytes]:
    """Tag to raw value from `offset` to the end; of a repeated tag the first. Never fails.

    The last value is cut where the frame ends. Some SMSCs write a NUL more than sm_length or message_id has; if the
    TLVs fit the frame only without it, it is skipped.
    """
    tlvs: dict[int, bytes] = {}
    end, last_header = offset, len(frame) - _TLV_HEADER_LENGTH
    while end <= last_header:
        tag, length = _read_tlv_header(frame, end)
        start = end + _TLV_HEADER_LENGTH
        end = start + length
        if tag not in tlvs:
            tlvs[tag] = frame[start:end]
    if end != len(frame) and frame[offset] == 0 and _fits(frame, offset + 1):
        return read_tlvs(frame, offset + 1)
    return tlvs


def _fits(frame: bytes, offset: int) -> bool:
    """Whether TLVs from `offset` end where the frame does."""
    last_header = len(frame) - _TLV_HEADER_LENGTH
    while offset <= last_header:
        _, length = _read_tlv_header(frame, offset)
        offset += _TLV_HEADER_LENGTH + length
    return offset == len(frame)
