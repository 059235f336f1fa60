"""Inbound messages: stored, and told to the account whose senders hold the number; their texts are erased in time.

How parts become a message is parts.py's. A text stands in two places, the row and the body of its event; both
lose it together.
"""

from gateway.rules.timestamps import rfc3339
from gateway.store.consents import keyword_messages
from gateway.store.inbound.owners import last_writer
from gateway.store.interface import EventFacts, InboundIn
from gateway.store.message_events import TOLD
from gateway.store.work import Work

INBOUND_EVENT = "message.inbound"
LOOK_AGAIN_MS = 3_600_000
"""A text that is not told yet is kept; how often it is looked whether it is."""
_INSERT = (
    "INSERT INTO inbound "
    "(id, account, carrier, sender, recipient, text, encoding, parts, complete, at, event, text_due) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_DUE = (
    "SELECT i.id, e.id, e.state FROM inbound i LEFT JOIN events e ON e.id = i.event "
    "WHERE i.text_due <= ? ORDER BY i.text_due LIMIT ?"
)
_ERASE = "UPDATE inbound SET text = NULL, text_due = NULL, text_erased_at = ? WHERE id = ?"
_ERASE_IN_EVENT = (
    "UPDATE events SET body = CAST(json_set(CAST(body AS TEXT), '$.data.text', NULL, '$.data.text_erased_at', ?) "
    "AS BLOB) WHERE id = ?"
)
_PUT_OFF = "UPDATE inbound SET text_due = ? WHERE id = ?"
_ROWS_OF_ONE = 2


def settle(work: Work, inbound: InboundIn) -> None:
    """Find out whose it is where its number does not say, and so whether anyone is told, and whether it is kept: what
    the handset wants of its account counts, whether or not the account is told."""
    if inbound.account is None:
        inbound.account = last_writer(work, inbound)
        policy = work.policy.accounts.get(inbound.account or "")
        if policy is not None and policy.url is not None and INBOUND_EVENT in policy.events:
            inbound.is_untold = inbound.is_refused = False
    if inbound.is_refused and inbound.account is not None and inbound.part is None:
        inbound.is_refused = work.policy.keywords.read(inbound.text) is None


def record(work: Work, inbound: InboundIn) -> None:
    """Keep a whole inbound message, and file its event."""
    sender, recipient, text, encoding = inbound.sender, inbound.recipient, inbound.text, inbound.encoding
    endpoint = None if inbound.account is None else work.endpoints.own_of(work.connection, inbound.account)
    is_told = endpoint is not None and INBOUND_EVENT in endpoint.wants
    event = work.ids.next() if is_told else None
    due = work.now + work.policy.inbound_text_ms
    name = (inbound.id, inbound.account, inbound.carrier, sender, recipient)
    work.execute(_INSERT, (*name, text, encoding, inbound.parts, int(inbound.complete), inbound.at, event, due))
    if inbound.account is None:
        return
    if event is not None and endpoint is not None:
        _tell(work, inbound, inbound.account, event, endpoint.id)
    keyword = work.policy.keywords.read(text) if inbound.complete else None
    if keyword is not None:
        keyword_messages.heed(work, inbound, inbound.account, keyword)


def _tell(work: Work, inbound: InboundIn, account: str, event: int, endpoint: int) -> None:
    data = {
        "from": inbound.sender,
        "to": inbound.recipient,
        "text": inbound.text,
        "encoding": inbound.encoding,
        "parts": inbound.parts,
        "complete": inbound.complete,
        "carrier": inbound.carrier,
        "received_at": rfc3339(inbound.at),
    }
    work.file_event(EventFacts(event, INBOUND_EVENT, work.now, None, "received", data=data), account, endpoint)


def erase_texts(work: Work, most: int) -> int:
    """Erase texts whose time is over, in at most so many rows. One that its endpoint has not taken stays with its
    event: it may be told yet, or replayed."""
    due = work.execute(_DUE, (work.now, most // _ROWS_OF_ONE)).fetchall()
    erased = [(inbound, event) for inbound, event, state in due if state in (None, TOLD)]
    work.executemany(_ERASE, [(work.now, inbound) for inbound, _ in erased])
    in_events = [(rfc3339(work.now), event) for _, event in erased if event is not None]
    work.executemany(_ERASE_IN_EVENT, in_events)
    later = work.now + LOOK_AGAIN_MS
    work.executemany(_PUT_OFF, [(later, inbound) for inbound, _, state in due if state not in (None, TOLD)])
    return len(due) + len(in_events)
