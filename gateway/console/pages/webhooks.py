"""The webhooks' pages: every endpoint with its lag, the sickest first; and one's page, with its account's outbox."""

from collections.abc import Mapping
from typing import Any

from quart import Response

from gateway.api.problem_types import NOT_FOUND
from gateway.api.problems import Problem, invalid_field
from gateway.console.ages import age
from gateway.console.frame import Frame, Route, visitor
from gateway.desk.cursors import position_of
from gateway.desk.endpoints import EndpointsDesk
from gateway.desk.events import STATUSES, EventsDesk
from gateway.identifiers import MESSAGE, internal, now_ms
from gateway.rules.faults import FaultCode
from gateway.rules.timestamps import parse_rfc3339
from gateway.store.policy import shown

_HERE = "/console/webhooks"
_SHOWN = 50
_NO_MESSAGE = 0
_LATE_MS = 60_000
"""What has waited for so long is called late."""


class WebhooksPages:
    """`/console/webhooks`, the page of one, and its actions."""

    def __init__(self, frame: Frame, endpoints: EndpointsDesk, events: EventsDesk) -> None:
        self._frame = frame
        self._endpoints = endpoints
        self._events = events

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/webhooks", self.list_all),
            Route("GET", "/webhooks/<int:id>", self.one),
            Route("POST", "/webhooks/<int:id>/enable", self.enable, acts=True),
            Route("POST", "/webhooks/<int:id>/replay", self.replay, acts=True),
            Route("POST", "/webhooks/<int:id>/events/<event>/replay", self.replay_event, acts=True),
        ]

    async def list_all(self) -> Response:
        now = now_ms()
        endpoints = sorted((look(one, now) for one in await self._endpoints.all()), key=lambda one: one["rank"])
        return self._frame.page("webhooks.html", title="Webhooks", active="webhooks", endpoints=endpoints)

    async def one(self, id: int) -> Response:  # noqa: A002 - the name in the path
        endpoint = look(await self._found(id), now_ms())
        asked = self._frame.query()
        page = await self._events.list(
            "" if endpoint["account"] == shown("") else endpoint["account"],
            [asked["status"]] if asked.get("status") in STATUSES else None,
            [asked["type"]] if asked.get("type") else None,
            _message(asked.get("message")),
            limit=_SHOWN,
            cursor=position_of(asked.get("cursor", "")),
        )
        return self._frame.page(
            "webhook.html",
            title=f"Webhook of {endpoint['account']}",
            active="webhooks",
            endpoint=endpoint,
            events=page["entities"],
            next_cursor=page["next_cursor"],
            asked=asked,
            statuses=STATUSES,
        )

    async def enable(self, id: int) -> Response:  # noqa: A002
        if not await self._endpoints.enable(id, visitor().by()):
            raise _none()
        return self._frame.done(f"{_HERE}/{id}", "The endpoint is back in service: what waits is told now.")

    async def replay(self, id: int) -> Response:  # noqa: A002
        form = await self._frame.form()
        after, before = minute(form.get("after", "")), minute(form.get("before", ""))
        replayed = await self._endpoints.replay(id, after, before, form.get("which") != "all", visitor().by())
        return self._told_again(id, replayed)

    async def replay_event(self, id: int, event: str) -> Response:  # noqa: A002
        return self._told_again(id, await self._events.replay(event, visitor().by()))

    def _told_again(self, id: int, events: int | None) -> Response:  # noqa: A002
        if events is None:
            raise _none()
        words = {0: "No event is told again: there was none of that kind.", 1: "1 event is told again."}
        return self._frame.done(f"{_HERE}/{id}", words.get(events, f"{events:,} events are told again."))

    async def _found(self, id: int) -> Mapping[str, Any]:  # noqa: A002
        for endpoint in await self._endpoints.all():
            if endpoint["id"] == id:
                return endpoint
        raise _none()


def _none() -> Problem:
    return Problem(NOT_FOUND, "There is no such endpoint or event (any more).")


def _message(public_id: str | None) -> int | None:
    """None: whichever. What is no message's id finds nothing."""
    return None if public_id is None else internal(MESSAGE, public_id.strip()) or _NO_MESSAGE


def minute(text: str) -> int | None:
    """Milliseconds of what a browser sends of a field of date and time, read as UTC; None: it was left empty.

    Raises a Problem 422 for what no such field gives.
    """
    if not text:
        return None
    at = parse_rfc3339(f"{text}:00Z" if len(text) == len("2026-11-22T18:00") else f"{text}Z")
    if at is None or at < 0:
        raise invalid_field("time", "is no time such as 2026-11-22T18:00", FaultCode.NOT_A_TIME.value)
    return at


def look(endpoint: Mapping[str, Any], now: int) -> dict[str, Any]:
    """An endpoint with a word and a mood; the sickest have the lowest rank."""
    rank, mood, word = _standing(endpoint)
    return {
        **endpoint,
        "rank": (rank, -endpoint["pending"], endpoint["account"], endpoint["url"]),
        "mood": mood,
        "word": word,
        "oldest": age(endpoint["oldest_pending_at"], now),
        "success": age(endpoint["last_success_at"], now),
        "failure": age(endpoint["last_failure_at"], now),
    }


def _standing(endpoint: Mapping[str, Any]) -> tuple[int, str, str]:
    if not endpoint["enabled"]:
        return 0, "bad", "disabled"
    if endpoint["consecutive_failures"]:
        return 1, "bad", "failing"
    if endpoint["pending"] and endpoint["lag"] is not None and endpoint["lag"] * 1000 >= _LATE_MS:
        return 2, "warn", "late"
    if endpoint["failed"]:
        return 3, "warn", "has failed events"
    if endpoint["last_success_at"] is None:
        return 5, "calm", "not used yet"
    return 4, "good", "well"
