"""The events of a delivery, as its row has them: 8 octets each, big-endian, in order."""

import struct
from collections.abc import Iterable


def pack(members: Iterable[int]) -> bytes:
    ids = list(members)
    return struct.pack(f">{len(ids)}q", *ids)


def unpack(members: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(members) // 8}q", members)
