"""What became of a message, in a sentence or three, from its story: the page and the terminal begin with it. Pure.

It names no number and no text, so it can be shown to whoever may see the story masked.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from gateway.desk.meanings import is_on_the_way, state_in_words, status_in_words
from gateway.messages import ErrorCode

Story = Mapping[str, Any]
"""GET /v1/sms/{id}, or an operator's view of it, which knows more: `waits` and `events`."""
Step = Mapping[str, Any]

_OPENINGS = {
    "undelivered": "Not delivered",
    "rejected": "Rejected by the carrier",
    "failed": "Never sent",
    "canceled": "Canceled",
    "opted_out": "Not sent",
    "unknown": "Nobody knows whether it arrived",
}
_ADVICE = {
    ErrorCode.UNKNOWN_SUBSCRIBER: "Sending again won't help; check the number.",
    ErrorCode.BLOCKED_BY_RECIPIENT: "Sending again won't help; only the recipient can change that.",
}
"""Behind an end whose cause is the recipient's, and lasts."""


def sentence(story: Story) -> str:
    """`Delivered: telco said so 4.2 s after it was accepted. The customer's webhook at HOST was told.`"""
    return " ".join(_sentences(story))


def _sentences(story: Story) -> Iterator[str]:
    match story["status"]:
        case "scheduled" | "queued" if (story.get("waits") or {}).get("for") == "release":
            yield _held(story, story["waits"])
        case "scheduled":
            yield f"Waits for its time, {_clock(story['schedule'])}."
        case "queued":
            yield _queued(story)
        case "sent":
            yield _sent(story)
        case "delivered":
            yield _delivered(story)
        case "expired":
            yield _expired(story)
        case status:
            yield _ended(story, _OPENINGS.get(status, str(status)))
            if story.get("error") and story["error"]["code"] in _ADVICE:
                yield _ADVICE[story["error"]["code"]]
    if story.get("possible_duplicate"):
        yield "It was sent again after a doubt, so it may have arrived twice."
    if told := _told(story):
        yield told


def _queued(story: Story) -> str:
    submits, waits = _steps(story, "submit"), story.get("waits") or {}
    if waits.get("for") in _WAITING:
        return _WAITING[waits["for"]](story, waits)
    if not submits:
        unfit = _steps(story, "unfit")
        if unfit:
            return f"Waits to be sent; {unfit[-1]['carrier']} can't carry it: {unfit[-1]['reason']}."
        return f"Waits to be sent: no carrier has had it yet{_by_route(story)}."
    last = submits[-1]
    again = f", and is tried again at {_clock(last['next_try_at'])}" if "next_try_at" in last else ""
    match last["outcome"]:
        case "submitting":
            return f"On its way: it was put to {last['bind']}, whose answer is waited for."
        case "in_doubt":
            return f"In doubt: {last['bind']} gave no answer, so nobody knows whether {last['carrier']} has it."
        case "resent":
            return f"Waits to be sent again: {last['bind']} gave no answer the first time."
        case "released":
            return f"Waits to be sent: {last['bind']} went away before it left."
    status = status_in_words(last.get("command_status", "an error"))
    return f"Waits: {last['carrier']} answered {status} at the latest of {_tries(story)}{again}."


def _no_carrier(story: Story, waits: Mapping[str, Any]) -> str:
    since = f" since {_clock(waits['since'])}" if waits["since"] else ""
    why = "; ".join(f"{one['name']}: {one['why']}" for one in waits["carriers"])
    return f"Waits: no carrier of its route can send{since} ({why}). It expires at {_clock(story['expires_at'])}."


def _paused(story: Story, _waits: Mapping[str, Any]) -> str:
    return f"Waits: its campaign is paused. It expires at {_clock(story['expires_at'])}."


def _turn(story: Story, waits: Mapping[str, Any]) -> str:
    before = "" if (tries := len(_steps(story, "submit"))) == 0 else f" again, after {_count(tries, 'try', 'tries')}"
    ready = _count(waits["ahead"], "message is", "messages are")
    end = _clock(story["expires_at"])
    return f"Waits for its turn{before}: {ready} ready in its lane{_by_route(story)}. It expires at {end}."


def _held(_story: Story, waits: Mapping[str, Any]) -> str:
    return f"Held since {_clock(waits['since'])}, when a backup was restored, until an operator releases or ends it."


_WAITING = {"carrier": _no_carrier, "campaign": _paused, "turn": _turn}
"""Others are told by what was tried last."""


def _sent(story: Story) -> str:
    carrier = _taken_by(story)
    by = f"{carrier} took it" if carrier else "A carrier took it"
    at = f" at {_clock(story['sent_at'])}" if story.get("sent_at") else ""
    receipts = _steps(story, "receipt")
    if not receipts:
        return f"Sent: {by}{at}, and has said nothing since."
    state = receipts[-1]["state"]
    return f"Sent: {by}{at} and says that it is {state_in_words(state)}; its end is not told yet."


def _delivered(story: Story) -> str:
    who = next((step["carrier"] for step in reversed(_steps(story, "receipt")) if step["applied"]), _taken_by(story))
    spent = _between(story["created_at"], story["done_at"])
    tries = f", at the last of {_tries(story)}" if story.get("attempts", 1) > story["segments"] else ""
    return f"Delivered: {who or 'the carrier'} said so {spent} after it was accepted{tries}."


def _expired(story: Story) -> str:
    receipt = _deciding_receipt(story)
    if receipt is not None:
        return f"Expired: {receipt['carrier']} took it and could not deliver it within its validity{_why(story)}."
    submits = _steps(story, "submit")
    if not submits:
        return f"Never sent: its validity ended at {_clock(story['expires_at'])} before any carrier had it."
    said = status_in_words(submits[-1].get("command_status", "nothing"))
    return f"Never sent: its validity ended after {_tries(story)}; {submits[-1]['carrier']} answered {said} last."


def _ended(story: Story, opening: str) -> str:
    if story["status"] == "unknown" and _steps(story, "submit") and _steps(story, "submit")[-1]["outcome"] == "sent":
        opening = f"{_taken_by(story)} took it, and nobody knows whether it arrived"
    if story["status"] == "canceled" and story.get("sent_at"):
        opening = "Canceled at the carrier"
    error = story.get("error")
    words = str(error["description"]).rstrip(".") if error else ""
    said = _said(story)
    told = "; ".join(part for part in (words[:1].lower() + words[1:], said) if part)
    return f"{opening}: {told}." if told and story["status"] != "canceled" else f"{opening}."


def _said(story: Story) -> str:
    """What the carrier itself said, in its own codes."""
    receipt = _deciding_receipt(story)
    if receipt is not None:
        err = f" with err {receipt['err']}" if receipt.get("err") else ""
        return f"{receipt['carrier']} said {receipt['state']}{err}"
    refused = [step for step in _steps(story, "submit") if step.get("command_status", "ESME_ROK") != "ESME_ROK"]
    if refused and story["status"] == "failed":
        return f"{refused[-1]['carrier']} answered {status_in_words(refused[-1]['command_status'])}"
    return ""


def _why(story: Story) -> str:
    receipt = _deciding_receipt(story)
    return f" (err {receipt['err']})" if receipt is not None and receipt.get("err") else ""


def _deciding_receipt(story: Story) -> Step | None:
    final = [step for step in _steps(story, "receipt") if step["applied"] and not is_on_the_way(step["state"])]
    return final[-1] if final else None


def _told(story: Story) -> str:
    """Whether its owner has heard of how it stands."""
    name = f"message.{story['status']}"
    tries = [step for step in _steps(story, "webhook") if step.get("type") == name]
    if not tries:
        return ""
    last = tries[-1]
    host = last.get("host", "the endpoint")
    if 200 <= last.get("http_status", 0) < 300:
        return f"The customer's webhook at {host} was told."
    answer = last.get("http_status") or last.get("error") or "nothing"
    got = f"the latest of {_count(len(tries), 'try', 'tries')} got {answer}"
    return f"The customer's webhook at {host} has not been told: {got}{_next_try(story, name)}."


def _next_try(story: Story, name: str) -> str:
    event = next((event for event in story.get("events", ()) if event["type"] == name), None)
    if event is None:
        return ""
    if event["status"] == "failed":
        return ", and it is not tried again unless it is replayed"
    return f", the next is at {_clock(event['next_try_at'])}" if event["next_try_at"] else ""


def _taken_by(story: Story) -> str | None:
    """The carrier that took it last."""
    taken = [step["carrier"] for step in _steps(story, "submit") if step["outcome"] == "sent"]
    return taken[-1] if taken else None


def _steps(story: Story, what: str) -> list[Step]:
    return [step for step in story["timeline"] if step["what"] == what]


def _tries(story: Story) -> str:
    return _count(len(_steps(story, "submit")), "try", "tries")


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _by_route(story: Story) -> str:
    return f" (route {story['route']})" if story.get("route") else ""


def _clock(at: str) -> str:
    return f"{at[:10]} {at[11:19]} UTC"


def _between(start: str, end: str) -> str:
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.0f} h"
