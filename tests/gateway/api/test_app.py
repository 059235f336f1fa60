"""Every error is a problem document that names its request; unexpected ones are logged without what was sent."""

import logging
from typing import Any

import pytest
import trio

from gateway.api.problem_types import TYPES

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/v1/sms/", 404, "not_found"),
        ("GET", "/v1//sms", 404, "not_found"),
        ("GET", "/v1/campaigns/voice", 405, "method_not_allowed"),
        ("GET", "/v1/campaigns/sms", 405, "method_not_allowed"),
        ("POST", "/v1/campaigns/mms/pause", 404, "not_found"),
        ("POST", "/v1/sms/preview/x", 404, "not_found"),
        ("GET", "/v1/sms/preview", 405, "method_not_allowed"),
        ("GET", "/static/x", 404, "not_found"),
        ("PUT", "/v1/sms", 405, "method_not_allowed"),
        ("OPTIONS", "/v1/sms", 405, "method_not_allowed"),
        ("GET", "/send", 405, "method_not_allowed"),
        ("GET", "/v1/sms/bulk", 405, "method_not_allowed"),
        ("GET", "/problems/nothing", 404, "not_found"),
    ],
)
async def test_a_wrong_path_or_method_is_a_problem_document(
    house: Any, method: str, path: str, status: int, code: str
) -> None:
    answer = await house.client().call(method, path, headers={"Accept": "text/html"})
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    body = await answer.get_json()
    assert (body["code"], body["request_id"]) == (code, answer.headers["Request-Id"])
    assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_a_body_that_does_not_say_it_is_plain_json_is_415(house: Any, headers: dict[str, str]) -> None:
    answer = await house.client().post("/v1/sms", data=b'{"to":"+34600000001","text":"x"}', headers=headers)
    assert answer.status_code == 415
    assert (await answer.get_json())["code"] == "unsupported_media_type"
    assert house.store.backlog() == 0


async def test_utf8_may_be_said(house: Any) -> None:
    headers = {"Content-Type": "application/json; charset=UTF-8"}
    answer = await house.client().post("/v1/sms", data=b'{"to":"+34600000001","text":"x"}', headers=headers)
    assert answer.status_code == 201


async def test_broken_json_is_400_with_the_place(house: Any) -> None:
    answer = await house.client().post("/v1/sms", data=b'{"to":\n+34}', headers=JSON)
    assert answer.status_code == 400
    body = await answer.get_json()
    assert (body["code"], body["detail"]) == ("invalid_json", "Line 2, column 1: expecting value.")


@pytest.fixture
def small_bodies(configuration: dict[str, Any]) -> None:
    configuration["http"] = {"body_limit": 1024}


@pytest.mark.usefixtures("small_bodies")
async def test_a_body_above_the_limit_is_413_and_names_the_limit(house: Any) -> None:
    answer = await house.client().post("/v1/sms", data=b'"' + b"x" * 1024 + b'"', headers=JSON)
    assert answer.status_code == 413
    body = await answer.get_json()
    assert (body["code"], body["limit_bytes"]) == ("body_too_large", 1024)


async def test_what_nobody_expected_is_a_500_logged_once_without_what_was_sent(
    house: Any, caplog: pytest.LogCaptureFixture
) -> None:
    sent = "secret text for +34600000001"

    async def broken() -> None:
        raise ValueError(sent)

    house.app.add_url_rule("/broken", "broken", broken)
    with caplog.at_level(logging.INFO):
        answer = await house.client().get("/broken")
    assert answer.status_code == 500
    body = await answer.get_json()
    assert (body["code"], body["retryable"]) == ("internal_error", True)
    assert len(caplog.records) == 1
    logged = caplog.records[0].getMessage()
    assert body["request_id"] in logged
    assert "ValueError" in logged
    assert "test_app.py" in logged
    assert "34600000001" not in caplog.text + str(body)
    assert "secret" not in caplog.text + str(body)


async def test_a_caller_that_goes_away_is_no_error(house: Any, caplog: pytest.LogCaptureFixture) -> None:
    begun = trio.Event()

    async def slow() -> None:
        begun.set()
        await trio.sleep_forever()

    house.app.add_url_rule("/slow", "slow", slow)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        await trio.lowlevel.checkpoint()
        if not begun.is_set():
            return {"type": "http.request", "body": b"", "more_body": False}
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/slow",
        "raw_path": b"/slow",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"x")],
        "client": ("203.0.113.9", 1),
        "server": None,
        "extensions": {},
        "asgi": {"spec_version": "2.3", "version": "3.0"},
    }

    with trio.fail_after(30):
        await house.app(scope, receive, send)
    assert sent == []
    assert caplog.records == []


async def test_a_websocket_is_refused_without_a_word_in_the_log(house: Any, caplog: pytest.LogCaptureFixture) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    with caplog.at_level(logging.INFO):
        await house.app({"type": "websocket", "path": "/v1/sms"}, trio.sleep_forever, send)
    assert [message["type"] for message in sent] == ["websocket.http.response.start", "websocket.http.response.body"]
    assert sent[0]["status"] == 404
    assert b'"code":"not_found"' in sent[1]["body"]
    assert caplog.records == []


async def test_every_answer_says_that_it_is_not_to_be_kept_nor_guessed_at(house: Any) -> None:
    answer = await house.client().get("/v1/events")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_request_ids_go_up(house: Any) -> None:
    seen = [(await house.client().get("/healthz")).headers["Request-Id"] for _ in range(3)]
    assert seen == sorted(set(seen))


async def test_each_problem_type_has_a_page_for_programs_and_for_people(house: Any) -> None:
    assert len(TYPES) > 20
    for slug, kind in TYPES.items():
        told = await (await house.client(None).get(f"/problems/{slug}")).get_json()
        assert (told["code"], told["status"], told["explanation"]) == (kind.code, kind.status, kind.explanation)
        page = await house.client(None).get(f"/problems/{slug}", headers={"Accept": "text/html"})
        assert page.content_type.startswith("text/html")
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert kind.code in (await page.get_data()).decode()
