"""`sluice doubts` lists what is in doubt, page by page, and settles one by hand."""

import json
import socket
from typing import Any

import pytest

from gateway.cli import main

ID = "msg_01M7ZMF6M300074FN98JWZNKSB"
DOUBT = {
    "id": "msg_1", "part": 1, "attempt": 1, "account": "shop", "lane": "transactional", "to": "+34600000001",
    "carrier": "telco", "bind": "telco/1", "claimed_at": "2026-11-21T18:04:05.000Z", "settled_by": "resend",
    "due_at": "2026-11-21T18:05:05.000Z",
}  # fmt: skip


def test_nothing_in_doubt_is_said_in_words(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("GET", "/admin/doubts?limit=500", {"entities": [], "next_cursor": None})
    assert main(["doubts"]) == 0
    assert capsys.readouterr().out.startswith("Nothing is in doubt")


def test_each_doubt_is_told_with_what_settles_it(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    held = {**DOUBT, "id": "msg_2", "part": 3, "settled_by": "hold", "due_at": "2126-11-21T18:05:05.000Z"}
    gateway.on("GET", "/admin/doubts?limit=500", {"entities": [DOUBT, held], "next_cursor": None})
    assert main(["doubts"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "msg_1 +34600000001 telco/1 transactional" in printed
    assert "is sent again now" in printed
    assert "msg_2, part 3" in printed
    assert "ends as unknown in" in printed
    assert "sluice doubts --settle ID sent|resend|unknown" in printed


def test_an_id_is_printed_whole_however_long_the_rest_is(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    wordy = {
        **DOUBT,
        "id": ID,
        "part": 255,
        "to": "+346000000012345",
        "bind": "a_carrier_with_a_long_name/12/transmitter",
    }
    gateway.on("GET", "/admin/doubts?limit=500", {"entities": [wordy], "next_cursor": None})
    assert main(["doubts"]) == 0
    printed = capsys.readouterr().out
    assert f"{ID}, part 255 " in printed
    assert wordy["bind"] in printed


def test_without_a_gateway_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setenv("SLUICE_OPERATOR_TOKEN", "op_test")
        assert main(["doubts", "--url", url]) == 1
        assert main(["doubts", "--url", url, "--settle", ID, "sent"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count(f"No gateway answers at {url}") == 2


def test_programs_get_every_page_as_lines_of_json(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    second = {**DOUBT, "id": "msg_2"}
    gateway.on("GET", "/admin/doubts?limit=500", {"entities": [DOUBT], "next_cursor": "c2"})
    gateway.on("GET", "/admin/doubts?limit=500&cursor=c2", {"entities": [second], "next_cursor": None})
    assert main(["doubts", "--json"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [DOUBT, second]


def test_a_doubt_is_settled_by_hand(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("POST", f"/admin/doubts/{ID}/settle", {"id": ID, "outcome": "resend"})
    assert main(["doubts", "--settle", ID, "resend"]) == 0
    assert gateway.asked == [("POST", f"/admin/doubts/{ID}/settle", "Bearer op_test", {"outcome": "resend"})]
    assert capsys.readouterr().out.startswith(f"{ID} is settled as resend: it goes out again")


def test_what_is_not_in_doubt_cannot_be_settled(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    problem = {"code": "not_in_doubt", "detail": "No message with this id is in doubt."}
    gateway.on("POST", f"/admin/doubts/{ID}/settle", problem, status=409)
    assert main(["doubts", "--settle", ID, "sent"]) == 1
    assert capsys.readouterr().err == "No message with this id is in doubt.\n"


def test_an_outcome_that_is_none_is_refused_before_anything_is_asked(
    gateway: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doubts", "--settle", ID, "lost"]) == 2
    assert "say one of sent, resend, unknown" in capsys.readouterr().err
    assert gateway.asked == []


@pytest.mark.parametrize("given", ["xx", "order-8841", "evt_01M7ZMFAW90000209Y3M6SPD3Y"])
def test_what_is_no_messages_id_is_told_in_an_operators_words(
    given: str, gateway: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doubts", "--settle", given, "sent"]) == 2
    assert "`sluice doubts` lists those in doubt" in capsys.readouterr().err
    assert gateway.asked == []
