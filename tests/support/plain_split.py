"""A text's segments as the specification has them, made character by character: what the fast way is held against.

GSM 03.38 and UCS-2, parts joined by a header with an 8-bit reference (3GPP TS 23.040 §9.2.3.24.1).
"""

from protocol.segments import Segment
from protocol.text import Encoding, encode_gsm

_UDHI = 0x40


def split(text: str, encoding: Encoding, reference: int) -> list[Segment]:
    """The segments in order, joined by the low octet of `reference`. Raises NotEncodable."""
    is_gsm = encoding is Encoding.GSM7
    alone, room, data_coding = (160, 153, 0) if is_gsm else (140, 134, 8)
    characters = [encode_gsm(one) if is_gsm else one.encode("utf-16-be") for one in text]
    if sum(map(len, characters)) <= alone:
        return [Segment(b"".join(characters), 0, data_coding, 1, 1)]
    pieces = [b""]
    for character in characters:
        if len(pieces[-1]) + len(character) > room:
            pieces.append(b"")
        pieces[-1] += character
    total = len(pieces)
    return [
        Segment(bytes((5, 0, 3, reference & 0xFF, total, part)) + piece, _UDHI, data_coding, part, total)
        for part, piece in enumerate(pieces, 1)
    ]
