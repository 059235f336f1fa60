"""`sluice send` puts one message, follows it to its end, and tells in plain words what is wrong."""

import socket
import threading
from typing import Any

import pytest

from gateway.cli import main

AT = "2026-11-21T18:04:05.000Z"
MESSAGE = {
    "id": "msg_1", "status": "queued", "from": "SHOP", "to": "+34600000001", "encoding": "gsm7", "segments": 1,
    "created_at": AT, "error": None, "possible_duplicate": False, "timeline": [],
}  # fmt: skip
ACCEPTED = {"at": AT, "what": "accepted", "request_id": "req_1"}


def a_submit(outcome: str, at: str = "2026-11-21T18:04:05.002Z", attempt: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "at": at, "what": "submit", "part": 1, "attempt": attempt, "carrier": "telco", "bind": "telco/1",
        "outcome": outcome, **more,
    }  # fmt: skip


THROTTLED = a_submit(
    "throttled", command_status="ESME_RTHROTTLED", latency_ms=41, next_try_at="2026-11-21T18:04:05.802Z"
)
SENT = a_submit(
    "sent", at="2026-11-21T18:04:05.803Z", attempt=2, command_status="ESME_ROK", latency_ms=38, carrier_message_id="5F"
)
RECEIPT = {
    "at": "2026-11-21T18:04:09.480Z", "what": "receipt", "part": 1, "carrier": "telco", "state": "DELIVRD",
    "err": "000", "raw": "...", "applied": True,
}  # fmt: skip
WEBHOOK = {
    "at": "2026-11-21T18:04:09.500Z", "what": "webhook", "event_id": "evt_1", "type": "message.delivered",
    "attempt": 1, "http_status": 200, "latency_ms": 62,
}  # fmt: skip


def test_a_message_is_put_and_its_id_is_told(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("POST", "/v1/sms", MESSAGE, status=201)
    assert main(["send", "+34600000001", "Hello", "--from", "SHOP"]) == 0
    body = {"to": "+34600000001", "text": "Hello", "from": "SHOP"}
    assert gateway.asked == [("POST", "/v1/sms", "Bearer sk_test", body)]
    assert capsys.readouterr().out == "msg_1  queued  SHOP -> +34600000001\n"


def test_arguments_go_before_the_environment(gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_URL", "http://127.0.0.1:1")
    gateway.on("POST", "/v1/sms", MESSAGE, status=201)
    assert main(["send", "+34600000001", "Hello", "--url", gateway.url, "--token", "sk_other"]) == 0
    assert gateway.asked[0][2] == "Bearer sk_other"
    assert gateway.asked[0][3] == {"to": "+34600000001", "text": "Hello"}


def test_watching_tells_each_step_once_and_ends_with_the_message(
    gateway: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.on("POST", "/v1/sms", MESSAGE, status=201)
    gateway.on(
        "GET",
        "/v1/sms/msg_1",
        {**MESSAGE, "timeline": [ACCEPTED, a_submit("submitting")]},
        {**MESSAGE, "timeline": [ACCEPTED, THROTTLED]},
        {**MESSAGE, "status": "sent", "timeline": [ACCEPTED, THROTTLED, SENT]},
        {**MESSAGE, "status": "delivered", "timeline": [ACCEPTED, THROTTLED, SENT, RECEIPT, WEBHOOK]},
    )
    assert main(["send", "+34600000001", "Hello", "--watch"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "msg_1  queued  SHOP -> +34600000001",
        "     0 ms  on disk     written and synced before the 201 was sent",
        "     2 ms  submit_sm   to telco/1: ESME_RTHROTTLED after 41 ms; tried again after 800 ms",
        "   803 ms  submit_sm   try 2, to telco/1: ESME_ROK after 38 ms, id 5F",
        "    4.5 s  receipt     DELIVRD, err 000",
        "    4.5 s  webhook     message.delivered: 200 after 62 ms",
        "delivered",
    ]


def test_a_message_that_ends_otherwise_ends_with_1_and_the_reason(
    gateway: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.on("POST", "/v1/sms", MESSAGE, status=201)
    refused = a_submit("refused", command_status="ESME_RINVDSTADR", latency_ms=30)
    error = {"description": "The number is not in service."}
    told = {**WEBHOOK, "type": "message.failed"}
    end = {**MESSAGE, "status": "failed", "error": error, "timeline": [ACCEPTED, refused, told]}
    gateway.on("GET", "/v1/sms/msg_1", end)
    assert main(["send", "+34600000001", "Hello", "--watch"]) == 1
    printed = capsys.readouterr().out
    assert "to telco/1: ESME_RINVDSTADR after 30 ms, which is final" in printed
    assert printed.endswith("failed: The number is not in service.\n")


def test_a_refusal_is_told_field_by_field(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    problem = {"code": "invalid_fields", "detail": "Nothing was accepted.", "fields": {"to": ["is too short"]}}
    gateway.on("POST", "/v1/sms", problem, status=422)
    assert main(["send", "+34", "Hello"]) == 1
    assert capsys.readouterr().err == "Nothing was accepted.\n  to: is too short\n"


def test_without_a_gateway_the_user_learns_how_to_start_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # not listening: nobody answers, and nobody else can take the port
        monkeypatch.setenv("SLUICE_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        assert main(["send", "+34600000001", "Hello", "--token", "sk_test"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("No gateway answers at http://127.0.0.1:")
    assert "sluice run --config FILE" in told
    assert "$SLUICE_URL" in told


def test_a_broken_connection_leaves_open_whether_the_message_was_taken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        monkeypatch.setenv("SLUICE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")

        def hang_up() -> None:
            connection, _ = server.accept()
            connection.recv(65_536)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        assert main(["send", "+34600000001", "Hello", "--token", "sk_test"]) == 1
        thread.join()
    assert "It is not known whether the request was taken." in capsys.readouterr().err


def test_a_wrong_token_is_told_as_such(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("POST", "/v1/sms", {"code": "unauthorized", "detail": "The token is not valid."}, status=401)
    assert main(["send", "+34600000001", "Hello"]) == 1
    told = capsys.readouterr().err
    assert "does not know this token" in told
    assert "`sluice token ACCOUNT`" in told
    assert "$SLUICE_TOKEN" in told


def test_a_missing_token_is_told_before_anything_is_asked(
    gateway: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLUICE_TOKEN")
    assert main(["send", "+34600000001", "Hello"]) == 1
    assert capsys.readouterr().err.startswith("A token is missing.")
    assert gateway.asked == []


@pytest.mark.parametrize(
    ("url", "told"),
    [("ftp://127.0.0.1", "is not an address"), ("http://", "is not an address"), ("http://h:x", "no valid port")],
)
def test_an_address_that_is_none_is_told(url: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["send", "+34600000001", "Hello", "--url", url, "--token", "t"]) == 1
    assert told in capsys.readouterr().err


def test_something_else_behind_the_address_is_told(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("POST", "/v1/sms", "<html>", status=200)
    assert main(["send", "+34600000001", "Hello"]) == 1
    assert "does not speak like a Sluice gateway" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "why"), [(403, "needs a token with the scope `read`"), (500, "Something went wrong inside.")]
)
def test_what_cannot_be_watched_was_accepted_all_the_same(
    status: int, why: str, gateway: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.on("POST", "/v1/sms", MESSAGE, status=201)
    problem = {"code": "some", "detail": "Something went wrong inside."}
    gateway.on("GET", "/v1/sms/msg_1", problem, status=status)
    assert main(["send", "+34600000001", "Hello", "--watch"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("msg_1 was accepted, but cannot be watched: ")
    assert why in told
