"""What an open message waits for: its time, a carrier that can send, its turn, an answer, a receipt. Pure."""

from collections.abc import Sequence
from typing import Any

from gateway.desk.carriers_view import CarrierView
from gateway.identifiers import CAMPAIGN, public
from gateway.messages import ENDED, MessageState
from gateway.rules.timestamps import rfc3339
from gateway.settings import Route
from gateway.store.views import MessageRow, QueueRow

_FOR = {
    MessageState.SCHEDULED: "time",
    MessageState.RETRYING: "retry",
    MessageState.SUBMITTING: "answer",
    MessageState.IN_DOUBT: "settling",
    MessageState.SENT: "receipt",
}


def waits(
    row: MessageRow,
    route: Route | None,
    carriers: Sequence[CarrierView],
    queues: Sequence[QueueRow],
    *,
    campaign_paused: bool = False,
    held_since: int | None = None,
) -> dict[str, Any] | None:
    """`for` says what: `time`, `retry`, `answer`, `settling`, `receipt`, `release` (a restore holds it), `carrier`
    (none of its route's can send), `campaign` (it is paused) or `turn`. None: it has ended."""
    if row.state in ENDED:
        return None
    if held_since is not None and row.state not in (MessageState.SUBMITTING, MessageState.SENT):
        return {"for": "release", "since": rfc3339(held_since), "until": None}
    if row.state != MessageState.QUEUED:
        return {"for": _FOR[MessageState(row.state)], "since": None, "until": _until(row)}
    if campaign_paused:
        return {"for": "campaign", "since": None, "until": None, "campaign_id": public(CAMPAIGN, row.campaign)}
    of_route = [view for view in carriers if route is not None and view.name in route.carriers]
    standing = [_standing(view) for view in of_route]
    found: dict[str, Any] = {"for": "turn", "since": None, "until": None, "carriers": standing}
    if of_route and not any(_can_send(view) for view in of_route):
        found |= {"for": "carrier", "since": rfc3339(max(_unable_since(view) for view in of_route))}
    found["ahead"] = sum(queue.ready for queue in queues if (queue.lane, queue.route) == (row.lane, row.route))
    return found


def _until(row: MessageRow) -> str | None:
    """Where its due time is the very time of what it waits for."""
    if row.state == MessageState.SCHEDULED and row.scheduled_at is not None:
        return rfc3339(row.scheduled_at)
    if row.state in (MessageState.RETRYING, MessageState.IN_DOUBT) and row.due is not None:
        return rfc3339(row.due)
    return None


def _can_send(view: CarrierView) -> bool:
    is_open = view.breaker is not None and view.breaker.state == "open"
    return view.able and view.held is None and not is_open


def _unable_since(view: CarrierView) -> int:
    if view.held is not None:
        return view.held.since
    if view.able and view.breaker is not None:
        return view.breaker.since
    return max((bind.since for bind in view.binds), default=0)


def _standing(view: CarrierView) -> dict[str, Any]:
    can_send = _can_send(view)
    return {"name": view.name, "able": can_send, "why": None if can_send else _why(view)}


def _why(view: CarrierView) -> str:
    """In words."""
    if view.held is not None:
        held = "paused" if view.held.how == "pause" else "drained"
        return f"{held} by {view.held.who}{f': {view.held.why}' if view.held.why else ''}"
    if view.alarm is not None:
        return f"it refuses our binds: {view.alarm}"
    if view.able and view.breaker is not None:
        return f"its breaker is open: {view.breaker.detail}" if view.breaker.detail else "its breaker is open"
    errors = [bind.last_error for bind in view.binds if bind.last_error]
    return f"no bind is up: {errors[-1]}" if errors else "no bind is up"
