"""Public ids: prefixed ULIDs that are one 63-bit integer inside, so that no second index is needed.

An integer id is `unix_milliseconds << 20 | sequence`: time-ordered, unique in a store (one owner), never random.
Outside it is a ULID of 26 Crockford base32 characters: 48 bits of time, the 20 bits of sequence, and 60 bits mixed from
both, so that an id cannot be counted up.
"""

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from struct import pack

SEQUENCE_BITS = 20
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_DIGITS = bytes(_ALPHABET[number & 31].encode()[0] for number in range(256))
_AT_A_TIME = 64
"""Longer integers than of so many take longer for each."""
_FEWEST = 5
"""Fewer are as quick by themselves."""
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

    @property
    def last(self) -> int:
        """The one handed out last."""
        return self._last

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


def public_many(prefix: str, identifiers: Sequence[int]) -> list[str]:
    """`public` of each, at half the cost where there are dozens."""
    if len(identifiers) < _FEWEST:
        return [public(prefix, identifier) for identifier in identifiers]
    texts: list[str] = []
    for start in range(0, len(identifiers), _AT_A_TIME):
        texts += _public_some(prefix, identifiers[start : start + _AT_A_TIME])
    return texts


def _public_some(prefix: str, identifiers: Sequence[int]) -> list[str]:
    """By one long integer that holds each in a lane of 128 bits: what is done to it is done to all of them."""
    count = len(identifiers)
    octets = pack(f"<{'Q8x' * count}", *identifiers)
    golden, machine_words, sixty, halves, quarters, digits = _masks(count)
    z = (int.from_bytes(octets, "little") + golden) & machine_words
    z = ((z ^ (z >> 30)) & machine_words) * 0xBF58476D1CE4E5B9 & machine_words
    z = ((z ^ (z >> 27)) & machine_words) * 0x94D049BB133111EB & machine_words
    z = (z ^ (z >> 31)) & sixty
    # Twelve digits of five bits, moved apart until each has an octet.
    z = (z & halves[0]) | (z & halves[1]) << 18
    z = (z & quarters[0]) | (z & quarters[1]) << 9
    z = (z & digits[0]) | (z & digits[1]) << 3 | (z & digits[2]) << 6
    mixed = z.to_bytes(16 * count, "big").translate(_DIGITS).decode("ascii")
    first, pairs = _first_twelve, _PAIRS
    # The lane of the first is the lowest, and so the last of these octets.
    return [
        f"{prefix}{first(identifier >> 10)}{pairs[identifier & 1023]}{mixed[end - 12 : end]}"
        for identifier, end in zip(identifiers, range(16 * count, 0, -16), strict=True)
    ]


@lru_cache(maxsize=_AT_A_TIME)
def _masks(count: int) -> tuple[int, int, int, tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """What `_public_some` adds and masks so many with."""
    ones = ((1 << 128 * count) - 1) // ((1 << 128) - 1)

    def fields(bits: int, *places: int) -> int:
        return ones * sum(((1 << bits) - 1) << place for place in places)

    return (
        ones * 0x9E3779B97F4A7C15,
        ones * _MASK_64,
        ones * _MASK_60,
        (fields(30, 0), fields(30, 30)),
        (fields(15, 0, 48), fields(15, 15, 63)),
        (fields(5, 0, 24, 48, 72), fields(5, 5, 29, 53, 77), fields(5, 10, 34, 58, 82)),
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
