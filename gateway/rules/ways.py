"""Which way of writing texts a carrier has by its settings, and whether a message can go that way: text and TLVs.

How a text becomes segments is protocol/writing.py's.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from zlib import crc32

from gateway.rules.options import NOTHING_ASKED, MessageOptions
from gateway.settings.carriers import Carrier
from gateway.settings.types import InterfaceVersion
from protocol.segments import MAX_PARTS, Segment, TooManyParts
from protocol.text import Encoding, NotEncodable
from protocol.writing import TextWay, write

USUAL = TextWay()
"""GSM 03.38 and UCS-2 as the specification has them, long messages by a header of 8 bits."""

NO_TAGS: frozenset[str] = frozenset()


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
        takes_tlvs=carrier.interface_version is not InterfaceVersion.V3_3,
    )


@lru_cache(maxsize=1024)
def mark_of(carrier: str, way: TextWay, tags: frozenset[str] = NO_TAGS) -> str:
    """Names a carrier as long as it takes texts this way, and these TLVs: `telco#5f3a0c11`. The same everywhere."""
    told = f"{way!r} {sorted(tags)}" if tags else repr(way)
    return f"{carrier}#{crc32(told.encode()):08x}"


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


def tlvs_refusal(asked: MessageOptions | None, tags: frozenset[str]) -> str | None:
    """Why a carrier that takes these TLVs of messages can't have one, without any value; None: it can."""
    if asked is None or asked.tlvs.keys() <= tags:
        return None
    return f"its message_tlvs lacks {', '.join(sorted(asked.tlvs.keys() - tags))}"


def unfit_of(
    text: str,
    encoding: Encoding,
    ways: Mapping[str, TextWay],
    asked: MessageOptions | None,
    *,
    tags: Mapping[str, frozenset[str]],
    allow_unicode: bool,
    refused: Mapping[TextWay, str] = MappingProxyType({}),
) -> tuple[dict[str, str], bool]:
    """Which of these carriers can't carry a message, and why; and whether the others carry it as UCS-2.

    `tags`: the TLVs of messages that each of them takes. A text that GSM 03.38 carries becomes UCS-2, at up to three
    times the segments, only where that is allowed and no carrier that takes the TLVs has an alphabet for it.
    `refused`: what is known already of ways without UCS-2.
    """
    unfit: dict[str, str] = {}
    for ucs2_allowed in (False, True) if allow_unicode else (False,):
        # A long text costs a millisecond, and most carriers take texts alike.
        known = {} if ucs2_allowed else refused
        of_ways = {
            way: known.get(way) or _refusal(text, encoding, way, asked, ucs2_allowed) for way in set(ways.values())
        }
        reasons = {name: tlvs_refusal(asked, tags[name]) or of_ways[way] for name, way in ways.items()}
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
    except (NotEncodable, TooManyParts) as error:
        return refusal_of(error, way, asked)
    return None


def refusal_of(error: NotEncodable | TooManyParts, way: TextWay, asked: MessageOptions | None) -> str:
    """The same of what `written` raised."""
    if isinstance(error, NotEncodable):
        return f"its alphabet {way.alphabet} lacks the character at position {error.position}"
    own = (asked or NOTHING_ASKED).max_parts
    limit = f"its max_parts is {way.max_parts}" if way.max_parts <= own else f"the message's max_parts is {own}"
    return f"it would take {error.parts} parts, and {limit}"
