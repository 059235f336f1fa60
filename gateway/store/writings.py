"""How a message's text was put to carriers, where that is not as usual: kept as JSON, read by claims and look-ups.

How a text is cut now is claims' and cutting's.
"""

import msgspec

from protocol.writing import TextWay


class Unfit(msgspec.Struct, frozen=True):
    """A carrier that could not carry the text, and gave it back unsent."""

    carrier: str
    reason: str
    """In words that tell nothing of the text."""
    at: int


class Writing(msgspec.Struct, frozen=True, omit_defaults=True):
    way: TextWay | None = None
    """How the parts that may have gone were cut, so that the rest is cut alike whatever the settings say by then; None:
    as by GSM 03.38 and UCS-2."""
    accepted: int | None = None
    """Segments when it was accepted, where they were others."""
    unfit: tuple[Unfit, ...] = ()


AS_USUAL = Writing()
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Writing).decode


def read(kept: str | None) -> Writing:
    return AS_USUAL if kept is None else _decode(kept)


def to_json(writing: Writing) -> str | None:
    return None if writing == AS_USUAL else _encode(writing).decode()


def accepted_segments(kept: str | None, segments: int) -> int:
    """How many segments a message was told to have when it was accepted."""
    accepted = None if kept is None else _decode(kept).accepted
    return segments if accepted is None else accepted
