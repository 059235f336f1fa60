"""A message's timeline as lines for people: what is new since the last look, and how each step reads.

The steps are those of `GET /v1/sms/{id}` (gateway/api/description/schemas.py).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

Step = Mapping[str, Any]

FINAL = frozenset({"delivered", "undelivered", "expired", "rejected", "failed", "canceled", "opted_out", "unknown"})
"""Statuses after which nothing more is to come, but for a late receipt."""

_LABELS = {"accepted": "on disk", "submit": "submit_sm"}


class Line(NamedTuple):
    """One step, for the eye."""

    after: str
    """Time since the message was accepted: `31 ms`."""
    label: str
    text: str


class Follower:
    """Remembers which steps of one message were seen."""

    def __init__(self) -> None:
        self._seen: set[tuple[Any, ...]] = set()

    def news(self, message: Mapping[str, Any]) -> list[Step]:
        """What is new, oldest first; a submit is told once its answer is known, and again if that changes."""
        new = []
        for step in message["timeline"]:
            key = tuple(step.get(name) for name in ("what", "at", "part", "attempt", "event_id", "outcome", "state"))
            if step.get("outcome") != "submitting" and key not in self._seen:
                self._seen.add(key)
                new.append(step)
        return new


def line_of(step: Step, message: Mapping[str, Any]) -> Line:
    """How a step of a message reads."""
    what = step["what"]
    match what:
        case "accepted":
            text = "written and synced before the 201 was sent"
        case "submit":
            text = _submit(step, is_long=message["segments"] > 1)
        case "receipt":
            text = _receipt(step)
        case "query_sm" | "cancel_sm":
            text = _question(step)
        case "webhook":
            text = _webhook(step)
        case "by_hand":
            text = _by_hand(step)
        case _:
            text = str(step.get("code") or step.get("schedule") or "").replace("_", " ")
    return Line(since(message["created_at"], step["at"]), _LABELS.get(what, what.replace("_", " ")), text)


def since(start: str, at: str) -> str:
    """From one time of the API to another: `31 ms`, `12.4 s`, `3 min 20 s`."""
    return span_text((datetime.fromisoformat(at) - datetime.fromisoformat(start)).total_seconds())


def span_text(seconds: float) -> str:
    """A length of time, as exact as the eye wants it."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _submit(step: Step, *, is_long: bool) -> str:
    outcome, status = step["outcome"], step.get("command_status")
    part = f"part {step['part']}, " if is_long else ""
    again = f"try {step['attempt']}, " if step["attempt"] > 1 else ""
    to = f"{part}{again}to {step['bind']}: "
    if status is None:
        return to + {
            "sent": "no answer came, but a receipt shows that it arrived",
            "in_doubt": "no answer came, so it is in doubt whether it arrived",
            "released": "it never left, and waits for its turn again",
            "resent": "no answer came; sent again, marked possible_duplicate",
        }.get(outcome, "no answer came")
    answer = f"{status} after {step.get('latency_ms', 0)} ms"
    if outcome == "sent":
        known_as = step.get("carrier_message_id")
        return f"{to}{answer}, id {known_as}" if known_as else f"{to}{answer}"
    if "next_try_at" in step:
        return f"{to}{answer}; tried again after {since(step['at'], step['next_try_at'])}"
    return f"{to}{answer}" if outcome == "in_doubt" else f"{to}{answer}, which is final"


def _receipt(step: Step) -> str:
    error = f", err {step['err']}" if step.get("err") else ""
    matched = {
        "doubt": ", which settles the doubt",
        "parked": ", which came before the answer",
        "converted": ", its id in another base",
        "query_sm": ", as the carrier says when asked",
        "reference": ", by our reference",
    }.get(step.get("matched", ""), "")
    applied = "" if step["applied"] else ", recorded only"
    return f"{step['state']}{error}{matched}{applied}"


def _question(step: Step) -> str:
    state = f", {step['state']}" if step.get("state") else ""
    answer = f"{step['command_status']} after {step['latency_ms']} ms" if "command_status" in step else "no answer"
    return f"asked of {step['bind']}: {answer}{state}"


def _webhook(step: Step) -> str:
    if "http_status" in step:
        return f"{step['type']}: {step['http_status']} after {step['latency_ms']} ms"
    return f"{step['type']}: not taken, {step.get('error', 'no answer')}"


def _by_hand(step: Step) -> str:
    outcome = f": {step['outcome']}" if step.get("outcome") else ""
    return f"{step['did'].replace('_', ' ')} by {step['who']}{outcome}"
