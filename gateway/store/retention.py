"""What is no longer owed is erased: rows, overdue events; a few in a transaction that is small itself.

Texts of messages, which have a time of their own in each lane, are due.py's; those of inbound messages
inbound/messages.py's; what receipts quote of them quotes.py's.
"""

from collections.abc import Callable, Sequence
from itertools import islice

from gateway.identifiers import SEQUENCE_BITS
from gateway.rules.limits import day_of
from gateway.store import audit, outcomes, quotes
from gateway.store.campaigns import retention as campaign_retention
from gateway.store.inbound import messages as inbounds
from gateway.store.many_rows import Select, as_json
from gateway.store.message_events import GIVEN_UP, TOLD
from gateway.store.work import STUCK_MS, Work

ROWS_A_TRANSACTION = 200
IDLE_MS = 1_000
"""How often it is looked whether there is something to erase."""
ROWS_A_MESSAGE = 4
"""Of one segment: a message ends with its attempt and its receipts."""
AGAIN_MS = 20
"""How soon an idle writer goes on where there is more to erase than one transaction may."""
_FOR_MESSAGES = ("receipts", "enquiries", "attempts")
"""The tables of what was done for a message."""
_MESSAGES = Select(
    f"id, 1{''.join(f' + (SELECT count(*) FROM {table} WHERE message = found.id)' for table in _FOR_MESSAGES)}",
    "FROM (SELECT id FROM messages WHERE text IS NULL AND done_at < ? ORDER BY done_at LIMIT ?) found",
)
_OF_MESSAGES = (
    *(f"DELETE FROM {table} WHERE message IN (SELECT value FROM json_each(?))" for table in _FOR_MESSAGES),
    "DELETE FROM messages WHERE id IN (SELECT value FROM json_each(?))",
)
_EVENTS = (
    f"DELETE FROM events WHERE id IN (SELECT id FROM events WHERE id < ? AND state IN ({TOLD}, {GIVEN_UP}) "
    "ORDER BY id LIMIT ?)"
)
_TRIES = (
    "DELETE FROM webhook_tries WHERE (delivery, attempt) IN "
    "(SELECT delivery, attempt FROM webhook_tries WHERE delivery < ? ORDER BY delivery LIMIT ?)"
)
_KEYS = (
    "DELETE FROM idempotency WHERE (account, key) IN "
    "(SELECT account, key FROM idempotency WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)"
)
_LINES = (
    "DELETE FROM stream_lines WHERE (account, key, first) IN "
    "(SELECT account, key, first FROM stream_lines WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)"
)
_USAGE = "DELETE FROM usage WHERE (day, account) IN (SELECT day, account FROM usage WHERE day < ? ORDER BY day LIMIT ?)"
_TEXTS = (
    "DELETE FROM recent_texts WHERE (account, lane, digest) IN "
    "(SELECT account, lane, digest FROM recent_texts WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)"
)
_INBOUND = (
    "DELETE FROM inbound WHERE id IN (SELECT id FROM inbound WHERE id < ? AND text_due IS NULL ORDER BY id LIMIT ?)"
)
_UNNAMED = (
    "DELETE FROM endpoints WHERE id = ?1 AND own = 0 "
    "AND NOT EXISTS (SELECT 1 FROM messages WHERE endpoint = ?1 AND webhook_url IS NOT NULL) "
    "AND NOT EXISTS (SELECT 1 FROM events WHERE endpoint = ?1 AND url IS NOT NULL)"
)
_ORIGINS = "SELECT id FROM endpoints WHERE id > ? AND own = 0 ORDER BY id LIMIT ?"
"""An ended event needs its endpoint too: it is listed, and may be told again."""


def erase_some(work: Work) -> int:
    """Erase a little; when there may be more to erase."""
    more = False
    with work.apart("erasing") as failed:
        more = erase(work)
    if failed:
        return work.now + STUCK_MS
    return work.now if more else work.now + IDLE_MS


def erase(work: Work) -> bool:
    """Erase some of everything there is, at most ROWS_A_TRANSACTION rows in all. True: there may be more.

    Each kind has the same share, and what one leaves of it is for the others: none waits for another to end.
    """
    kinds: Sequence[Callable[[Work, int], int]] = _KINDS
    left = ROWS_A_TRANSACTION
    while kinds and left >= ROWS_A_MESSAGE * len(kinds):
        share = left // len(kinds)
        hungry = []
        for kind in kinds:
            rows = kind(work, min(share, max(left, 0)))
            left -= rows
            if rows > share - ROWS_A_MESSAGE:
                hungry.append(kind)
        kinds = hungry
    if kinds:
        work.wake(work.now + AGAIN_MS)
    return left < ROWS_A_TRANSACTION


def _messages(work: Work, most: int) -> int:
    """Messages with what was done for them."""
    messages: list[int] = []
    rows = 0
    for message, its_rows in _MESSAGES.rows(work, (work.now - work.policy.messages_ms, most)):
        if rows + ROWS_A_MESSAGE > most:
            break
        messages.append(message)
        rows += its_rows
    if messages:
        named = as_json(messages)
        for statement in _OF_MESSAGES:
            work.execute(statement, (named,))
    return rows


def _overdue(work: Work, most: int) -> int:
    """Give up what endpoints that take nothing were not told within the horizon."""
    endpoints = work.endpoints
    rows = 0
    for endpoint_id in list(islice(endpoints.overdue, most)):
        endpoint = endpoints.by_id[endpoint_id]
        given_up = 0
        if endpoint.failures or not endpoint.enabled:
            given_up = outcomes.give_up_overdue(work, endpoint, most - rows)
        rows += given_up
        if rows >= most:
            break
        if not given_up:
            del endpoints.overdue[endpoint_id]
        endpoints.stirred.add(endpoint_id)
    return rows


def _origins(work: Work, most: int) -> int:
    """Endpoints of webhook_urls that nothing names any more; the next few are looked at, round and round."""
    endpoints = work.endpoints
    found = work.execute(_ORIGINS, (endpoints.swept_until, most)).fetchall()
    endpoints.swept_until = found[-1][0] if len(found) == most and found else 0
    return work.executemany(_UNNAMED, [row for row in found if row[0] not in endpoints.by_id]).rowcount


def _audit(work: Work, most: int) -> int:
    return audit.erase_before(work, _oldest_message(work), most)


def _by(statement: str, until: Callable[[Work], int]) -> Callable[[Work, int], int]:
    return lambda work, most: work.execute(statement, (until(work), most)).rowcount


def _now(work: Work) -> int:
    return work.now


def _oldest_event(work: Work) -> int:
    return (work.now - work.policy.events_ms) << SEQUENCE_BITS


def _oldest_message(work: Work) -> int:
    return (work.now - work.policy.messages_ms) << SEQUENCE_BITS


def _oldest_day(work: Work) -> int:
    return day_of(work.now - work.policy.messages_ms)


_KINDS = (
    _overdue,
    _messages,
    _by(_EVENTS, _oldest_event),
    _by(_TRIES, _oldest_event),
    _by(_KEYS, _now),
    _by(_LINES, _now),
    _by(_USAGE, _oldest_day),
    _by(_TEXTS, _now),
    _by(_INBOUND, _oldest_message),
    inbounds.erase_texts,
    quotes.erase,
    campaign_retention.erase_recipients,
    campaign_retention.erase_campaigns,
    _audit,
    _origins,
)
