"""What is told to be wrong, in which order, with what to do and where."""

from pathlib import Path
from typing import Any

import pytest

from gateway.console.amiss import REMEDIES, Amiss
from gateway.console.pages.overview import amiss_rendered
from gateway.console.rendering import Templates, static_files
from gateway.desk.carriers_view import CarrierView, HeldView
from gateway.flows.alarms import Raised
from gateway.rules.alarms import ALARMS
from gateway.settings.alerts import OperatorEvent


def a_carrier(name: str, *, able: bool = True, held: HeldView | None = None) -> CarrierView:
    return CarrierView(name, able, [], held=held)


class Told:
    """Of alarms and of the store."""

    def __init__(self) -> None:
        self.now: list[Raised] = []
        self.doubts_seen = 0
        self.refused: str | None = None
        self.held: dict[str, Any] | None = None
        self.draining = False

    def raised(self) -> list[Raised]:
        return self.now

    def refusal(self) -> str | None:
        return self.refused

    def amiss(self, *carriers: CarrierView) -> Amiss:
        return Amiss(self, self, lambda: carriers, lambda: self.held, lambda: self.draining)


def test_nothing_is_wrong_where_nothing_is() -> None:
    assert Told().amiss(a_carrier("telco")).findings() == []


def test_that_nothing_is_wrong_is_said_of_the_house_and_not_of_messages() -> None:
    words = amiss_rendered(Templates(static_files()), [])
    assert "No alarms: the gateway, its carriers and webhooks are well." in words


def test_what_is_wrong_is_told_the_worst_first_with_what_to_do() -> None:
    told = Told()
    told.now = [
        Raised(OperatorEvent.RECEIPTS_LOW, "telco", 1000, {}),
        Raised(OperatorEvent.CARRIER_DOWN, "away", 2000, {}),
    ]
    told.doubts_seen, told.refused, told.draining = 2, "disk", True
    told.now.append(Raised(OperatorEvent.QUEUE_HELD, "queue", 1000, {}))
    told.held = {"total": 1200, "since": "2026-11-22T18:04:05.123Z"}
    pause = HeldView("pause", 3000, "operator:anna", "they asked")
    findings = told.amiss(
        a_carrier("telco"),
        a_carrier("away", able=False),
        a_carrier("new", able=False),
        a_carrier("quiet", able=False, held=pause),
    ).findings()
    assert [(one.tone, one.words) for one in findings] == [
        ("bad", "No message is taken: the disk is full to its reserve."),
        ("bad", "Carrier away can't send: none of its binds is up."),
        ("bad", "Carrier new can't send: none of its binds is up."),
        ("warn", "A restored queue is held: 1,200 messages wait for you to release or end them."),
        ("warn", "The gateway drains: no new message is taken."),
        ("warn", "Carrier telco sends fewer receipts than is usual for it."),
        ("warn", "2 messages are in doubt."),
        ("calm", "Carrier quiet is paused by anna: they asked"),
    ]
    assert all(one.todo and one.href.startswith("/console") for one in findings)


def test_other_pages_tell_the_worst_and_what_is_held_in_short() -> None:
    told = Told()
    told.now = [Raised(OperatorEvent.CARRIER_DOWN, name, 0, {}) for name in ("a", "b", "c", "d")]
    told.draining = True
    assert [notice.words for notice in told.amiss().notices()] == [
        "Carrier a can't send: none of its binds is up.",
        "Carrier b can't send: none of its binds is up.",
        "2 more things are wrong",
        "The gateway drains: no new message is taken.",
    ]


@pytest.mark.parametrize(
    ("kind", "subject", "href"),
    [
        (OperatorEvent.BREAKER_OPENED, "telco", "/console/carriers#carrier-telco"),
        (OperatorEvent.BACKLOG_OLD, "otp/rest", "/console/carriers"),
        (OperatorEvent.ENDPOINT_FAILING, "shop shop.example", "/console/webhooks"),
        (OperatorEvent.DISK_LOW, "disk", "/console"),
    ],
)
def test_an_alarm_leads_to_the_card_of_its_carrier_or_to_its_page(kind: OperatorEvent, subject: str, href: str) -> None:
    told = Told()
    told.now = [Raised(kind, subject, 0, {})]
    assert [one.href for one in told.amiss().findings()] == [href]


def test_every_alarm_has_a_remedy_whose_heading_is_in_the_runbook() -> None:
    page = (Path(__file__).parents[3] / "docs/operations.md").read_text("utf-8")
    assert set(REMEDIES) == set(ALARMS)
    assert all(f"### {remedy.heading}\n" in page for remedy in REMEDIES.values())
