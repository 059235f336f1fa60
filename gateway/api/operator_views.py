"""How carriers, queues, doubts, endpoints and unmatched receipts look to operators. Pure.

Operators see whole numbers, to ask a carrier about them, but no text: what a receipt quotes of one is left out.
"""

from typing import Any
from urllib.parse import urlsplit

from gateway.api.carriers_view import BreakerView, CarrierView
from gateway.api.steps import without_text
from gateway.api.timeline import time_or_none
from gateway.identifiers import INBOUND, MESSAGE, public
from gateway.rules.timestamps import rfc3339
from gateway.store.policy import shown
from gateway.store.views import DoubtRow, EndpointRow, ParkedRow, QueueRow, UntoldRow


def carrier(view: CarrierView, receipt_ids: str | None) -> dict[str, Any]:
    """`receipt_ids`: what was learned of how its receipts spell the ids of its answers."""
    return {
        "name": view.name,
        "able": view.able,
        "alarm": view.alarm,
        "receipt_ids": receipt_ids,
        "breaker": None if view.breaker is None else _breaker(view.breaker),
        "binds": [
            {
                "name": bind.name,
                "state": bind.state,
                "since": rfc3339(bind.since),
                "window": bind.window,
                "window_limit": bind.window_limit,
                "in_flight": bind.in_flight,
                "room": bind.room,
                "submit_rate": bind.submit_rate,
                "last_error": bind.last_error,
            }
            for bind in view.binds
        ],
    }


def _breaker(view: BreakerView) -> dict[str, Any]:
    return {
        "state": view.state,
        "cause": view.cause,
        "detail": view.detail or None,
        "since": rfc3339(view.since),
        "retry_at": time_or_none(view.retry_at),
    }


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


def doubt(row: DoubtRow) -> dict[str, Any]:
    return {
        "id": public(MESSAGE, row.message),
        "part": row.part,
        "attempt": row.attempt,
        "account": row.account,
        "lane": row.lane,
        "to": row.recipient,
        "carrier": row.carrier,
        "bind": row.bind,
        "claimed_at": rfc3339(row.claimed_at),
        "settled_by": row.policy,
        "due_at": rfc3339(row.due),
    }


def endpoint(row: EndpointRow) -> dict[str, Any]:
    """Without the query of its URL, which may hold an account's own secrets."""
    parts = urlsplit(row.url)
    return {
        "account": shown(row.account),
        "url": f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}",
        "own": row.own,
        "enabled": row.enabled,
        "disabled_reason": row.disabled_reason,
        "pending": row.pending,
        "failed": row.failed,
        "oldest_pending_at": time_or_none(row.oldest_pending_at),
        "last_success_at": time_or_none(row.last_success_at),
        "last_failure_at": time_or_none(row.last_failure_at),
        "consecutive_failures": row.consecutive_failures,
    }


def parked(row: ParkedRow) -> dict[str, Any]:
    return {
        "carrier": row.carrier,
        "carrier_message_id": row.carrier_message_id,
        "to": row.recipient,
        "state": row.state,
        "at": rfc3339(row.at),
        "kept_until": rfc3339(row.due),
        "raw": without_text(row.raw),
    }


def untold(row: UntoldRow) -> dict[str, Any]:
    """Without its text, which is no operator's business."""
    return {
        "id": public(INBOUND, row.id),
        "carrier": row.carrier,
        "account": row.account,
        "from": row.sender,
        "to": row.recipient,
        "encoding": row.encoding,
        "parts": row.parts,
        "complete": row.complete,
        "received_at": rfc3339(row.at),
    }
