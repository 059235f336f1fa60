"""How each kind of step of a message's timeline reads: in words that support staff can read out on the telephone. Pure.

The steps are those of GET /v1/sms/{id} (gateway/api/steps.py), and what was done by hand.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from gateway.console.doings import in_words, label_of
from gateway.console.told import Kind, Mood, Told, span

Step = Mapping[str, Any]


def tell(step: Step, story: Mapping[str, Any]) -> Iterator[Told]:
    """One step of the story; a submit that was answered makes two."""
    return _TELLERS.get(step["what"], _other)(step, story)


def _later(at: str, latency_ms: int) -> str:
    moment = datetime.fromisoformat(at) + timedelta(milliseconds=latency_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _accepted(step: Step, story: Mapping[str, Any]) -> Iterator[Told]:
    facts = [("Request", step["request_id"])] if step.get("request_id") else []
    if step.get("options"):
        facts.append(("Asked for", ", ".join(step["options"])))
    account = story.get("account")
    title = f"Accepted from {account}" if account else "Accepted"
    yield Told(step["at"], Kind.ACCEPTED, Mood.GOOD, title, "On disk before the caller was told so.", tuple(facts))


def _scheduled(step: Step, story: Mapping[str, Any]) -> Iterator[Told]:
    yield Told(step["at"], Kind.WAITING, Mood.CALM, "Waits for its schedule", then=("To be sent at", step["schedule"]))


def _queued(step: Step, story: Mapping[str, Any]) -> Iterator[Told]:
    yield Told(step["at"], Kind.WAITING, Mood.CALM, "Its time came", "It waits for a free slot of a carrier.")


def _unfit(step: Step, story: Mapping[str, Any]) -> Iterator[Told]:
    words = f"{_sentence(step.get('reason', ''))}It went back unsent, for another carrier."
    yield Told(step["at"], Kind.RETRY, Mood.WARN, f"{step['carrier']} can't carry it", words)


def _submit(step: Step, story: Mapping[str, Any]) -> Iterator[Told]:
    again = f"Try {step['attempt']}. " if step["attempt"] > 1 else ""
    title = f"Put to {step['carrier']}" + (" again" if step["attempt"] > 1 else "")
    open_words = "No answer so far." if step["outcome"] == "submitting" else ""
    facts = [*_part_facts(step, story), ("Bind", step["bind"])]
    yield Told(step["at"], Kind.SUBMIT, Mood.CALM, title, f"{again}{open_words}".strip(), tuple(facts))
    if step["outcome"] != "submitting":
        yield _answer(step, story)


def _answer(step: Step, story: Mapping[str, Any]) -> Told:
    kind, mood, title, words = _ANSWERS.get(step["outcome"], _ANSWER_UNKNOWN)
    facts = _part_facts(step, story)
    if step.get("command_status"):
        facts.append(("Answer", step["command_status"]))
    elif step["outcome"] == "sent":
        title, words = "{carrier} has it", "Its answer never came, but a receipt or a person shows that it was taken."
    if step.get("carrier_message_id"):
        facts.append(("Carrier's id", step["carrier_message_id"]))
    latency = step.get("latency_ms")
    at = step["at"] if latency is None else _later(step["at"], latency)
    then = ("Tried again from", step["next_try_at"]) if step.get("next_try_at") else None
    title = title.replace("{carrier}", step["carrier"], 1)
    return Told(at, kind, mood, title, words, tuple(facts), then, is_timed=latency is not None)


def _part_facts(step: Step, story: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Which part it is about, where there are several."""
    return [("Part", f"{step['part']} of {story['segments']}")] if story["segments"] > 1 else []


_ANSWERS: dict[str, tuple[Kind, Mood, str, str]] = {
    "sent": (Kind.ANSWER, Mood.GOOD, "{carrier} took it", "Now the carrier has to deliver it, and to say how it went."),
    "throttled": (
        Kind.RETRY,
        Mood.WARN,
        "{carrier} asked for less",
        "Nothing is wrong with the message: the carrier takes no more just now. It waits and is tried again.",
    ),
    "temporary_error": (
        Kind.RETRY,
        Mood.WARN,
        "{carrier} could not take it",
        "The carrier's trouble, not the message's. It waits and is tried again.",
    ),
    "refused": (
        Kind.ANSWER,
        Mood.BAD,
        "{carrier} refused it",
        "That is final: the same message would be refused again.",
    ),
    "in_doubt": (
        Kind.DOUBT,
        Mood.WARN,
        "No answer: in doubt",
        "It was written, and nobody knows whether it arrived. An answer or a receipt may still tell.",
    ),
    "released": (
        Kind.RETRY,
        Mood.CALM,
        "It never left",
        "The connection went first. It is known unsent, and waits again.",
    ),
    "resent": (
        Kind.DOUBT,
        Mood.WARN,
        "No answer: sent again",
        "Nobody knows whether this try arrived, so the message may come twice.",
    ),
    "unknown": (
        Kind.DOUBT,
        Mood.BAD,
        "No answer ever came",
        "It may have arrived or not. It is not sent a second time.",
    ),
}
_ANSWER_UNKNOWN = (Kind.ANSWER, Mood.CALM, "{carrier} answered", "")

_RECEIPTS: dict[str, tuple[Mood, str]] = {
    "DELIVRD": (Mood.GOOD, "{carrier} says: delivered"),
    "UNDELIV": (Mood.BAD, "{carrier} says: not delivered"),
    "EXPIRED": (Mood.BAD, "{carrier} says: expired before it could be delivered"),
    "REJECTD": (Mood.BAD, "{carrier} says: rejected"),
    "DELETED": (Mood.WARN, "{carrier} says: deleted"),
    "ACCEPTD": (Mood.CALM, "{carrier} says: accepted, on its way"),
    "ENROUTE": (Mood.CALM, "{carrier} says: on its way"),
    "SCHEDULED": (Mood.CALM, "{carrier} says: waits for its time"),
    "SKIPPED": (Mood.WARN, "{carrier} says: skipped"),
    "UNKNOWN": (Mood.WARN, "{carrier} does not know what became of it"),
}
_ON_ITS_WAY = frozenset({"ACCEPTD", "ENROUTE", "SCHEDULED", "UNKNOWN"})
_MATCHED = {
    "doubt": "It was the only message that the receipt could be about, so it settles the doubt.",
    "parked": "It came before the carrier's answer and was kept until then.",
    "converted": "The carrier wrote its id in another base.",
    "query_sm": "Said when it was asked.",
    "reference": "Found by our own reference.",
}


def _receipt(step: Step, story: Mapping[str, Any]) -> Iterator[Told]:
    mood, title = _RECEIPTS.get(step["state"], (Mood.WARN, f"{{carrier}} says: {step['state']}"))
    words = [_MATCHED[step["matched"]]] if step.get("matched") in _MATCHED else []
    if not step["applied"]:
        if step["state"] in _ON_ITS_WAY:
            words.append("It tells of no end.")
        else:
            mood = Mood.WARN
            words.append("It contradicts what stands already: kept, and changes nothing.")
    facts = [*_part_facts(step, story), ("State", step["state"])]
    if step.get("err"):
        facts.append(("Carrier's error code", step["err"]))
    if "raw" in step and step["raw"] is None:
        facts.append(("As the carrier sent it", "hidden, as it may quote the text"))
    title = title.replace("{carrier}", step["carrier"], 1)
    yield Told(step["at"], Kind.RECEIPT, mood, title, " ".join(words), tuple(facts), raw=step.get("raw") or None)


def _question(step: Step, story: Mapping[str, Any]) -> Iterator[Told]:
    cancel = step["what"] == "cancel_sm"
    title = f"Asked {step['carrier']} " + ("not to deliver it" if cancel else "what became of it")
    words, mood = {
        "accepted": ("The carrier agreed." if cancel else "The carrier answered.", Mood.GOOD),
        "refused": ("The carrier would not." if cancel else "The carrier could not say.", Mood.WARN),
    }.get(step["outcome"], ("No answer came.", Mood.WARN))
    facts = [(label, str(step[name])) for label, name in _QUESTION_FACTS if step.get(name) is not None]
    yield Told(step["at"], Kind.QUESTION, mood, title, words, tuple(facts))


_QUESTION_FACTS = (("State", "state"), ("Answer", "command_status"), ("Bind", "bind"))


def _webhook(step: Step, story: Mapping[str, Any]) -> Iterator[Told]:
    status = step.get("http_status")
    taken = status is not None and 200 <= status < 300
    about = str(step["type"]).removeprefix("message.").replace("_", " ")
    title = f"Customer told: {about}" if taken else f"Customer could not be told: {about}"
    words = "" if taken else _sentence(step.get("error") or f"The endpoint answered {status}").strip()
    facts = [("Webhook", str(step.get("host", "")))] if step.get("host") else []
    facts += [("HTTP status", "none" if status is None else str(status)), ("Took", span(step["latency_ms"] / 1000))]
    if step["attempt"] > 1:
        facts.append(("Try", str(step["attempt"])))
    facts.append(("Event", step["event_id"]))
    yield Told(step["at"], Kind.WEBHOOK, Mood.GOOD if taken else Mood.WARN, title, words, tuple(facts))


_ENDS: dict[str, tuple[Mood, str]] = {
    "canceled": (Mood.CALM, "Canceled before it was sent"),
    "expired": (Mood.BAD, "Its validity ended"),
    "opted_out": (Mood.WARN, "Not sent: the recipient opted out"),
    "failed": (Mood.BAD, "Given up"),
    "unknown": (Mood.BAD, "Ended without knowing whether it arrived"),
}


def _end(step: Step, story: Mapping[str, Any]) -> Iterator[Told]:
    mood, title = _ENDS[step["what"]]
    facts = (("Cause", step["code"]),) if step.get("code") else ()
    yield Told(step["at"], Kind.END, mood, title, step.get("reason") or "", facts)


def _by_hand(step: Step, story: Mapping[str, Any]) -> Iterator[Told]:
    title = f"{label_of(str(step['who']))} {in_words(str(step['did']))}"
    facts = [(label, str(step[name])) for label, name in _BY_HAND_FACTS if step.get(name) is not None]
    yield Told(step["at"], Kind.BY_HAND, Mood.CALM, title, "", tuple(facts))


_BY_HAND_FACTS = (("Outcome", "outcome"), ("Request", "request_id"))


def _other(step: Step, story: Mapping[str, Any]) -> Iterator[Told]:
    yield Told(
        step["at"], Kind.WAITING, Mood.CALM, _capital(str(step["what"]).replace("_", " ")), step.get("reason", "")
    )


def _sentence(words: str) -> str:
    """With a capital and a full stop, and a blank for what follows."""
    return f"{_capital(words).rstrip('.')}. " if words else ""


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


_Teller = Callable[[Step, Mapping[str, Any]], Iterator[Told]]
_TELLERS: dict[str, _Teller] = {
    "accepted": _accepted,
    "scheduled": _scheduled,
    "queued": _queued,
    "unfit": _unfit,
    "submit": _submit,
    "receipt": _receipt,
    "query_sm": _question,
    "cancel_sm": _question,
    "webhook": _webhook,
    "by_hand": _by_hand,
    **dict.fromkeys(_ENDS, _end),
}
