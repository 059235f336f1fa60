"""A message's page over a desk that answers as it is told: what it offers, to whom, and what it says was done."""

from typing import Any

import pytest
from console_callers import ConsoleCaller

from gateway.console.pages.message import MessagePages
from gateway.desk.masks import Sight
from gateway.identifiers import MESSAGE, public
from gateway.store.by import By
from gateway.store.interface import CancelOutcome

ID = public(MESSAGE, 7 << 20)
PAGE = f"/console/messages/{ID}"
AT = "2026-11-22T09:30:00.000Z"
STORY: dict[str, Any] = {
    "id": ID,
    "account": "shop",
    "client_id": None,
    "status": "queued",
    "state": "queued",
    "from": "SHOP",
    "to": "+34•••••••01",
    "text": None,
    "lane": "otp",
    "encoding": "gsm7",
    "segments": 1,
    "campaign_id": None,
    "variant": None,
    "tag": None,
    "schedule": None,
    "expires_at": AT,
    "created_at": AT,
    "route": "rest",
    "country": "ES",
    "error": None,
    "sent_at": None,
    "done_at": None,
    "text_erased_at": None,
    "parts": [],
    "events": [],
    "summary": "Waits for its turn.",
    "timeline": [{"at": AT, "what": "accepted", "request_id": "req_1"}],
}


class Desk:
    """One message, and what was asked to be done to it."""

    def __init__(self) -> None:
        self.story_told: dict[str, Any] | None = STORY
        self.outcome = CancelOutcome.CANCELED
        self.replayed: int | None = 2
        self.is_settled = True
        self.done: list[tuple[Any, ...]] = []

    async def story(self, id: str, sight: Sight) -> dict[str, Any] | None:  # noqa: A002
        assert sight is Sight.MASKED
        return self.story_told

    async def reveal(self, id: str, by: By) -> dict[str, Any] | None:  # noqa: A002
        self.done.append(("reveal", id, by.who))
        return None if self.story_told is None else self.story_told | {"to": "+34600000001", "text": "Hello"}

    async def cancel(self, id: str, by: By) -> CancelOutcome:  # noqa: A002
        self.done.append(("cancel", id, by.who))
        return self.outcome

    async def replay(self, id: str, by: By) -> int | None:  # noqa: A002
        self.done.append(("replay", id, by.who))
        return self.replayed

    async def settle(self, id: str, outcome: str, by: By) -> bool:  # noqa: A002
        self.done.append(("settle", id, outcome, by.who))
        return self.is_settled


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def pages(desk: Desk) -> Any:
    return lambda frame, settings: MessagePages(frame, desk)


def story(**members: Any) -> dict[str, Any]:
    return STORY | members


async def test_the_page_begins_with_what_became_of_the_message(desk: Desk, operator: ConsoleCaller) -> None:
    await operator.get(PAGE)
    assert "Waits for its turn." in operator.last
    assert "+34•••••••01" in operator.last
    assert "Accepted from shop" in operator.last


@pytest.mark.parametrize(
    ("members", "offered", "not_offered"),
    [
        ({}, ["cancel", "reveal"], ["settle", "replay"]),
        ({"status": "delivered", "state": "delivered"}, ["reveal"], ["cancel", "settle"]),
        ({"state": "in_doubt"}, ["settle", "reveal"], ["cancel"]),
        ({"status": "sent", "state": "sent"}, ["cancel"], ["settle"]),
    ],
)
async def test_what_can_be_done_follows_from_where_the_message_stands(
    desk: Desk, operator: ConsoleCaller, members: dict[str, Any], offered: list[str], not_offered: list[str]
) -> None:
    desk.story_told = story(**members)
    await operator.get(PAGE)
    assert all(f'action="{PAGE}/{what}"' in operator.last for what in offered)
    assert not any(f'action="{PAGE}/{what}"' in operator.last for what in not_offered)


@pytest.mark.parametrize(("status", "is_offered"), [("pending", False), ("delivered", True), ("failed", True)])
async def test_events_that_have_ended_can_be_told_again(
    desk: Desk, operator: ConsoleCaller, status: str, is_offered: bool
) -> None:
    event = {"id": "evt_1", "type": "message.sent", "status": status, "attempts": 1, "next_try_at": None}
    desk.story_told = story(events=[event])
    await operator.get(PAGE)
    assert (f'action="{PAGE}/replay"' in operator.last) is is_offered


async def test_an_event_that_was_taken_is_told_whatever_became_of_the_message(
    desk: Desk, operator: ConsoleCaller
) -> None:
    event = {"id": "evt_1", "type": "message.undelivered", "status": "delivered", "attempts": 1, "next_try_at": None}
    desk.story_told = story(status="undelivered", state="undelivered", events=[event])
    await operator.get(PAGE)
    row = operator.last.partition('data-label="Event">undelivered')[2].partition("</tr>")[0]
    assert '<span class="badge good">told</span>' in row


async def test_a_cause_and_the_carriers_codes_stand_apart(desk: Desk, operator: ConsoleCaller) -> None:
    code = {"receipt_state": "UNDELIV", "err": "001"}
    error = {"class": "permanent", "code": "unknown_subscriber", "description": "", "carrier_code": code}
    desk.story_told = story(status="undelivered", state="undelivered", error=error)
    await operator.get(PAGE)
    assert "permanent</span> <span" in operator.last


async def test_a_viewer_is_offered_nothing(desk: Desk, viewer: ConsoleCaller) -> None:
    desk.story_told = story(state="in_doubt")
    await viewer.get(PAGE)
    assert f'action="{PAGE}' not in viewer.last
    assert "operators may show it" in viewer.last


async def test_a_reveal_shows_all_of_it_on_that_page_alone(desk: Desk, operator: ConsoleCaller) -> None:
    await operator.get(PAGE)
    answer = await operator.post(f"{PAGE}/reveal")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert "+34600000001" in operator.last
    assert "Hello" in operator.last
    assert desk.done == [("reveal", ID, "operator:anna")]
    await operator.get(PAGE)
    assert "+34600000001" not in operator.last


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (CancelOutcome.CANCELED, "it is not sent"),
        (CancelOutcome.ALREADY_CANCELED, "canceled already"),
        (CancelOutcome.ASKED, "asked not to deliver it"),
        (CancelOutcome.TOO_LATE, "Too late"),
    ],
)
async def test_a_cancel_says_what_came_of_it(
    desk: Desk, operator: ConsoleCaller, outcome: CancelOutcome, words: str
) -> None:
    desk.outcome = outcome
    await operator.get(PAGE)
    answer = await operator.post(f"{PAGE}/cancel")
    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
    await operator.get(PAGE)
    assert words in operator.last


@pytest.mark.parametrize(("replayed", "words"), [(0, "none has ended"), (1, "1 event is"), (3, "3 events are")])
async def test_a_replay_says_how_many_are_told_again(
    desk: Desk, operator: ConsoleCaller, replayed: int, words: str
) -> None:
    desk.replayed = replayed
    await operator.get(PAGE)
    await operator.post(f"{PAGE}/replay")
    await operator.get(PAGE)
    assert words in operator.last


@pytest.mark.parametrize("outcome", ["sent", "resend", "unknown"])
async def test_a_doubt_is_settled_as_it_was_said(desk: Desk, operator: ConsoleCaller, outcome: str) -> None:
    await operator.get(PAGE)
    await operator.post(f"{PAGE}/settle", {"outcome": outcome})
    assert desk.done == [("settle", ID, outcome, "operator:anna")]
    await operator.get(PAGE)
    assert "Settled" in operator.last


async def test_a_doubt_that_is_none_any_more_is_not_settled(desk: Desk, operator: ConsoleCaller) -> None:
    desk.is_settled = False
    await operator.get(PAGE)
    await operator.post(f"{PAGE}/settle", {"outcome": "sent"})
    await operator.get(PAGE)
    assert "not in doubt any more" in operator.last


async def test_an_outcome_that_nobody_offers_settles_nothing(desk: Desk, operator: ConsoleCaller) -> None:
    await operator.get(PAGE)
    await operator.post(f"{PAGE}/settle", {"outcome": "delivered"})
    assert desk.done == []
    await operator.get(PAGE)
    assert "Nothing was settled" in operator.last


async def test_a_message_that_is_not_there_is_404(desk: Desk, operator: ConsoleCaller) -> None:
    await operator.get(PAGE)
    csrf = {"csrf": operator.csrf}
    desk.story_told, desk.outcome, desk.replayed = None, CancelOutcome.NOT_FOUND, None
    assert (await operator.get(PAGE)).status_code == 404
    for what in ("reveal", "cancel", "replay"):
        assert (await operator.call("POST", f"{PAGE}/{what}", csrf)).status_code == 404
