"""What the pages say of operator events is what is told, and every kind has its heading in the runbook."""

import json
import re
from pathlib import Path

from gateway.identifiers import EVENT, internal
from gateway.rules.alarms import ALARMS, event_data, runbook
from gateway.settings.alerts import OperatorEvent
from gateway.store.interface import EventFacts
from gateway.webhooks.payloads import event_body

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operator-events.md").read_text("utf-8")
RUNBOOK = (ROOT / "docs/operations.md").read_text("utf-8").partition("\n## Alarms\n")[2].partition("\n## ")[0]


def anchors() -> list[str]:
    """Of the headings, as GitHub makes them."""
    return [heading.lower().replace(" ", "-") for heading in re.findall(r"^### (.+)$", RUNBOOK, re.MULTILINE)]


def test_every_kind_has_a_runbook_heading() -> None:
    named = {runbook(event).partition("#")[2] for event in OperatorEvent}
    assert sorted(named) == sorted(anchors())


def test_what_is_told_in_between_has_the_heading_of_its_alarm() -> None:
    assert runbook(OperatorEvent.BREAKER_HALF_OPEN) == runbook(OperatorEvent.BREAKER_OPENED)


def test_every_heading_begins_with_its_events() -> None:
    said = dict(zip(anchors(), re.findall(r"^### .+\n\n`([a-z._]+)`", RUNBOOK, re.MULTILINE), strict=True))
    for anchor, event in said.items():
        assert runbook(OperatorEvent(event)) == f"docs/operations.md#{anchor}"


def test_the_tables_name_every_event() -> None:
    raised = re.findall(r"^\| `([a-z._]+)` \| `([a-z]+\.[a-z]+)` \|", PAGE, re.MULTILINE)
    assert {OperatorEvent(kind): OperatorEvent(over) for kind, over in raised} == {
        kind: terms.recovers_as for kind, terms in ALARMS.items()
    }
    told = re.findall(r"^\| `([a-z._]+)` \| (?:carrier|`configuration`) \|", PAGE, re.MULTILINE)
    listed = {event for pair in raised for event in pair} | set(told)
    assert listed == {event.value for event in OperatorEvent}


def test_the_example_is_what_is_posted() -> None:
    (example,) = [json.loads(text) for text in re.findall(r"```json\n(.+?)```", PAGE, re.DOTALL)]
    kind, figures = OperatorEvent.CARRIER_DOWN, {"refused": None, "last_error": "the connection was refused"}
    data = event_data(kind, "telco", 1_800_000_000_000, figures, alarm=kind)
    event = internal(EVENT, example["id"])
    assert event is not None
    posted = event_body(EventFacts(event, kind.value, 1_800_000_005_000, None, "raised", data=data))
    assert json.loads(posted) == example
    assert list(json.loads(posted)["data"]) == list(example["data"])
