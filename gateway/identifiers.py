"""Public ids: prefixed ULIDs that are one 63-bit integer inside, so that no second index is needed.

An integer id is `unix_milliseconds << 20 | sequence`: time-ordered, unique in a store (one owner), never random.
Outside it is a ULID of 26 Crockford base32 characters: 48 bits of time, the 20 bits of sequence, and 60 bits mixed from
both, so that an id cannot be counted up.
"""

import time
from collections.abc import Callable
from functools import lru_cache

SEQUENCE_BITS = 20
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_MASK_60 = (1 << 60) - 1
_MASK_64 = (1 << 64) - 1
_LENGTH = 26

MESSAGE = "msg_"
SUBMISSION = "sub_"
EVENT = "evt_"
BATCH = "bat_"
REQUEST = "req_"
INBOUND = "inb_"
CAMPAIGN = "cmp_"


def now_ms() -> int:
    """Wall-clock milliseconds since the Unix epoch, UTC."""
    return time.time_ns() // 1_000_000


class Identifiers:
    """Hands out integer ids, each greater than all before it, whatever the clock does."""

    def __init__(self, last: int = 0, clock: Callable[[], int] = now_ms) -> None:
        self._last = last
        self._clock = clock

    def next(self, now: int | None = None) -> int:
        """One id, of the moment `now` if that is given; more than 2**20 in a millisecond borrow from the next."""
        self._last = max(self._last + 1, (self._clock() if now is None else now) << SEQUENCE_BITS)
        return self._last

    def next_many(self, count: int, now: int) -> range:
        """As many ids in a row, as `next` would give them."""
        first = max(self._last + 1, now << SEQUENCE_BITS)
        ids = range(first, first + count)
        if count:
            self._last = ids[-1]
        return ids

    def seen(self, identifier: int) -> None:
        """Never hand out this id or one before it (the greatest id of a store that is opened again)."""
        self._last = max(self._last, identifier)


def public(prefix: str, identifier: int) -> str:
    """`msg_01KAK5Y7Q4V8M3Z2T9N6C1XHRD` for an integer id."""
    # Written out, since several of these are made for every message: ten bits, two characters at a time.
    mixed = _mixed(identifier)
    low, high, p = mixed & 0x3FFFFFFF, mixed >> 30, _PAIRS
    return (
        f"{prefix}{_first_twelve(identifier >> 10)}{p[identifier & 1023]}"
        f"{p[high >> 20]}{p[high >> 10 & 1023]}{p[high & 1023]}{p[low >> 20]}{p[low >> 10 & 1023]}{p[low & 1023]}"
    )


@lru_cache(maxsize=1024)
def _first_twelve(upper: int) -> str:
    """The time and half of the sequence, which all ids of a millisecond share up to the 1,024th."""
    # By halves that take one machine word each.
    p, high, low = _PAIRS, upper >> 30, upper & 0x3FFFFFFF
    return f"{p[high >> 20]}{p[high >> 10 & 1023]}{p[high & 1023]}{p[low >> 20]}{p[low >> 10 & 1023]}{p[low & 1023]}"


def internal(prefix: str, text: str) -> int | None:
    """The integer behind a public id, or None when the text is none of ours (a caller then answers 404)."""
    if not text.startswith(prefix) or len(text) != len(prefix) + _LENGTH:
        return None
    value = 0
    for character in text[len(prefix) :]:
        digit = _VALUES.get(character)
        if digit is None:
            return None
        value = value << 5 | digit
    identifier = value >> 60
    if identifier >= 1 << 63 or value & _MASK_60 != _mixed(identifier):
        return None
    return identifier


def created_at_ms(identifier: int) -> int:
    """When an id was handed out, in milliseconds since the Unix epoch."""
    return identifier >> SEQUENCE_BITS


def _mixed(identifier: int) -> int:
    """Sixty bits that look random and follow from the id (the finalizer of splitmix64)."""
    z = (identifier + 0x9E3779B97F4A7C15) & _MASK_64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK_64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK_64
    return (z ^ (z >> 31)) & _MASK_60
