"""`sluice message` and `sluice messages`: one message's story, several as a table, and what can be done to one."""

import json
from typing import Any

import pytest

from gateway.cli import main

ID = "msg_01M7ZMF6M300074FN98JWZNKSB"
AT = "2026-11-21T18:04:05.000Z"
MASKED = "+34•••••••01"
LISTED = {
    "id": ID, "account": "shop", "client_id": "order-8841", "from": "SHOP", "to": MASKED, "status": "delivered",
    "lane": "otp", "campaign_id": None, "tag": None, "segments": 1, "carrier": "telco", "created_at": AT, "done_at": AT,
}  # fmt: skip
STORY = {
    **LISTED, "text": None, "encoding": "gsm7", "route": "rest", "error": None, "sent_at": AT, "schedule": None,
    "expires_at": AT, "attempts": 1, "possible_duplicate": False,
    "timeline": [
        {"at": AT, "what": "accepted", "request_id": "req_1"},
        {"at": AT, "what": "submit", "part": 1, "attempt": 1, "carrier": "telco", "bind": "telco/1", "outcome": "sent",
         "command_status": "ESME_ROK", "carrier_message_id": "5F3A", "latency_ms": 38},
        {"at": AT, "what": "receipt", "part": 1, "carrier": "telco", "state": "DELIVRD", "err": "000",
         "raw": "id:24378 stat:DELIVRD", "applied": True},
        {"at": AT, "what": "by_hand", "who": "operator:anna", "did": "reveal", "outcome": None},
    ],
}  # fmt: skip


def page(*entities: Any, cursor: str | None = None, back_to: str | None = None) -> dict[str, Any]:
    return {"entities": list(entities), "next_cursor": cursor, "looked_back_to": back_to}


def rows(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line.strip()]


def test_the_story_of_a_message_begins_with_what_became_of_it(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("GET", f"/admin/messages/{ID}", STORY)
    assert main(["message", ID]) == 0
    shown = rows(capsys)
    assert shown[0] == "Delivered: telco said so 0.0 s after it was accepted."
    assert f"from, to SHOP -> {MASKED}" in shown
    assert "18:04:05.000 0 ms submit_sm to telco/1: ESME_ROK after 38 ms, id 5F3A" in shown
    assert "18:04:05.000 0 ms receipt DELIVRD, err 000" in shown
    assert "id:24378 stat:DELIVRD" in shown
    assert shown[-1] == "18:04:05.000 0 ms by hand reveal by operator:anna"


@pytest.mark.parametrize(
    ("given", "asked"), [("order 8841", "order+8841"), ("+34600000001", "%2B34600000001"), ("0001", "0001")]
)
def test_one_is_found_by_whatever_is_known_of_it(
    given: str, asked: str, gateway: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.on("GET", f"/admin/messages?q={asked}&limit=50", page(LISTED))
    gateway.on("GET", f"/admin/messages/{ID}", STORY)
    assert main(["message", given]) == 0
    assert rows(capsys)[0].startswith("Delivered:")


def test_several_are_a_table_and_their_ids_are_whole(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("GET", "/admin/messages?q=0001&limit=50", page(LISTED, {**LISTED, "status": "failed", "carrier": None}))
    assert main(["message", "0001"]) == 0
    shown = rows(capsys)
    assert shown[2] == f"{ID} 2026-11-21 18:04:05 delivered {MASKED} SHOP shop otp telco"
    assert shown[3].split()[3] == "failed"


def test_a_table_of_them_fits_into_80_columns(
    gateway: Any, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    gateway.on("GET", "/admin/messages?q=0001&limit=50", page(LISTED, {**LISTED, "to": "+346000000012345"}))
    gateway.on("GET", f"/admin/messages/{ID}", STORY)
    assert main(["message", "0001"]) == 0
    assert main(["message", ID]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert printed.count(ID) == 3
    assert "+346000000012345" in printed


def test_events_that_nobody_has_taken_are_shown_by_their_ids(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    event = {"id": "evt_1", "type": "message.delivered", "status": "failed", "host": "shop.example", "attempts": 12,
             "next_try_at": None, "last_http_status": 503, "last_error": None}  # fmt: skip
    told = {**event, "id": "evt_2", "status": "delivered"}
    gateway.on("GET", f"/admin/messages/{ID}", {**STORY, "events": [event, told]})
    assert main(["message", ID]) == 0
    shown = rows(capsys)
    assert shown[-1] == "evt_1 message.delivered failed 12 503"
    assert not [row for row in shown if "evt_2" in row]


def test_nothing_is_done_to_several_at_once(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("GET", "/admin/messages?q=0001&limit=50", page(LISTED, LISTED))
    assert main(["message", "0001", "--cancel"]) == 1
    assert "Say which one by its id" in capsys.readouterr().err
    assert {asked[0] for asked in gateway.asked} == {"GET"}


def test_what_is_not_found_is_told_with_how_far_was_looked(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("GET", "/admin/messages?q=0001&limit=50", page(cursor="cur_1", back_to=AT))
    assert main(["message", "0001"]) == 1
    assert "since 2026-11-21 18:04:05 UTC" in capsys.readouterr().err
    gateway.on("GET", "/admin/messages?q=0001&limit=50", page())
    assert main(["message", "0001"]) == 1
    assert capsys.readouterr().err == "No message is found by '0001'.\n"


def test_a_message_is_canceled_told_again_and_revealed(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("GET", f"/admin/messages/{ID}", STORY)
    gateway.on("POST", f"/admin/messages/{ID}/cancel", {"id": ID, "status": "canceled"})
    gateway.on("POST", f"/admin/messages/{ID}/replay", {"replayed": 2}, status=202)
    gateway.on("POST", f"/admin/messages/{ID}/reveal", {"to": "+34600000001", "text": "Your code is 1234"})
    assert main(["message", ID, "--cancel", "--replay", "--reveal"]) == 0
    shown = rows(capsys)
    assert shown[:2] == ["It is canceled.", "2 events of it will be told again."]
    assert "from, to SHOP -> +34600000001" in shown
    assert "text Your code is 1234" in shown
    assert [asked[0] for asked in gateway.asked] == ["POST", "POST", "POST", "GET"]


def test_what_cannot_be_canceled_says_why(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    problem = {"code": "already_sent", "detail": "The message has been sent."}
    gateway.on("POST", f"/admin/messages/{ID}/cancel", problem, status=409)
    assert main(["message", ID, "--cancel"]) == 1
    assert capsys.readouterr() == ("", "The message has been sent.\n")


def test_a_story_and_a_list_are_json_for_programs(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("GET", f"/admin/messages/{ID}", STORY)
    gateway.on("GET", "/admin/messages?q=0001&limit=50", page(LISTED, LISTED))
    assert main(["message", ID, "--json"]) == 0
    assert main(["message", "0001", "--json"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [STORY, LISTED, LISTED]


def test_messages_are_listed_by_what_is_known_of_them(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = (
        "/admin/messages?ends_with=0001&carrier=telco&status=failed%2Cundelivered&account=shop"
        "&after=2026-11-21T18%3A00%3A00.000Z&limit=50"
    )
    gateway.on("GET", path, page(LISTED))
    words = "messages --ends-with 0001 --carrier telco --status failed,undelivered --account shop"
    assert main([*words.split(), "--since", "2026-11-21T18:00:00Z"]) == 0
    assert ID in capsys.readouterr().out


def test_a_list_that_ended_before_the_beginning_says_how_to_go_on(
    gateway: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.on("GET", "/admin/messages?ends_with=0001&limit=50", page(cursor="cur_1", back_to=AT))
    assert main(["messages", "--ends-with", "0001"]) == 0
    assert rows(capsys) == [
        "No message is found by this.",
        f"Looked back to {AT}; `sluice messages` goes on with --before {AT}",
    ]


def test_a_list_is_read_to_its_limit_over_its_pages(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("GET", "/admin/messages?limit=3", page(LISTED, LISTED, cursor="cur_2"))
    gateway.on("GET", "/admin/messages?limit=3&cursor=cur_2", page(LISTED, LISTED, cursor="cur_4"))
    assert main(["messages", "--limit", "3", "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
