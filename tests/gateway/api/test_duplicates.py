"""The same text to the same number: refused in lanes with a window, flagged in a bulk that asks for it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Build = Callable[..., dict[str, Any]]


async def test_an_otp_sent_twice_is_409_with_the_first_id(house: Any, a_message: Build) -> None:
    shop = house.client()
    first = await (await shop.post("/v1/sms", json=a_message(lane="otp"))).get_json()
    answer = await shop.post("/v1/sms", json=a_message(lane="otp"))
    body = await answer.get_json()
    assert (answer.status_code, body["code"], body["message_id"]) == (409, "duplicate", first["id"])
    assert (await shop.post("/v1/sms", json=a_message(lane="otp", text="Your code is 1235"))).status_code == 201
    assert (await shop.post("/v1/sms", json=a_message())).status_code == 201, "another lane"


async def test_in_a_bulk_it_is_the_items_error_and_told_again_with_the_key(house: Any, a_message: Build) -> None:
    shop, items = house.client(), [a_message(lane="otp"), a_message(lane="otp", text="Other"), a_message(lane="otp")]
    bodies = [
        await (await shop.post("/v1/sms/bulk", json=items, headers={"Idempotency-Key": "a"})).get_json()
        for _ in range(2)
    ]
    assert bodies[0]["errors"] == bodies[1]["errors"]
    first, other = bodies[0]["entities"]
    assert [error["codes"] for error in bodies[0]["errors"]] == [{"text": ["duplicate"]}]
    assert first["id"] in bodies[0]["errors"][0]["fields"]["text"][0]
    assert [entity["id"] for entity in bodies[1]["entities"]] == [first["id"], other["id"]]


async def test_a_bulk_flags_its_duplicates_if_asked_and_sends_them(house: Any, a_message: Build) -> None:
    items = [a_message(), {"to": "1"}, a_message(to="+34 600 000 001"), a_message(text="Other"), a_message()]
    body, head = json.dumps(items), {"Content-Type": "application/json", "Idempotency-Key": "a"}
    for _ in range(2):
        answer = await house.client().post("/v1/sms/bulk?flag_duplicates=true", data=body, headers=head)
        entities = (await answer.get_json())["entities"]
        assert [(entity["index"], entity.get("duplicate_of")) for entity in entities] == [
            (0, None), (2, 0), (3, None), (4, 0),
        ]  # fmt: skip


@pytest.mark.parametrize("query", ["", "?flag_duplicates=false"])
async def test_nothing_is_flagged_unless_asked_for(house: Any, a_message: Build, query: str) -> None:
    answer = await house.client().post(f"/v1/sms/bulk{query}", json=[a_message(), a_message()])
    assert all("duplicate_of" not in entity for entity in (await answer.get_json())["entities"])


async def test_flag_duplicates_is_true_or_false(house: Any, a_message: Build) -> None:
    answer = await house.client().post("/v1/sms/bulk?flag_duplicates=yes", json=[a_message()])
    assert answer.status_code == 422
    assert (await answer.get_json())["codes"] == {"flag_duplicates": ["wrong_type"]}
