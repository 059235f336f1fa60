"""What an open message waits for: told from where it stands, its route's carriers and what else is ready."""

from typing import Any

import pytest

from gateway.desk.carriers_view import BindView, BreakerView, CarrierView, HeldView
from gateway.desk.waiting import waits
from gateway.messages import ENDED, MessageState
from gateway.rules.timestamps import rfc3339
from gateway.settings import Route
from gateway.store.views import MessageRow, QueueRow

AT = 1_795_284_245_123
ROUTE = Route.model_validate({"name": "rest", "tiers": ["telco", "backup"]})
QUEUES = [QueueRow("otp", "rest", "shop", "", "", 2), QueueRow("otp", "rest", "other", "", "", 3)]
OTHERS = [QueueRow("otp", "spain", "shop", "", "", 7), QueueRow("promotional", "rest", "shop", "", "", 9)]


def a_message(state: MessageState, **changes: Any) -> MessageRow:
    given = dict.fromkeys(MessageRow._fields) | {"id": 1, "lane": "otp", "route": "rest", "state": state, "campaign": 0}
    return MessageRow(**(given | changes))


def a_carrier(name: str, *, able: bool = False, **changes: Any) -> CarrierView:
    bind = BindView(f"{name}/1", "waiting", 10, 10, 0, 0, 0.0, AT, changes.pop("last_error", None))
    return CarrierView(name, able, [bind], **changes)


def of(row: MessageRow, *carriers: CarrierView, **further: Any) -> Any:
    return waits(row, ROUTE, carriers, [*QUEUES, *OTHERS], **further)


@pytest.mark.parametrize("state", sorted(ENDED))
def test_what_has_ended_waits_for_nothing(state: MessageState) -> None:
    assert of(a_message(state)) is None


@pytest.mark.parametrize(
    ("row", "what", "until"),
    [
        (a_message(MessageState.SCHEDULED, scheduled_at=AT), "time", AT),
        (a_message(MessageState.RETRYING, due=AT), "retry", AT),
        (a_message(MessageState.SUBMITTING, due=AT), "answer", None),
        (a_message(MessageState.IN_DOUBT, due=AT), "settling", AT),
        (a_message(MessageState.SENT, due=AT), "receipt", None),
    ],
)
def test_what_was_begun_waits_for_its_next_step(row: MessageRow, what: str, until: int | None) -> None:
    assert of(row) == {"for": what, "since": None, "until": None if until is None else rfc3339(until)}


def test_what_is_ready_waits_for_its_turn_behind_what_else_is_ready_in_its_lane_and_route() -> None:
    told = of(a_message(MessageState.QUEUED), a_carrier("telco", able=True), a_carrier("backup"))
    assert (told["for"], told["ahead"], told["since"]) == ("turn", 5, None)
    assert told["carriers"] == [
        {"name": "telco", "able": True, "why": None},
        {"name": "backup", "able": False, "why": "no bind is up"},
    ]


BREAKER = BreakerView("open", "errors", "errors 0.82 of 40", AT + 7, None)
HELD = HeldView("pause", AT + 9, "operator:anna", "their maintenance")


@pytest.mark.parametrize(
    ("carrier", "why", "since"),
    [
        (a_carrier("telco"), "no bind is up", AT),
        (a_carrier("telco", last_error="refused"), "no bind is up: refused", AT),
        (a_carrier("telco", alarm="ESME_RINVPASWD"), "it refuses our binds: ESME_RINVPASWD", AT),
        (a_carrier("telco", able=True, breaker=BREAKER), "its breaker is open: errors 0.82 of 40", AT + 7),
        (a_carrier("telco", able=True, held=HELD), "paused by operator:anna: their maintenance", AT + 9),
    ],
)
def test_where_no_carrier_can_send_it_says_since_when_and_why(carrier: CarrierView, why: str, since: int) -> None:
    told = of(a_message(MessageState.QUEUED), carrier, a_carrier("elsewhere", able=True))
    assert (told["for"], told["since"]) == ("carrier", rfc3339(since))
    assert told["carriers"] == [{"name": "telco", "able": False, "why": why}]


def test_a_route_is_without_carriers_since_its_last_one_went() -> None:
    late = CarrierView("backup", False, [BindView("backup/1", "waiting", 10, 10, 0, 0, 0.0, AT + 60_000, None)])
    assert of(a_message(MessageState.QUEUED), a_carrier("telco"), late)["since"] == rfc3339(AT + 60_000)


def test_what_belongs_to_a_paused_campaign_waits_for_that() -> None:
    told = of(a_message(MessageState.QUEUED, campaign=7), a_carrier("telco"), campaign_paused=True)
    assert (told["for"], told["campaign_id"][:4]) == ("campaign", "cmp_")


def test_what_a_restore_holds_waits_for_its_release_whatever_else_it_would_wait_for() -> None:
    for state in (MessageState.SCHEDULED, MessageState.QUEUED, MessageState.RETRYING, MessageState.IN_DOUBT):
        assert of(a_message(state), held_since=AT) == {"for": "release", "since": rfc3339(AT), "until": None}


def test_of_a_route_that_is_no_more_nothing_is_said_of_carriers() -> None:
    told = waits(a_message(MessageState.QUEUED), None, [a_carrier("telco")], QUEUES)
    assert told is not None
    assert (told["for"], told["carriers"]) == ("turn", [])
