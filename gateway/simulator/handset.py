"""A handset's message as the deliver_sm that carry it, in the order in which they come and with those that get lost."""

from collections.abc import Sequence

from protocol.fields import read_tlvs
from protocol.pdus import DeliverSm
from protocol.segments import LongMessages
from protocol.text import encoding_of
from protocol.writing import TextWay, write


def written(
    source: str, destination: str, text: str, reference: int, long_messages: LongMessages, parts: Sequence[int]
) -> list[DeliverSm]:
    """All parts in order, or only those of `parts` that there are, in their order and as often as named.

    A destination with its plus goes as an international number, any other as a short code. Raises NotEncodable and
    TooManyParts.
    """
    is_international = int(destination.startswith("+"))
    segments = write(text, encoding_of(text), TextWay(long_messages=long_messages), reference)
    chosen = segments
    if parts and len(segments) > 1:
        chosen = [segments[part - 1] for part in parts if part <= len(segments)]
    return [
        DeliverSm(
            source_addr_ton=1,
            source_addr_npi=1,
            source_addr=source.removeprefix("+"),
            dest_addr_ton=is_international,
            dest_addr_npi=is_international,
            destination_addr=destination.removeprefix("+"),
            esm_class=segment.esm_class,
            data_coding=segment.data_coding,
            short_message=segment.short_message,
            tlvs=read_tlvs(segment.tlvs, 0),
        )
        for segment in chosen
    ]
