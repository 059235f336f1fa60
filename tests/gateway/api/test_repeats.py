"""An Idempotency-Key on the calls that do not submit: done once, and the first answer given again."""

import json
from typing import Any

import pytest
import trio
from campaign_calls import HERE, a_campaign

KEY = {"Idempotency-Key": "k-1"}


async def events(house: Any) -> list[str]:
    return [event["id"] for event in (await (await house.client().get("/v1/events")).get_json())["entities"]]


async def a_message(house: Any) -> str:
    answer = await house.client().post("/v1/sms", json={"to": "+34600000001", "text": "Hello"})
    found: str = (await answer.get_json())["id"]
    return found


async def test_a_test_event_is_filed_once_however_often_it_is_asked_for(house: Any) -> None:
    answers = [await house.client().post("/v1/webhook/test", headers=KEY) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers] == [None, "true"]
    first, again = [await answer.get_data() for answer in answers]
    assert first == again
    assert len(await events(house)) == 1


async def test_equal_calls_at_once_are_one_call(house: Any) -> None:
    bodies = []

    async def call() -> None:
        bodies.append(await (await house.client().post("/v1/webhook/test", headers=KEY)).get_data())

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(call)
    assert (len(bodies), len(set(bodies))) == (10, 1)
    assert len(await events(house)) == 1


async def test_each_call_gives_its_first_answer_again(house: Any) -> None:
    event = (await (await house.client().post("/v1/webhook/test")).get_json())["event_id"]
    message = await a_message(house)
    calls: list[tuple[str, dict[str, Any]]] = [
        (f"/v1/events/{event}/replay", {}),
        ("/v1/events/replay", {"json": {"status": "failed"}}),
        ("/v1/webhook/enable", {}),
        (f"/v1/sms/{message}/cancel", {}),
    ]
    for number, (path, given) in enumerate(calls):
        key = {"Idempotency-Key": f"key-{number}"}
        first, again = [await house.client().post(path, headers=key, **given) for _ in range(2)]
        assert first.status_code == again.status_code
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
        assert await first.get_data() == await again.get_data()


async def test_a_key_with_another_body_or_on_another_path_is_refused(house: Any) -> None:
    await house.client().post("/v1/events/replay", json={"status": "failed"}, headers=KEY)
    others: list[tuple[str, Any]] = [
        ("/v1/events/replay", {"after": "2026-01-01T00:00:00Z"}),
        ("/v1/webhook/test", None),
        ("/v1/sms", {"to": "+34600000001", "text": "Hello"}),
    ]
    for path, body in others:
        answer = await house.client().post(path, headers=KEY, **({} if body is None else {"json": body}))
        assert (answer.status_code, (await answer.get_json())["code"]) == (422, "idempotency_key_reused")
    assert await events(house) == []
    assert house.store.backlog() == 0


async def test_a_key_of_a_submission_is_no_key_of_another_call(house: Any) -> None:
    await house.client().post("/v1/sms", json={"to": "+34600000001", "text": "Hello"}, headers=KEY)
    answer = await house.client().post("/v1/webhook/test", headers=KEY)
    assert (answer.status_code, (await answer.get_json())["code"]) == (422, "idempotency_key_reused")


async def test_a_refusal_does_not_use_the_key_up(house: Any) -> None:
    for _ in range(2):
        answer = await house.client("other").post("/v1/webhook/test", headers=KEY)
        assert (answer.status_code, (await answer.get_json())["code"]) == (404, "no_webhook")


@pytest.mark.parametrize(
    "path", ["/v1/webhook/test", "/v1/webhook/enable", "/v1/events/replay", "/v1/events/{}/replay", "/v1/sms/{}/cancel"]
)
async def test_a_key_that_is_no_key_is_refused_on_every_post(house: Any, path: str) -> None:
    message = await a_message(house)
    key = {"Idempotency-Key": "x" * 256}
    answer = await house.client().post(path.format(message), json={"status": "failed"}, headers=key)
    assert (answer.status_code, (await answer.get_json())["code"]) == (422, "invalid_idempotency_key")
    assert await events(house) == []
    assert house.store.backlog() == 1


@pytest.mark.parametrize("first", range(3))
async def test_a_key_is_of_one_call_that_submits_whichever_came_first(house: Any, first: int) -> None:
    message = {"to": "+34600000001", "text": "Hello"}
    line = {"data": json.dumps(message) + "\n", "headers": {**KEY, "Content-Type": "application/x-ndjson"}}
    calls = [
        ("/v1/sms", {"json": message, "headers": KEY}),
        (HERE, {"json": a_campaign(), "headers": KEY}),
        ("/v1/sms/stream", line),
    ]
    path, given = calls.pop(first)
    for _ in range(2):
        answer = await house.client().post(path, **given)
        assert answer.status_code < 300
        assert "reused" not in await answer.get_data(as_text=True)
    for path, given in calls:
        answer = await house.client().post(path, **given)
        assert answer.status_code == (200 if path.endswith("stream") else 422)
        assert '"code":"idempotency_key_reused"' in await answer.get_data(as_text=True)


@pytest.mark.parametrize("path", ["/v1/sms", "/v1/sms/bulk", HERE])
async def test_a_repeat_is_answered_as_it_was_where_the_disk_takes_nothing_new(
    house: Any, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = {"to": "+34600000001", "text": "Hello"}
    body = {"/v1/sms": message, "/v1/sms/bulk": [message], HERE: a_campaign()}[path]
    first = await house.client().post(path, json=body, headers=KEY)
    monkeypatch.setattr(house.store._disk, "_reserve", 1 << 42)
    again = await house.client().post(path, json=body, headers=KEY)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (first.status_code, "true")
    assert await again.get_data() == await first.get_data()
    new = await house.client().post(path, json=body, headers={"Idempotency-Key": "k-2"})
    assert (new.status_code, (await new.get_json())["code"]) == (503, "store_full")
