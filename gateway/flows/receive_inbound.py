"""A delivery that is no receipt, read as an inbound message or as one part of a long one.

Parts are put together by the store, which keeps them meanwhile; how octets are text is protocol.reading's.
"""

from gateway.carriers.addresses import e164
from gateway.rules.senders import NumberOwners
from gateway.rules.ways import way_of
from gateway.settings.carriers import Carrier
from gateway.store.interface import InboundIn, InboundPart
from protocol.concatenation import encoding_of, octets_of, place_of
from protocol.numbers import EsmClass
from protocol.pdus import DataSm, DeliverSm
from protocol.reading import read_text

MOST_PART_OCTETS = 1_024
"""Far more than any phone's part has. What is longer is told as it stands: a store of parts has to end somewhere."""
_UDHI = int(EsmClass.UDHI)


def read_inbound(
    settings: Carrier, pdu: DeliverSm | DataSm, owners: NumberOwners, inbound_id: int, at: int
) -> InboundIn:
    """What came, whose it is, and its text unless it is a part. Never raises, whatever the octets are."""
    octets = octets_of(pdu)
    has_header = bool(pdu.esm_class & _UDHI)
    way = way_of(settings)
    recipient = e164(pdu.dest_addr_ton, pdu.destination_addr)
    inbound = InboundIn(
        id=inbound_id,
        carrier=settings.name,
        account=owners.account_of_number(recipient),
        sender=e164(pdu.source_addr_ton, pdu.source_addr),
        recipient=recipient,
        text="",
        encoding=encoding_of(pdu.data_coding, way),
        at=at,
    )
    place = place_of(pdu, octets)
    if place is not None and len(octets) <= MOST_PART_OCTETS:
        inbound.part = InboundPart(*place, octets, pdu.data_coding, has_header)
        return inbound
    if place is not None:
        inbound.parts, inbound.complete = place.total, False
    # No text of ours holds U+0000, which not every database can keep; here it is padding.
    inbound.text = read_text(octets, pdu.data_coding, has_header, way)[0].replace("\0", "")
    return inbound
