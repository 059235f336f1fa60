"""A message's page: what became of it in a sentence, then its story step by step, and what can be done about it.

Numbers, text and raw receipts are masked for everybody until an operator reveals them, which the audit keeps first.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from quart import Response

from gateway.api.problems import not_found
from gateway.console.frame import Frame, Route, visitor
from gateway.console.pages.messages import HERE
from gateway.console.telling import chapters_of, told
from gateway.desk.masks import Sight
from gateway.desk.messages import MessagesDesk
from gateway.messages import MessageState, Status
from gateway.store.interface import CancelOutcome

_MAY_BE_CANCELED = frozenset({Status.SCHEDULED, Status.QUEUED, Status.SENT})
_SETTLED = {
    "sent": "Settled: the carrier has it. Its receipt is waited for.",
    "resend": "Settled: it is sent again, marked as a possible duplicate.",
    "unknown": "Settled: it ends as unknown, and its customer is told so.",
}
_CANCELED = {
    CancelOutcome.CANCELED: "Canceled: it is not sent, and its customer is told so.",
    CancelOutcome.ALREADY_CANCELED: "It was canceled already.",
    CancelOutcome.ASKED: "The carrier has it and is asked not to deliver it. What it answers is told below.",
    CancelOutcome.TOO_LATE: "Too late: a carrier has it, or it has ended. It was not canceled.",
}


class MessagePages:
    """`/console/messages/ID`, and what is done to it."""

    def __init__(self, frame: Frame, desk: MessagesDesk) -> None:
        self._frame = frame
        self._desk = desk

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/messages/<id>", self.show),
            Route("POST", "/messages/<id>/reveal", self.reveal, acts=True),
            Route("POST", "/messages/<id>/cancel", self.cancel, acts=True),
            Route("POST", "/messages/<id>/replay", self.replay, acts=True),
            Route("POST", "/messages/<id>/settle", self.settle, acts=True),
        ]

    async def show(self, id: str) -> Response:  # noqa: A002 - the name in the path
        return self._page(await self._desk.story(id, Sight.MASKED), is_whole=False)

    async def reveal(self, id: str) -> Response:  # noqa: A002
        """The same page, with all of it; whoever loads it again is asked for another reveal."""
        return self._page(await self._desk.reveal(id, visitor().by()), is_whole=True)

    def _page(self, story: Mapping[str, Any] | None, *, is_whole: bool) -> Response:
        if story is None:
            raise not_found("message")
        in_doubt = story["state"] == MessageState.IN_DOUBT.name.lower()
        return self._frame.page(
            "message.html",
            title="Message",
            active="messages",
            story=story,
            here=f"{HERE}/{story['id']}",
            events=[
                {**event, "told": str(event["type"]).removeprefix("message.").replace("_", " ")}
                for event in story["events"]
            ],
            chapters=chapters_of(told(story)),
            is_whole=is_whole,
            in_doubt=in_doubt,
            word="in_doubt" if in_doubt else story["status"],
            may_be_canceled=Status(story["status"]) in _MAY_BE_CANCELED and not in_doubt,
            can_be_told=any(event["status"] != "pending" for event in story["events"]),
        )

    async def cancel(self, id: str) -> Response:  # noqa: A002
        outcome = await self._desk.cancel(id, visitor().by())
        if outcome is CancelOutcome.NOT_FOUND:
            raise not_found("message")
        return self._done(id, _CANCELED[outcome], is_error=outcome is CancelOutcome.TOO_LATE)

    async def replay(self, id: str) -> Response:  # noqa: A002
        replayed = await self._desk.replay(id, visitor().by())
        if replayed is None:
            raise not_found("message")
        return self._done(id, _told_again(replayed))

    async def settle(self, id: str) -> Response:  # noqa: A002
        outcome = (await self._frame.form()).get("outcome", "")
        if outcome not in _SETTLED:
            return self._done(id, "Say how the doubt ends. Nothing was settled.", is_error=True)
        if not await self._desk.settle(id, outcome, visitor().by()):
            return self._done(id, "It is not in doubt any more. Nothing was settled.", is_error=True)
        return self._done(id, _SETTLED[outcome])

    def _done(self, id: str, words: str, *, is_error: bool = False) -> Response:  # noqa: A002
        return self._frame.done(f"{HERE}/{quote(id, safe='')}", words, is_error=is_error)


def _told_again(events: int) -> str:
    """What a replay did, for people."""
    if events == 0:
        return "No event is told again: none has ended so far."
    return "1 event is told again." if events == 1 else f"{events} events are told again, in their order."
