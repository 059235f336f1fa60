"""Inbound messages: stored, and told to the account whose senders hold the number."""

from gateway.rules.timestamps import rfc3339
from gateway.store.interface import EventFacts, InboundIn
from gateway.store.work import Work

INBOUND_EVENT = "message.inbound"


def record(work: Work, inbound: InboundIn) -> None:
    work.execute(
        "INSERT INTO inbound (id, account, carrier, sender, recipient, text, encoding, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            inbound.id,
            inbound.account,
            inbound.carrier,
            inbound.sender,
            inbound.recipient,
            inbound.text,
            inbound.encoding,
            inbound.at,
        ),
    )
    if inbound.account is None:
        return
    endpoint = work.endpoints.of_message(work.connection, inbound.account, None)
    if endpoint is None or INBOUND_EVENT not in work.endpoints.by_id[endpoint].wants:
        return
    data = {
        "from": inbound.sender,
        "to": inbound.recipient,
        "text": inbound.text,
        "encoding": inbound.encoding,
        "parts": 1,
        "carrier": inbound.carrier,
        "received_at": rfc3339(inbound.at),
    }
    facts = EventFacts(work.ids.next(), INBOUND_EVENT, work.now, None, "received", data=data)
    work.file_event(facts, inbound.account, endpoint, None, None, None)
