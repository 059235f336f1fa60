"""One message and bulks: the 201, what is refused and how it is told, and repeats with a key."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trio

Build = Callable[..., dict[str, Any]]

KEYS_OF_A_MESSAGE = [
    "id",
    "client_id",
    "status",
    "from",
    "to",
    "text",
    "lane",
    "encoding",
    "segments",
    "allow_unicode",
    "campaign_id",
    "tag",
    "schedule",
    "expires_at",
    "created_at",
]


async def test_one_message_is_answered_with_201_its_object_and_its_location(house: Any, a_message: Build) -> None:
    answer = await house.client().post("/v1/sms", json=a_message(client_id="order-8841"))
    body = await answer.get_json()
    assert answer.status_code == 201
    assert list(body) == KEYS_OF_A_MESSAGE
    assert answer.headers["Location"] == f"/v1/sms/{body['id']}"
    assert (body["status"], body["from"], body["to"], body["segments"]) == ("queued", "SHOP", "+34600000001", 1)
    assert (await house.client().get(answer.headers["Location"])).status_code == 200


async def test_the_three_line_start_takes_message_for_text(house: Any) -> None:
    answer = await house.client().post("/send", json={"to": "600000001", "message": "Hello"})
    assert answer.status_code == 201
    assert (await answer.get_json())["text"] == "Hello"


async def test_a_scheduled_message_shows_as_scheduled(house: Any, a_message: Build) -> None:
    answer = await house.client().post("/v1/sms", json=a_message(schedule="2099-01-01T00:00:00Z"))
    assert answer.status_code == 422
    body = await answer.get_json()
    assert body["codes"] == {"schedule": ["too_far_ahead"]}


async def test_wrong_fields_are_named_in_words_and_codes(house: Any) -> None:
    answer = await house.client().post("/v1/sms", json={"to": "+3460000000", "text": "Hi", "sende": "X"})
    body = await answer.get_json()
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert list(body) == ["type", "title", "status", "code", "detail", "retryable", "request_id", "fields", "codes"]
    assert body["type"] == "/problems/invalid-fields"
    assert body["detail"] == "Nothing was accepted. Correct 2 fields and send again."
    assert body["request_id"] == answer.headers["Request-Id"]
    assert body["codes"] == {"to": ["number_too_short"], "sende": ["unknown_field"]}


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
async def test_characters_that_no_store_keeps_are_refused_by_field(house: Any, text: str) -> None:
    data = json.dumps({"to": "+34600000001", "text": text})
    answer = await house.client().post("/v1/sms", data=data, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert list((await answer.get_json())["fields"]) == ["text"]


async def test_an_integer_beyond_64_bits_is_refused_by_field(house: Any, a_message: Build) -> None:
    answer = await house.client().post("/v1/sms", json=a_message(validity=10**30))
    assert answer.status_code == 422
    assert list((await answer.get_json())["fields"]) == ["validity"]


async def test_a_client_id_in_use_names_the_message_that_has_it(house: Any, a_message: Build) -> None:
    first = await (await house.client().post("/v1/sms", json=a_message(client_id="one"))).get_json()
    answer = await house.client().post("/v1/sms", json=a_message(client_id="one"))
    assert answer.status_code == 409
    body = await answer.get_json()
    assert (body["code"], body["message_id"]) == ("client_id_in_use", first["id"])


async def test_a_bulk_takes_each_message_on_its_own(house: Any, a_message: Build) -> None:
    items = [
        a_message(client_id="a-1"),
        a_message(to="+3460000000", client_id="a-2"),
        a_message(),
        "x",
        a_message(client_id="a-1"),
    ]
    answer = await house.client().post("/v1/sms/bulk", json=items)
    body = await answer.get_json()
    assert answer.status_code == 201
    assert list(body) == ["submission_id", "entities", "errors"]
    assert body["submission_id"].startswith("sub_")
    assert [entity["index"] for entity in body["entities"]] == [0, 2]
    assert list(body["entities"][0]) == ["index", *KEYS_OF_A_MESSAGE]
    assert [error["index"] for error in body["errors"]] == [1, 3, 4]
    assert list(body["errors"][0]) == ["index", "client_id", "fields", "codes"]
    assert body["errors"][2]["codes"] == {"client_id": ["client_id_in_use"]}


async def test_a_bulk_of_nothing_but_faults_is_201_without_entities(house: Any) -> None:
    answer = await house.client().post("/v1/sms/bulk", json=[{}])
    body = await answer.get_json()
    assert answer.status_code == 201
    assert (body["entities"], len(body["errors"])) == ([], 1)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ([], 422, "empty_bulk"),
        ({"messages": [{}]}, 422, "not_an_array"),
        ("text", 422, "not_an_array"),
        ([{}] * 501, 413, "too_many_items"),
    ],
)
async def test_a_bulk_that_is_no_list_of_1_to_500_is_refused_whole(
    house: Any, body: Any, status: int, code: str
) -> None:
    answer = await house.client().post("/v1/sms/bulk", json=body)
    assert answer.status_code == status
    assert (await answer.get_json())["code"] == code


async def test_a_wrapped_bulk_is_told_to_send_the_array_itself(house: Any) -> None:
    answer = await house.client().post("/v1/sms/bulk", json={"messages": [{}]})
    assert "Send the array itself, without the object" in (await answer.get_json())["detail"]


async def test_an_array_sent_as_one_message_is_pointed_to_the_bulk(house: Any, a_message: Build) -> None:
    answer = await house.client().post("/v1/sms", json=[a_message()])
    assert answer.status_code == 422
    assert "/v1/sms/bulk" in (await answer.get_json())["detail"]


# --- idempotency


async def test_fifty_equal_calls_at_once_with_one_key_are_one_message_and_fifty_equal_answers(
    house: Any, a_message: Build
) -> None:
    bodies: list[bytes] = []
    replayed: list[str | None] = []

    async def call() -> None:
        answer = await house.client().post("/v1/sms", json=a_message(), headers={"Idempotency-Key": "k-1"})
        assert answer.status_code == 201
        bodies.append(await answer.get_data())
        replayed.append(answer.headers.get("Idempotent-Replayed"))

    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(call)
    assert len(bodies) == 50
    assert len(set(bodies)) == 1
    assert sorted(map(str, replayed)) == ["None"] + ["true"] * 49
    assert house.store.backlog() == 1


async def test_a_bulk_is_given_again_whole_with_its_errors_and_indexes(house: Any, a_message: Build) -> None:
    items = [a_message(to="1"), a_message(), a_message(client_id="a"), a_message(client_id="a")]
    first, again = [
        await house.client().post("/v1/sms/bulk", json=items, headers={"Idempotency-Key": "k"}) for _ in range(2)
    ]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert await again.get_json() == await first.get_json()
    assert house.store.backlog() == 2


async def test_a_key_with_another_body_or_path_is_refused(house: Any, a_message: Build) -> None:
    key = {"Idempotency-Key": "k"}
    await house.client().post("/v1/sms", json=a_message(), headers=key)
    for path, body in (("/v1/sms", a_message(text="Other")), ("/send", a_message()), ("/v1/sms/bulk", [a_message()])):
        answer = await house.client().post(path, json=body, headers=key)
        assert answer.status_code == 422
        assert (await answer.get_json())["code"] == "idempotency_key_reused"
    assert house.store.backlog() == 1


@pytest.mark.parametrize("path", ["/v1/sms", "/v1/sms/bulk"])
async def test_a_repeat_whose_first_answer_is_erased_is_refused(
    house: Any, a_message: Build, tmp_path: Path, path: str
) -> None:
    body = a_message() if path == "/v1/sms" else [a_message(), a_message(to="1")]
    assert (await house.client().post(path, json=body, headers={"Idempotency-Key": "k"})).status_code == 201
    with closing(sqlite3.connect(tmp_path / "sluice.db")) as database, database:
        assert database.execute("DELETE FROM messages").rowcount == 1
    answer = await house.client().post(path, json=body, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 409
    assert (await answer.get_json())["code"] == "first_answer_erased"


async def test_a_key_of_another_account_is_another_key(house: Any, a_message: Build) -> None:
    key = {"Idempotency-Key": "k"}
    ids = set()
    for token in ("shop", "other"):
        answer = await house.client(token).post("/v1/sms", json=a_message(), headers=key)
        ids.add((await answer.get_json())["id"])
    assert len(ids) == 2


async def test_a_refusal_does_not_use_the_key_up(house: Any, a_message: Build) -> None:
    key = {"Idempotency-Key": "k"}
    assert (await house.client().post("/v1/sms", json=a_message(to="1"), headers=key)).status_code == 422
    assert (await house.client().post("/v1/sms", json=a_message(), headers=key)).status_code == 201


@pytest.mark.parametrize("key", ["", "has space", "é", "x" * 256])
async def test_a_key_that_is_no_key_is_refused(house: Any, a_message: Build, key: str) -> None:
    answer = await house.client().post("/v1/sms", json=a_message(), headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert (await answer.get_json())["code"] == "invalid_idempotency_key"
    assert house.store.backlog() == 0


async def test_a_key_of_255_characters_is_a_key(house: Any, a_message: Build) -> None:
    answer = await house.client().post("/v1/sms", json=a_message(), headers={"Idempotency-Key": "x" * 255})
    assert answer.status_code == 201


async def test_a_webhook_url_that_nobody_could_sign_is_refused(house: Any, a_message: Build) -> None:
    message = a_message(webhook_url="https://shop.example/of/this/message")
    assert (await house.client("shop").post("/v1/sms", json=message)).status_code == 201
    answer = await house.client("other").post("/v1/sms", json=message)
    assert (answer.status_code, (await answer.get_json())["codes"]) == (422, {"webhook_url": ["no_webhook"]})


# --- when there is no room


@pytest.fixture
def one_waiting_message(configuration: dict[str, Any]) -> None:
    configuration["store"] = {"backlog_limit": 1}


@pytest.mark.usefixtures("one_waiting_message")
async def test_at_the_backlog_limit_503_says_when_to_come_again_and_the_log_why(
    house: Any, a_message: Build, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await house.client().post("/v1/sms", json=a_message())).status_code == 201
    answer = await house.client().post("/v1/sms", json=a_message())
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    body = await answer.get_json()
    assert (body["code"], body["retryable"]) == ("store_full", True)
    assert body["detail"] == (
        "The gateway can't take more messages at the moment. Nothing was accepted. "
        "Send again after the time in Retry-After."
    ), "how much waits for all accounts together, and what the operator has set, is no caller's business"
    assert "store.backlog_limit is 1; wait until some are sent, or raise it" in caplog.text


async def test_a_store_that_closes_is_503_and_not_500(house: Any, a_message: Build) -> None:
    house.store.stop()
    answer = await house.client().post("/v1/sms", json=a_message())
    assert answer.status_code == 503
    body = await answer.get_json()
    assert (body["code"], body["detail"].partition(". ")[0]) == (
        "store_busy",
        "The gateway can't store anything at the moment",
    )
