"""How carriers, queues, doubts, endpoints and unmatched receipts look to operators. Pure.

Operators see whole numbers, to ask a carrier about them, viewers masked ones; neither sees a text: what a receipt
quotes of one is left out.
"""

from typing import Any

from gateway.desk.masks import Sight, without_text
from gateway.identifiers import INBOUND, MESSAGE, public
from gateway.rules.timestamps import rfc3339
from gateway.store.views import DoubtRow, ParkedRow, QueueRow, UntoldRow


def queue(row: QueueRow) -> dict[str, Any]:
    return {
        "lane": row.lane,
        "route": row.route,
        "account": row.account,
        "ready": row.ready,
        "stay": row.stay or None,
        "avoid": row.avoid or None,
        "unfit": row.unfit.split(),
    }


def doubt(row: DoubtRow, sight: Sight) -> dict[str, Any]:
    return {
        "id": public(MESSAGE, row.message),
        "part": row.part,
        "attempt": row.attempt,
        "account": row.account,
        "lane": row.lane,
        "to": sight.of(row.recipient),
        "carrier": row.carrier,
        "bind": row.bind,
        "claimed_at": rfc3339(row.claimed_at),
        "settled_by": row.policy,
        "due_at": rfc3339(row.due),
    }


def parked(row: ParkedRow, sight: Sight) -> dict[str, Any]:
    return {
        "carrier": row.carrier,
        "carrier_message_id": row.carrier_message_id,
        "to": sight.of(row.recipient),
        "state": row.state,
        "at": rfc3339(row.at),
        "kept_until": rfc3339(row.due),
        "raw": None if row.may_quote else sight.in_words(without_text(row.raw), row.recipient, row.sender),
    }


def untold(row: UntoldRow, sight: Sight) -> dict[str, Any]:
    """Without its text, which is no operator's business."""
    return {
        "id": public(INBOUND, row.id),
        "carrier": row.carrier,
        "account": row.account,
        "from": sight.of(row.sender),
        "to": sight.of(row.recipient),
        "encoding": row.encoding,
        "parts": row.parts,
        "complete": row.complete,
        "received_at": rfc3339(row.at),
    }
