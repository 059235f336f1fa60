"""Calls that send, past the framework: answered to the letter as Quart answers them, and left to it when unusual."""

import hashlib
import json
import re
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest
import trio
import trio.testing

from gateway.api.account.limits import LimitsOfAll
from gateway.api.direct import Call, Direct
from gateway.api.refusals import Refusals
from gateway.api.submissions import Created, Post
from gateway.api.tokens import Grant, Tokens
from gateway.identifiers import Identifiers
from gateway.metrics import REGISTRY
from gateway.store.allowances.interface import AccountUse

PLAIN = {"authorization": "Bearer shop", "content-type": "application/json"}
FOR_QUART = {"content-type": "application/json; charset=us-ascii"}
ITEM = {"to": "+34600000001", "text": "Your code is 1234"}
GOOD = json.dumps(ITEM).encode()
_CHANGING = re.compile(r"(msg|sub|req)_[0-9A-Z]{26}|\d{4}-\d\d-\d\dT[0-9:.]+Z|-(?:direct|quart)\b")


def a_scope(path: str, body: bytes, headers: dict[str, str] | None = None) -> dict[str, Any]:
    head = {"host": "x", **PLAIN, "content-length": str(len(body)), **(headers or {})}
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in head.items()],
        "client": ("203.0.113.9", 50_000),
        "server": None,
        "extensions": {},
        "asgi": {"spec_version": "2.3", "version": "3.0"},
    }


async def call(app: Any, scope: dict[str, Any], *chunks: bytes) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of the answer, without what changes from call to call."""
    events = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    events.append({"type": "http.request", "body": b"", "more_body": False})
    sent: list[Any] = []

    async def receive() -> Any:
        if not events:
            await trio.sleep_forever()
        return events.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent[1:])
    assert headers["content-length"] == str(len(body))
    del headers["content-length"]
    return (
        sent[0]["status"],
        {name: _CHANGING.sub("", value) for name, value in headers.items()},
        _CHANGING.sub("", body.decode()),
    )


def the_calls(name: str) -> list[tuple[str, bytes, dict[str, str]]]:
    """Every kind of end that a call may have; `name` keeps those of one way apart from those of the other."""
    named = json.dumps({**ITEM, "client_id": f"order-{name}"}).encode()
    bulk = json.dumps([ITEM, {"to": "+3460000000"}, {**ITEM, "client_id": f"order-{name}", "schedule": None}]).encode()
    key = {"idempotency-key": f"key-{name}"}
    return [
        ("/v1/sms", GOOD, {}),
        ("/send", GOOD, {}),
        ("/v1/sms", named, {}),
        ("/v1/sms", named, {}),
        ("/v1/sms", GOOD, key),
        ("/v1/sms", GOOD, key),
        ("/send", GOOD, key),
        ("/v1/sms", GOOD, {"idempotency-key": "two words"}),
        ("/v1/sms", GOOD, {"idempotency-key": "ñ"}),
        ("/v1/sms", GOOD, {"idempotency-key": ""}),
        ("/v1/sms", b'{"to":"600","text":""}', {}),
        ("/v1/sms", b"[]", {}),
        ("/v1/sms", b"{", {}),
        ("/v1/sms", b"", {}),
        ("/v1/sms/bulk", bulk, {}),
        ("/v1/sms/bulk", bulk, {"idempotency-key": f"bulk-{name}"}),
        ("/v1/sms/bulk", bulk, {"idempotency-key": f"bulk-{name}"}),
        ("/v1/sms/bulk", b"[]", {}),
        ("/v1/sms/bulk", GOOD, {}),
        ("/v1/sms/bulk", json.dumps([ITEM] * 501).encode(), {}),
    ]


async def test_what_is_answered_directly_is_what_quart_answers(house: Any) -> None:
    assert house.app.take is not None
    for direct, quart in zip(the_calls("direct"), the_calls("quart"), strict=True):
        path, body, headers = direct
        answer = await call(house.app, a_scope(path, body, headers), body[:7], body[7:])
        path, body, headers = quart
        assert answer == await call(house.app, a_scope(path, body, {**headers, **FOR_QUART}), body[:7], body[7:])


async def test_a_store_that_closes_is_told_as_quart_tells_it(house: Any) -> None:
    house.store.stop()
    answers = [await call(house.app, a_scope("/v1/sms", GOOD, headers), GOOD) for headers in ({}, FOR_QUART)]
    assert answers[0] == answers[1]
    assert answers[0][0] == 503


Answering = Callable[[Post], Any]


class NoUse:
    """Nobody has a limit, so nobody's use is asked for."""

    def account_use(self, account: str) -> AccountUse:
        raise AssertionError(account)


def a_direct(answer: Answering) -> Direct:
    grants = [
        Grant(hashlib.sha256(b"shop").hexdigest(), "shop", frozenset({"send"})),
        Grant(hashlib.sha256(b"reader").hexdigest(), "shop", frozenset({"read"})),
        Grant(hashlib.sha256(b"inside").hexdigest(), "shop", frozenset({"send"}), [ip_network("10.0.0.0/8")]),
    ]
    calls = {"/v1/sms": Call(answer, "send")}
    limits = LimitsOfAll({}, NoUse())
    return Direct(calls, Tokens(grants), Identifiers(), Refusals(), limits, body_limit=1024, body_timeout=60.0)


async def created(post: Post) -> Created:
    return Created(post.body, {})


async def unread(*_: Any) -> Any:
    raise AssertionError("it was touched")


@pytest.mark.parametrize(
    "change", [{"method": "GET"}, {"path": "/v1/sms/"}, {"root_path": "/sms"}, {"type": "lifespan"}], ids=str
)
async def test_other_calls_are_left_to_quart_unread(change: dict[str, Any]) -> None:
    assert not await a_direct(created).take(a_scope("/v1/sms", GOOD) | change, unread, unread)


@pytest.mark.parametrize(
    "headers",
    [
        FOR_QUART,
        {"content-type": ""},
        {"content-encoding": "identity"},
        {"content-length": "1025"},
        {"content-length": "9" * 30},
        {"content-length": f"{9_999_999:020}"},
        {"transfer-encoding": "chunked"},
        {"content-length": ""},
        {"authorization": "Bearer nobody"},
        {"authorization": "Bearer \u00e9"},
        {"authorization": ""},
        {"authorization": "Bearer reader"},
        {"authorization": "Bearer inside"},
    ],
    ids=str,
)
async def test_an_unusual_head_is_left_to_quart_unread(headers: dict[str, str]) -> None:
    assert not await a_direct(created).take(a_scope("/v1/sms", GOOD, headers), unread, unread)


async def test_a_header_given_twice_is_left_to_quart_unread() -> None:
    scope = a_scope("/v1/sms", GOOD, {"idempotency-key": "a"})
    scope["headers"].append((b"idempotency-key", b"b"))
    assert not await a_direct(created).take(scope, unread, unread)


async def test_the_answer_is_told_what_was_asked() -> None:
    asked: list[Post] = []

    async def answer(post: Post) -> Created:
        asked.append(post)
        return Created(b"{}", {"Location": "/v1/sms/1"})

    direct = a_direct(answer)
    assert await call(direct.take, a_scope("/v1/sms", GOOD), GOOD[:9], GOOD[9:]) == (
        201,
        {
            "location": "/v1/sms/1",
            "content-type": "application/json",
            "request-id": "",
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
        },
        "{}",
    )
    assert [(post.account, post.body, post.key) for post in asked] == [("shop", GOOD, None)]


def late_bodies() -> float:
    return REGISTRY.get_sample_value("sluice_http_timeouts_total", {"waited_for": "body"}) or 0.0


async def test_a_body_that_does_not_arrive_is_408(autojump_clock: trio.testing.MockClock) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await trio.sleep_forever()

    before = late_bodies()
    assert await a_direct(unread).take(a_scope("/v1/sms", GOOD), receive, send)
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["code"] == "request_timeout"
    assert trio.current_time() == 60.0
    assert late_bodies() == before + 1


async def test_of_a_caller_that_goes_away_before_the_end_nothing_is_taken() -> None:
    events = [{"type": "http.request", "body": GOOD, "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return events.pop(0)

    assert await a_direct(unread).take(a_scope("/v1/sms", GOOD), receive, unread)
    assert events == []


async def test_what_nobody_expected_is_a_500_logged_without_what_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(post: Post) -> Created:
        raise ValueError(post.body.decode())

    status, _, body = await call(a_direct(broken).take, a_scope("/v1/sms", GOOD), GOOD)
    assert (status, json.loads(body)["code"]) == (500, "internal_error")
    assert len(caplog.records) == 1
    logged = caplog.records[0].getMessage()
    assert logged.startswith('a call failed call="POST /v1/sms"')
    assert "ValueError" in logged
    assert "1234" not in caplog.text
