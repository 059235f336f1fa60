"""`sluice drain` asks for a drain, waits for what is left, ends the gateway, and says which of it came true."""

import json
from typing import Any

import pytest

from gateway.cli import drain, main

PATH = "/admin/drain"
Printed = pytest.CaptureFixture[str]


def a_state(**changes: Any) -> dict[str, Any]:
    counts = dict.fromkeys(("queued", "in_flight", "in_doubt", "events_pending", "events_disabled"), 0)
    return {"draining": True, "since": "2026-11-21T18:04:05.123Z", "who": "operator:anna", **counts, **changes}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "_LOOK_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(drain, "_LOOK_AT_RECEIPTS_SECONDS", 0.0)


def test_a_drain_says_what_is_left(gateway: Any, capsys: Printed) -> None:
    gateway.on("POST", PATH, a_state(queued=1204, in_flight=50, in_doubt=2))
    assert main(["drain"]) == 0
    assert capsys.readouterr().out == (
        "The gateway takes no new messages; queued 1,204, in flight 50.\nIn doubt: 2; `sluice doubts` lists them.\n"
    )


def test_a_wait_ends_when_nothing_is_left_but_what_nobody_is_told(gateway: Any, capsys: Printed) -> None:
    gateway.on("POST", PATH, a_state(queued=3))
    last = a_state(events_pending=4, events_disabled=4)
    gateway.on("GET", PATH, a_state(queued=1), a_state(in_flight=1), a_state(events_pending=5, events_disabled=4), last)
    assert main(["drain", "--wait"]) == 0
    assert capsys.readouterr().out == "The gateway takes no new messages; nothing is left.\n"
    assert len(gateway.asked) == 5


def test_a_wait_that_is_over_before_ends_with_1_and_stops_nothing(gateway: Any, capsys: Printed) -> None:
    gateway.on("POST", PATH, a_state(queued=3))
    gateway.on("GET", PATH, a_state(queued=3))
    assert main(["drain", "--wait", "--stop", "--timeout", "0"]) == 1
    said = capsys.readouterr()
    assert "queued 3" in said.out
    assert said.err == "Not done within 0s. It goes on draining; `sluice drain --undo` ends that.\n"
    assert [path for _, path, *_ in gateway.asked] == [PATH, PATH]


def test_receipts_are_waited_for_where_asked(gateway: Any, capsys: Printed) -> None:
    gateway.on("POST", PATH, a_state())
    gateway.on("GET", f"{PATH}?receipts=true", a_state(receipts_awaited=2), a_state(receipts_awaited=0))
    assert main(["drain", "--wait", "--receipts", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["receipts_awaited"] == 0


def test_a_drain_is_taken_back_alone(gateway: Any, capsys: Printed) -> None:
    gateway.on("DELETE", PATH, a_state(draining=False))
    assert main(["drain", "--undo"]) == 0
    assert capsys.readouterr().out == "The gateway takes messages again.\n"
    assert main(["drain", "--undo", "--stop"]) == 2


def test_no_gateway_and_a_viewers_token_are_said(gateway: Any, capsys: Printed) -> None:
    problem = {"code": "insufficient_scope", "detail": "The token is a viewer's, which may look but not act."}
    gateway.on("POST", PATH, problem, status=403)
    assert main(["drain"]) == 1
    assert "viewer" in capsys.readouterr().err
