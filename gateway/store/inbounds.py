"""Inbound messages: stored, and told to the account whose senders hold the number."""

from gateway.rules.timestamps import rfc3339
from gateway.store.interface import EventFacts, InboundIn
from gateway.store.work import Work

INBOUND_EVENT = "message.inbound"
_INSERT = (
    "INSERT INTO inbound (id, account, carrier, sender, recipient, text, encoding, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


def record(work: Work, inbound: InboundIn) -> None:
    """Keep an inbound message, and file its event."""
    sender, recipient, text, encoding = inbound.sender, inbound.recipient, inbound.text, inbound.encoding
    work.execute(
        _INSERT,
        (inbound.id, inbound.account, inbound.carrier, sender, recipient, text, encoding, inbound.at),
    )
    if inbound.account is None:
        return
    endpoint = work.endpoints.own_of(work.connection, inbound.account)
    if endpoint is None or INBOUND_EVENT not in endpoint.wants:
        return
    data = {
        "from": sender,
        "to": recipient,
        "text": text,
        "encoding": encoding,
        "parts": 1,
        "carrier": inbound.carrier,
        "received_at": rfc3339(inbound.at),
    }
    facts = EventFacts(work.ids.next(), INBOUND_EVENT, work.now, None, "received", data=data)
    work.file_event(facts, inbound.account, endpoint.id)
