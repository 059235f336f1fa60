"""Septets packed into octets and back (3GPP TS 23.038 §6.1.2), also behind a header, up to a septet border.

Octets do not tell how many septets they hold when 7 bits are left over: see `pack`.
"""

_CR = b"\r"
_SEVEN_BITS = 0x7F
_MOST_OCTETS = 140
"""Of user data (3GPP TS 23.040 §9.2.3.16)."""


def pack(septets: bytes, header_length: int = 0) -> bytes:
    """The septets, one an octet, as they stand behind a header of so many octets; bits that fill stand before them.

    SMPP tells the length in octets only, as USSD does, so §6.1.2.3.1 holds: 7 bits left over are filled with CR, since
    zeros would be one more `@`, and behind a CR that ends on an octet's border stands another, unless the segment is
    full. A reader takes a CR that ends on an octet's border for the former.
    """
    fill = fill_bits(header_length)
    bits = fill + 7 * len(septets)
    ends_on_border = bits % 8 == 0 and header_length + bits // 8 != _MOST_OCTETS
    if bits % 8 == 1 or (ends_on_border and septets.endswith(_CR)):
        septets += _CR
    octets = b"".join([_pack_eight(septets[at : at + 8]) for at in range(0, len(septets), 8)])
    shifted = int.from_bytes(octets, "little") << fill
    return shifted.to_bytes((fill + 7 * len(septets) + 7) // 8, "little")


def unpack(octets: bytes, header_length: int = 0) -> bytes:
    """The septets of what `pack` made, one an octet. What is too short for a septet is left out."""
    fill = fill_bits(header_length)
    count, left_over = divmod(max(0, 8 * len(octets) - fill), 7)
    aligned = (int.from_bytes(octets, "little") >> fill).to_bytes(len(octets), "little")
    septets = b"".join([_unpack_seven(aligned[at : at + 7]) for at in range(0, len(aligned), 7)])[:count]
    return septets[:-1] if left_over == 0 and septets.endswith(_CR) else septets


def fill_bits(header_length: int) -> int:
    """Bits between a header of so many octets and the next septet border (3GPP TS 23.040 §9.2.3.24)."""
    return -8 * header_length % 7


def _pack_eight(septets: bytes) -> bytes:
    number = 0
    for septet in reversed(septets):
        number = number << 7 | septet
    return number.to_bytes(7, "little")


def _unpack_seven(octets: bytes) -> bytes:
    number = int.from_bytes(octets, "little")
    return bytes([number >> shift & _SEVEN_BITS for shift in range(0, 56, 7)])
