"""While the gateway drains it takes nothing new, on either listener, and does all else as always."""

from collections.abc import Callable
from typing import Any

import pytest
from campaign_calls import a_campaign, posted
from houses import House
from streams import a_stream

from gateway.identifiers import now_ms
from gateway.rules.timestamps import rfc3339

Message = Callable[..., dict[str, Any]]


async def drained(house: House) -> None:
    answer = await house.operator().post("/admin/drain")
    assert (answer.status_code, (await answer.get_json())["draining"]) == (200, True)


@pytest.mark.parametrize("path", ["/send", "/v1/sms", "/v1/sms/bulk", "/v1/campaigns/sms", "/v1/sms/stream"])
async def test_every_call_that_submits_is_turned_away(house: House, a_message: Message, path: str) -> None:
    await drained(house)
    bodies: dict[str, Any] = {"/v1/sms/bulk": [a_message()], "/v1/campaigns/sms": a_campaign()}
    given: dict[str, Any] = {"json": bodies.get(path, a_message())}
    if path.endswith("stream"):
        given = {"data": b"{}\n", "headers": {"Content-Type": "application/x-ndjson"}}
    answer = await house.client().post(path, **given)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert (await answer.get_json())["code"] == "draining"
    assert house.store.backlog() == 0


@pytest.mark.parametrize("path", ["/send", "/v1/sms", "/v1/sms/bulk", "/v1/campaigns/sms"])
async def test_a_repeat_of_what_was_accepted_is_answered_as_it_was(house: House, a_message: Message, path: str) -> None:
    bodies: dict[str, Any] = {"/v1/sms/bulk": [a_message()], "/v1/campaigns/sms": a_campaign()}
    body = bodies.get(path, a_message())
    first = await house.client().post(path, json=body, headers={"Idempotency-Key": "a"})
    await drained(house)
    filed = house.store.backlog()
    again = await house.client().post(path, json=body, headers={"Idempotency-Key": "a"})
    assert again.status_code == first.status_code
    assert again.headers["Idempotent-Replayed"] == "true"
    assert await again.get_data() == await first.get_data()
    new = await house.client().post(path, json=body, headers={"Idempotency-Key": "b"})
    assert (new.status_code, (await new.get_json())["code"]) == (503, "draining")
    assert house.store.backlog() == filed


async def test_a_campaign_whose_key_is_in_its_body_is_answered_again(house: House) -> None:
    campaign = a_campaign(idempotency_key="may")
    first = await posted(house, campaign)
    await drained(house)
    assert (await posted(house, campaign))["id"] == first["id"]


async def test_what_submits_nothing_goes_on_and_so_do_cancels(house: House, a_message: Message) -> None:
    accepted = await (await house.client().post("/v1/sms", json=a_message())).get_json()
    campaign = await posted(house, a_campaign())
    await drained(house)
    path = f"/v1/sms/{accepted['id']}"
    assert (await house.client().get(path)).status_code == 200
    assert (await house.client().post(f"{path}/cancel")).status_code == 200
    assert (await house.client().post(f"/v1/campaigns/{campaign['id']}/cancel")).status_code == 200
    assert (await house.client().post("/v1/sms/preview", json=a_message())).status_code == 200
    assert (await house.client().call("PUT", "/v1/opt-outs/+34600000001", json={})).status_code == 201


async def test_a_drain_is_taken_back_and_both_are_audited(house: House, a_message: Message) -> None:
    await drained(house)
    await drained(house)
    assert (await house.operator().call("DELETE", "/admin/drain")).status_code == 200
    assert (await house.client().post("/v1/sms", json=a_message())).status_code == 201
    audit = await (await house.operator().get("/admin/audit")).get_json()
    assert [one["what"] for one in audit["entities"]] == ["undrain_gateway", "drain_gateway"]


async def test_readyz_is_503_with_the_reason(house: House) -> None:
    await drained(house)
    answer = await house.client(None).get("/readyz")
    problem = await answer.get_json()
    assert (answer.status_code, problem["code"], problem["draining"]) == (503, "not_ready", True)
    assert (await house.operator().get("/admin/status")).status_code == 200
    await house.operator().call("DELETE", "/admin/drain")
    assert (await house.client(None).get("/readyz")).status_code == 200


async def test_an_open_stream_is_answered_what_was_taken_and_told_why_it_ends(house: House, a_message: Message) -> None:
    async with a_stream(house.app) as stream:
        await stream.begun()
        stream.say(a_message())
        assert (await stream.heard())["line"] == 1
        await drained(house)
        assert (await stream.heard())["closing"]["code"] == "draining"
    await house.operator().call("DELETE", "/admin/drain")
    async with a_stream(house.app) as stream:
        stream.say(a_message())
        stream.finish()
        assert [answer["line"] for answer in await stream.rest()] == [1]


async def test_what_is_left_is_counted(house: House, a_message: Message) -> None:
    later = {"schedule": rfc3339(now_ms() + 3_600_000)}
    for changes in ({}, {}, later):
        assert (await house.client().post("/v1/sms", json=a_message(**changes))).status_code == 201
    await drained(house)
    state = await (await house.operator().get("/admin/drain?receipts=true")).get_json()
    counts = {name: value for name, value in state.items() if isinstance(value, int) and name != "draining"}
    assert counts.pop("events_pending") == state["events_pending"]
    assert counts == {"queued": 2, "in_flight": 0, "in_doubt": 0, "events_disabled": 0, "receipts_awaited": 0}
    assert (await house.operator().get("/admin/drain?receipts=perhaps")).status_code == 422


async def test_a_stop_is_audited_and_told_to_the_process(house: House) -> None:
    answer = await house.operator().post("/admin/stop")
    assert (answer.status_code, await answer.get_json()) == (202, {"stopping": True})
    assert house.carriers.rebound == ["ended"]
    audit = await (await house.operator().get("/admin/audit")).get_json()
    assert [one["what"] for one in audit["entities"]] == ["stop_gateway"]
