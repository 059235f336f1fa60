"""Long inbound messages: their parts are kept one by one, in whatever order they come, and told as one message.

Joined are parts of one carrier, sender, recipient, total, reference and kind of reference. What the message then is and
who is told of it is messages.py's; what its octets say protocol.concatenation's.
"""

import logging
from hashlib import blake2b
from typing import Any, NamedTuple

from gateway.identifiers import INBOUND, public
from gateway.store.inbound import messages
from gateway.store.interface import InboundIn, InboundPart
from gateway.store.work import STUCK_MS, Work
from protocol.concatenation import Part, join

log = logging.getLogger("sluice.store")
MOST_SETS = 1_000
"""Messages of a carrier that wait for parts."""
MOST_OCTETS = 16 * 1024 * 1024
"""Of their parts. With one more of either the message that waits longest is told as it is."""
SETS_A_TRANSACTION = 50
_NAMESAKES = 8
"""Handsets that give all messages one reference exist: so many of the latest are compared."""
_NAME = "carrier = ? AND sender = ? AND recipient = ? AND reference = ? AND kind = ? AND total = ?"
_FIND = (
    "SELECT s.id, s.told_at, p.digest FROM inbound_sets s "
    "LEFT JOIN inbound_parts p ON p.inbound_set = s.id AND p.part = ? "
    f"WHERE {_NAME} ORDER BY s.id DESC LIMIT {_NAMESAKES}"
)
_OPEN = (
    "INSERT INTO inbound_sets (id, carrier, sender, recipient, reference, kind, total, account, missing, at, due) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_KEEP = (
    "INSERT INTO inbound_parts (inbound_set, part, digest, data_coding, has_header, octets) VALUES (?, ?, ?, ?, ?, ?)"
)
_CAME = "UPDATE inbound_sets SET missing = missing - 1, at = ?, due = ? WHERE id = ? RETURNING missing"
_HOLD = (
    "INSERT INTO inbound_held (carrier, sets, octets) VALUES (?, ?, ?) ON CONFLICT (carrier) DO UPDATE "
    "SET sets = sets + excluded.sets, octets = octets + excluded.octets RETURNING sets, octets"
)
_LONGEST = "SELECT id FROM inbound_sets WHERE carrier = ? AND told_at IS NULL ORDER BY due LIMIT 1"
_DUE = "SELECT id, told_at FROM inbound_sets WHERE due <= ? ORDER BY due LIMIT ?"
_SET = "SELECT id, carrier, account, sender, recipient, total, at FROM inbound_sets WHERE id = ?"
_PARTS = "SELECT part, octets, data_coding, has_header FROM inbound_parts WHERE inbound_set = ? ORDER BY part"
_ERASE = "UPDATE inbound_parts SET octets = NULL WHERE inbound_set = ?"
_TOLD = "UPDATE inbound_sets SET told_at = ?, due = ? WHERE id = ?"
_PUT_OFF = "UPDATE inbound_sets SET due = ? WHERE id = ?"
_FORGET = ("DELETE FROM inbound_parts WHERE inbound_set = ?", "DELETE FROM inbound_sets WHERE id = ?")


class _Set(NamedTuple):
    """The order is that of _SET."""

    id: int
    carrier: str
    account: str | None
    sender: str
    recipient: str
    total: int
    at: int


def record(work: Work, inbound: InboundIn, part: InboundPart) -> None:
    """Keep a part. With the last of them the message is told; a part that came before changes nothing.

    An older message's part that comes again is taken for one that the message waiting under its reference lacks.
    """
    digest = blake2b(part.octets, digest_size=16).digest()
    name = (inbound.carrier, inbound.sender, inbound.recipient, part.reference, part.kind, part.total)
    found = work.execute(_FIND, (part.part, *name)).fetchall()
    waiting = next(((set_id, known) for set_id, told_at, known in found if told_at is None), None)
    # Messages under one reference may end alike: a part that the waiting one lacks is its own, not a told one's again.
    is_lacking = waiting is not None and waiting[1] is None
    if not is_lacking and any(known == digest for _, _, known in found):
        return
    opened = waiting is None or waiting[1] is not None
    if waiting is not None and opened:
        # The reference is used again for another message, so no more of this one will come.
        tell(work, waiting[0])
    set_id = inbound.id if waiting is None or opened else waiting[0]
    due = work.now + work.policy.inbound_parts_ms
    if opened:
        work.execute(_OPEN, (set_id, *name, inbound.account, part.total, inbound.at, due))
        work.joining += 1
    work.execute(_KEEP, (set_id, part.part, digest, part.data_coding, int(part.has_header), part.octets))
    (missing,) = work.execute(_CAME, (inbound.at, due, set_id)).fetchone()
    held = _hold(work, inbound.carrier, int(opened), len(part.octets))
    if not missing:
        tell(work, set_id)
    else:
        _make_room(work, inbound.carrier, held)


def _make_room(work: Work, carrier: str, held: tuple[int, int]) -> None:
    while held[0] > MOST_SETS or held[1] > MOST_OCTETS:
        (longest,) = work.execute(_LONGEST, (carrier,)).fetchone()
        held = tell(work, longest)


def _hold(work: Work, carrier: str, sets: int, octets: int) -> tuple[int, int]:
    """Count what is held; how many sets and octets that are now."""
    held: Any = work.execute(_HOLD, (carrier, sets, octets)).fetchone()
    return held[0], held[1]


def tell(work: Work, set_id: int) -> tuple[int, int]:
    """Tell of a message as far as its parts came, and erase them. How many sets and octets its carrier still holds."""
    found = _Set._make(work.execute(_SET, (set_id,)).fetchone())
    rows = work.execute(_PARTS, (set_id,)).fetchall()
    parts = [Part(part, octets, data_coding, bool(has_header)) for part, octets, data_coding, has_header in rows]
    text, encoding = join(parts, found.total, work.policy.way_of(found.carrier))
    messages.record(
        work,
        InboundIn(
            id=found.id,
            carrier=found.carrier,
            account=found.account,
            sender=found.sender,
            recipient=found.recipient,
            text=text,
            encoding=encoding,
            at=found.at,
            parts=found.total,
            complete=len(parts) == found.total,
        ),
    )
    work.execute(_ERASE, (set_id,))
    work.execute(_TOLD, (work.now, work.now + work.policy.inbound_parts_ms, set_id))
    return _hold(work, found.carrier, -1, -sum(len(part.octets) for part in parts))


def sweep(work: Work) -> None:
    """Tell of messages whose other parts do not come, and forget those that were told long enough ago."""
    incomplete = 0
    for set_id, told_at in work.execute(_DUE, (work.now, SETS_A_TRANSACTION)).fetchall():
        if told_at is not None:
            for statement in _FORGET:
                work.execute(statement, (set_id,))
            work.joining -= 1
            continue
        with work.apart(f"telling {public(INBOUND, set_id)}") as failed:
            tell(work, set_id)
        if failed:
            work.execute(_PUT_OFF, (work.now + STUCK_MS, set_id))
        else:
            incomplete += 1
    if incomplete:
        log.warning("long inbound messages are told with parts missing messages=%d", incomplete)
