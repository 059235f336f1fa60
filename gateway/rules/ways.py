"""Which way of writing texts a carrier has by its settings, and whether a message's text can go that way.

How a text becomes segments is protocol/writing.py's.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from zlib import crc32

from gateway.rules.options import NOTHING_ASKED, MessageOptions
from gateway.settings.carriers import Carrier
from protocol.segments import MAX_PARTS, Segment, TooManyParts
from protocol.text import Encoding, NotEncodable
from protocol.writing import TextWay, write

USUAL = TextWay()
"""GSM 03.38 and UCS-2 as the specification has them, long messages by a header of 8 bits."""


def way_of(carrier: Carrier) -> TextWay:
    """How a carrier takes texts."""
    return TextWay(
        alphabet=carrier.alphabet,
        data_coding=carrier.data_coding,
        ucs2_data_coding=carrier.ucs2_data_coding,
        packed=carrier.packed,
        languages=tuple(carrier.national_tables),
        long_messages=carrier.long_messages,
        max_parts=carrier.max_parts,
    )


@lru_cache(maxsize=1024)
def mark_of(carrier: str, way: TextWay) -> str:
    """Names a carrier as long as it takes texts this way: `telco#5f3a0c11`. The same in every process."""
    return f"{carrier}#{crc32(repr(way).encode()):08x}"


def carrier_of(mark: str) -> str:
    return mark.rpartition("#")[0]


@lru_cache(maxsize=1024)
def within(way: TextWay, max_parts: int) -> TextWay:
    """The way with no more parts than a message may have."""
    return way if max_parts >= way.max_parts else replace(way, max_parts=max_parts)


def written(
    text: str, encoding: Encoding, way: TextWay, reference: int, asked: MessageOptions | None, *, ucs2_allowed: bool
) -> list[Segment]:
    """The segments of a message on a way, as its options ask. Raises NotEncodable and TooManyParts."""
    options = asked or NOTHING_ASKED
    bounded = within(way, options.max_parts) if options.max_parts < MAX_PARTS else way
    return write(text, encoding, bounded, reference, flash=options.flash, ucs2_allowed=ucs2_allowed)


def unfit_of(
    text: str, encoding: Encoding, ways: Mapping[str, TextWay], asked: MessageOptions | None, *, allow_unicode: bool
) -> tuple[dict[str, str], bool]:
    """Which of these carriers can't carry a text, and why; and whether the others carry it as UCS-2.

    A text that GSM 03.38 carries becomes UCS-2, at up to three times the segments, only where that is allowed and no
    carrier has an alphabet for it.
    """
    unfit: dict[str, str] = {}
    for ucs2_allowed in (False, True) if allow_unicode else (False,):
        reasons = {name: _refusal(text, encoding, way, asked, ucs2_allowed) for name, way in ways.items()}
        unfit = {name: reason for name, reason in reasons.items() if reason is not None}
        if len(unfit) < len(ways):
            return unfit, ucs2_allowed
    return unfit, False


def _refusal(
    text: str,
    encoding: Encoding,
    way: TextWay,
    asked: MessageOptions | None,
    ucs2_allowed: bool,
) -> str | None:
    """Why a text does not go a way, in words that tell nothing of the text."""
    try:
        written(text, encoding, way, 0, asked, ucs2_allowed=ucs2_allowed)
    except NotEncodable as error:
        return f"its alphabet {way.alphabet} lacks the character at position {error.position}"
    except TooManyParts as error:
        own = (asked or NOTHING_ASKED).max_parts
        limit = f"its max_parts is {way.max_parts}" if way.max_parts <= own else f"the message's max_parts is {own}"
        return f"it would take {error.parts} parts, and {limit}"
    return None
