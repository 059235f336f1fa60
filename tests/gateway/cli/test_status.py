"""`sluice status` shows carriers, binds, queues and doubts, to people and to programs."""

import json
from typing import Any

import pytest

from gateway.cli import main

BIND = {
    "name": "telco/1", "state": "bound", "since": "2026-11-21T18:04:05.000Z", "window": 20, "window_limit": 20,
    "in_flight": 7, "room": 13, "submit_rate": 0, "last_error": None,
}  # fmt: skip
STATUS = {
    "started_at": "2026-11-21T18:04:05.000Z", "backlog": 1234, "backlog_limit": 5_000_000, "parked": 2,
    "events_pending": 31, "deliveries_under_way": 4, "ready": 0, "alarms": [],
    "carriers": [{"name": "telco", "able": True, "receipt_ids": None, "binds": [BIND]}],
}  # fmt: skip
QUEUE = {"lane": "otp", "route": "rest", "account": "shop", "ready": 42, "stay": None, "avoid": "backup"}


def standing(gateway: Any, *, queues: list[Any], doubts: int = 0, cursor: str | None = None) -> None:
    gateway.on("GET", "/admin/status", STATUS)
    gateway.on("GET", "/admin/queues", {"entities": queues, "next_cursor": None})
    gateway.on("GET", "/admin/doubts?limit=500", {"entities": [{}] * doubts, "next_cursor": cursor})


def test_people_see_binds_queues_and_counts(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    standing(gateway, queues=[QUEUE, {**QUEUE, "lane": "promotional", "ready": 0}], doubts=3)
    assert main(["status"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert rows[0][:5] == ["The", "gateway", "is", "up", "for"]
    assert next(row for row in rows if row[0] == "telco/1")[1] == "bound"
    assert ["otp", "rest", "shop", "42", "backup"] in rows
    assert not [row for row in rows if row[0] == "promotional"]
    assert ["segments", "in", "doubt", "3", "`sluice", "doubts`", "lists", "them"] in rows
    assert ["messages", "not", "sent", "yet", "1,234", "of", "at", "most", "5,000,000"] in rows
    assert all(asked[2] == "Bearer op_test" for asked in gateway.asked)


def test_what_is_amiss_stands_first(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    standing(gateway, queues=[])
    alarm = {"alarm": "carrier.down", "subject": "telco", "since": "2026-11-21T18:04:05.000Z", "words": "telco is down"}
    gateway.on("GET", "/admin/status", {**STATUS, "alarms": [alarm]})
    assert main(["status"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert rows[1] == ["alarm", "for", "what", "is", "amiss"]
    row = next(row for row in rows if row[0] == "carrier.down")
    assert row[-3:] == ["telco", "is", "down"]


def test_more_doubts_than_a_page_are_told_as_more(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    standing(gateway, queues=[], doubts=500, cursor="next")
    assert main(["status"]) == 0
    printed = capsys.readouterr().out
    assert "500 or more" in printed
    assert "No message waits for a free slot." in printed


def test_what_was_learned_of_a_carriers_receipt_ids_is_shown(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    standing(gateway, queues=[])
    learned = {**STATUS["carriers"][0], "receipt_ids": "decimal of our hex"}
    gateway.on("GET", "/admin/status", {**STATUS, "carriers": [learned]})
    assert main(["status"]) == 0
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "receipt ids of telco decimal of our hex" in rows


def test_a_window_that_is_not_all_used_is_shown_as_part_of_it(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    standing(gateway, queues=[])
    cut = {**STATUS["carriers"][0], "binds": [{**BIND, "window_limit": 5}]}
    gateway.on("GET", "/admin/status", {**STATUS, "carriers": [cut]})
    assert main(["status"]) == 0
    assert "5 of 20" in capsys.readouterr().out


def test_a_breaker_that_is_open_is_shown_with_its_cause_and_next_try(
    gateway: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    standing(gateway, queues=[])
    opened = {
        "state": "open", "cause": "errors", "detail": "errors 0.82 of 40", "since": "2026-11-21T18:04:05.000Z",
        "retry_at": "2999-11-21T18:04:35.000Z",
    }  # fmt: skip
    closed = {"state": "closed", "cause": None, "detail": None, "since": "2026-11-21T18:04:05.000Z", "retry_at": None}
    carriers = [{**STATUS["carriers"][0], "breaker": opened}, {"name": "backup", "binds": [], "breaker": closed,
                 "receipt_ids": None}]  # fmt: skip
    gateway.on("GET", "/admin/status", {**STATUS, "carriers": carriers})
    assert main(["status"]) == 0
    printed = capsys.readouterr().out
    assert "errors 0.82 of 40" in printed
    assert "breaker of" in printed
    assert not [line for line in printed.splitlines() if line.startswith("backup")]


def test_programs_get_one_line_of_json(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    standing(gateway, queues=[QUEUE], doubts=3)
    assert main(["status", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert told["queues"] == [QUEUE]
    assert (told["doubts"], told["more_doubts"]) == (3, False)
    assert told["carriers"][0]["binds"] == [BIND]


def test_no_colour_reaches_what_is_not_a_terminal(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    standing(gateway, queues=[QUEUE], doubts=3)
    main(["status"])
    assert "\x1b" not in capsys.readouterr().out


def test_a_wrong_operator_token_is_told_as_such(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("GET", "/admin/doubts?limit=500", {"code": "unauthorized", "detail": "No."}, status=401)
    assert main(["status"]) == 1
    told = capsys.readouterr().err
    assert "an operator token" in told
    assert "$SLUICE_OPERATOR_TOKEN" in told


def test_the_callers_address_is_told_apart_from_the_operators(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    detail = "This path is not one of the API; /docs lists them."
    gateway.on("GET", "/admin/doubts?limit=500", {"code": "not_found", "detail": detail}, status=404)
    assert main(["status"]) == 1
    assert "Operators have their own address: http://127.0.0.1:9090." in capsys.readouterr().err
