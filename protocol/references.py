"""The number that a submit_sm tells in user_message_reference (SMPP 3.4 §5.3.2.17), to be known again in its receipt.

16 bits name one of many: who is meant is decided with the destination, and by whoever knows what was sent.
"""

_MULTIPLIER = 0x9E3779B97F4A7C15
"""2**64 by the golden ratio: neighbours end far apart (Knuth, The Art of Computer Programming 3, 6.4)."""
_MASK_64 = (1 << 64) - 1


def reference_16(message: int, part: int, attempt: int) -> int:
    """The reference of an attempt, 0 to 65,535: always the same for the same, spread evenly whatever the ids are."""
    mixed = (message * _MULTIPLIER + part * 0x100_0193 + attempt * 0x1_0001) * _MULTIPLIER & _MASK_64
    return (mixed ^ mixed >> 32) >> 16 & 0xFFFF
