"""The carriers' page: each carrier with why it can or can't send, its binds, and what an operator may do to it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from quart import Response

from gateway.api.problem_types import NOT_FOUND
from gateway.api.problems import Problem
from gateway.console.ages import age, until
from gateway.console.frame import Frame, Route, visitor
from gateway.desk.carriers import CarriersDesk
from gateway.identifiers import now_ms

CARD = "/console/carriers#carrier-{}"
"""Where the carrier of this name is. Without the prefix a name could be an id that each page has: `confirm`, `main`."""
_MOOD_OF_BIND = {"bound": "good", "paused": "warn", "closed": "calm"}
_HELD = {
    "pause": ("paused", "It gets no work; its binds stay up, and other carriers of its routes take over."),
    "drain": ("drained", "It gets no work and unbinds once its answers are in; it stays unbound until resumed."),
}
_CAUSES = {
    "errors": "too many errors",
    "latency": "slow answers",
    "silence": "no receipts",
    "stopped": "no answers",
    None: "it was down",
}
_BREAKER = {
    "open": "Its breaker is open",
    "half_open": "Its breaker tries it with a few messages",
    "returning": "Its breaker lets it back step by step",
}


class CarriersPages:
    """`/console/carriers` and its actions."""

    def __init__(self, frame: Frame, desk: CarriersDesk) -> None:
        self._frame = frame
        self._desk = desk

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/carriers", self.show),
            Route("POST", "/carriers/<name>/pause", self.pause, acts=True),
            Route("POST", "/carriers/<name>/drain", self.drain, acts=True),
            Route("POST", "/carriers/<name>/resume", self.resume, acts=True),
            Route("POST", "/carriers/<name>/rebind", self.rebind, acts=True),
        ]

    async def show(self) -> Response:
        now = now_ms()
        carriers = sorted((look(one, now) for one in self._desk.all()), key=lambda one: one["rank"])
        return self._frame.page(
            "carriers.html", title="Carriers", active="carriers", carriers=carriers, sum=summed(carriers)
        )

    async def pause(self, name: str) -> Response:
        why = (await self._frame.form()).get("why", "").strip()
        return self._done(name, await self._desk.pause(name, visitor().by(), why), f"{name} is paused.")

    async def drain(self, name: str) -> Response:
        why = (await self._frame.form()).get("why", "").strip()
        words = f"{name} drains: it unbinds once its answers are in."
        return self._done(name, await self._desk.drain(name, visitor().by(), why), words)

    async def resume(self, name: str) -> Response:
        return self._done(name, await self._desk.resume(name, visitor().by()), f"{name} takes its share again.")

    async def rebind(self, name: str) -> Response:
        words = f"The binds of {name} that are down are tried now."
        return self._done(name, await self._desk.rebind(name, visitor().by()), words)

    def _done(self, name: str, is_known: bool, words: str) -> Response:
        if not is_known:
            raise Problem(NOT_FOUND, "There is no carrier of this name (any more).")
        return self._frame.done(CARD.format(name), words)


def summed(carriers: Sequence[Mapping[str, Any]]) -> str:
    """All of them in one line."""
    moods = Counter(one["mood"] for one in carriers)
    words = [("bad", "sick"), ("warn", "not wholly well"), ("calm", "held"), ("good", "well")]
    return ", ".join(f"{moods[mood]} {told}" for mood, told in words if moods[mood])


def look(carrier: Mapping[str, Any], now: int) -> dict[str, Any]:
    """A carrier as its card shows it: a word with a mood, and why in sentences. The sickest have the lowest rank."""
    held, breaker = carrier["held"], carrier["breaker"]
    binds = [_bind(one, now, is_wanted=held is None or held["how"] != "drain") for one in carrier["binds"]]
    up = sum(one["is_up"] for one in binds)
    rank, mood, word = _standing(carrier, up, len(binds))
    return {
        "name": carrier["name"],
        "rank": (rank, carrier["name"]),
        "mood": mood,
        "word": word,
        "up": up,
        "binds": binds,
        "held": held and {**held, "means": _HELD[held["how"]][1], "lasts": age(held["since"], now)},
        "why": _reasons(carrier, up, now),
        "can_resume": held is not None,
        "can_rebind": (held is None or held["how"] == "pause")
        and (up < len(binds) or (breaker is not None and breaker["state"] == "open")),
        "errors": sorted(carrier["errors"].items(), key=lambda one: -one[1]),
    }


def _standing(carrier: Mapping[str, Any], up: int, binds: int) -> tuple[int, str, str]:
    """Rank, mood and word."""
    held, breaker = carrier["held"], carrier["breaker"]
    if held is not None:
        word = _HELD[held["how"]][0]
        return 3, "calm", "draining" if word == "drained" and up else word
    if carrier["alarm"] is not None:
        return 0, "bad", "refuses us"
    if not carrier["able"]:
        return 0, "bad", "can't send"
    if breaker is not None and breaker["state"] == "open":
        return 1, "bad", "breaker open"
    if breaker is not None and breaker["state"] != "closed":
        return 2, "warn", "coming back"
    if up < binds:
        return 2, "warn", "partly up"
    return 4, "good", "sending"


def _reasons(carrier: Mapping[str, Any], up: int, now: int) -> list[str]:
    """Why it has not its whole share, a sentence each."""
    reasons = []
    if carrier["alarm"] is not None:
        reasons.append(f"It refuses every bind with {carrier['alarm']}: mend the settings, or ask the carrier.")
    elif not carrier["able"] and carrier["held"] is None:
        last = next((one["last_error"] for one in carrier["binds"] if one["last_error"]), None)
        reasons.append(f"No bind can send{f': {last}' if last else ''}. Other carriers of its routes take over.")
    elif up < len(carrier["binds"]) and carrier["held"] is None:
        reasons.append(f"{len(carrier['binds']) - up} of {len(carrier['binds'])} binds are not up.")
    breaker = carrier["breaker"]
    if breaker is not None and breaker["state"] != "closed":
        reasons.append(_breaker(breaker, now))
    return reasons


def _breaker(breaker: Mapping[str, Any], now: int) -> str:
    cause = _CAUSES.get(breaker["cause"], breaker["cause"])
    detail = f" ({breaker['detail']})" if breaker["detail"] else ""
    again = until(breaker["retry_at"], now)
    return (
        f"{_BREAKER[breaker['state']]} for {age(breaker['since'], now)}: {cause}{detail}."
        f"{f' Tried again in {again}.' if again else ''}"
    )


def _bind(bind: Mapping[str, Any], now: int, *, is_wanted: bool) -> dict[str, Any]:
    is_up = bind["state"] in ("bound", "paused")
    return {
        **bind,
        "is_up": is_up,
        "mood": _MOOD_OF_BIND.get(bind["state"], "bad" if is_wanted else "calm"),
        "lasts": age(bind["since"], now),
        "uptime": age(bind["bound_since"], now),
        "pace": f"{bind['submit_rate']:g}/s" if bind["submit_rate"] else "no limit",
        "latency": f"{bind['latency_ms']:,} ms" if bind["latency_ms"] else None,
    }
