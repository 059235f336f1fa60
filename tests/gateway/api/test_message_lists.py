"""GET /v1/sms and GET /v1/events by their filters; a wrong value is told by its parameter, with what to write."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import trio

from gateway import identifiers
from gateway.api.description.inbound_schemas import InboundMessage
from gateway.api.description.schemas import ListedMessage
from gateway.store.interface import InboundIn

Build = Callable[..., dict[str, Any]]


async def submitted(house: Any, message: dict[str, Any]) -> str:
    answer = await house.client().post("/v1/sms", json=message)
    assert answer.status_code == 201
    found: str = (await answer.get_json())["id"]
    return found


async def listed(house: Any, query: str, token: str = "shop-read", path: str = "/v1/sms") -> list[str]:
    """The ids of one page that is the last."""
    answer = await house.client(token).get(f"{path}?{query}")
    body = await answer.get_json()
    assert answer.status_code == 200, body
    assert body["next_cursor"] is None
    return [entity["id"] for entity in body["entities"]]


async def came_in(house: Any, **changes: Any) -> int:
    """An inbound message of shop's; its id inside."""
    given = {"id": identifiers.now_ms() << 20, "carrier": "telco", "account": "shop", "sender": "+34600000001"}
    given |= {"recipient": "SHOP", "text": "Hello", "encoding": "gsm7", "at": identifiers.now_ms(), **changes}
    kept = trio.Event()
    house.store.inbound(InboundIn(**given), lambda _: kept.set())
    await kept.wait()
    return int(given["id"])


async def test_every_message_of_the_account_is_listed_newest_first_page_by_page(house: Any, a_message: Build) -> None:
    sent = [await submitted(house, a_message()) for _ in range(3)]
    await house.client("other").post("/v1/sms", json=a_message(to="+34600000001"))
    found, cursor = [], ""
    for _ in range(2):
        page = await (await house.client().get(f"/v1/sms?limit=2{cursor}")).get_json()
        found += [entity["id"] for entity in page["entities"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert page["next_cursor"] is None
    assert found == sent[::-1]
    assert list(page["entities"][0]) == [field.encode_name for field in msgspec.structs.fields(ListedMessage)]


@pytest.mark.parametrize(
    ("query", "differs"),
    [
        ("client_id=order-1", {"client_id": "order-1"}),
        ("to=%2B34600000002", {"to": "+34600000002"}),
        ("to=+34600000002", {"to": "+34600000002"}),
        ("to=600000002", {"to": "+34600000002"}),
        ("lane=otp", {"lane": "otp"}),
        ("tag=may", {"tag": "may"}),
        ("status=scheduled,sent", {"schedule": "2027-01-01T00:00:00Z"}),
        ("direction=outbound&tag=may&lane=otp", {"tag": "may", "lane": "otp"}),
    ],
)
async def test_a_message_is_found_by_what_it_has(
    far_ahead: None, house: Any, a_message: Build, query: str, differs: dict[str, Any]
) -> None:
    await submitted(house, a_message())
    assert await listed(house, query) == []
    found = await submitted(house, a_message(**differs))
    assert await listed(house, query) == [found]


@pytest.mark.parametrize("query", ["", "to=%2B34600000001", "client_id=order-1", "tag=may", "direction=inbound"])
async def test_another_account_finds_none_of_it(house: Any, a_message: Build, query: str) -> None:
    await submitted(house, a_message(client_id="order-1", tag="may"))
    await came_in(house)
    assert len(await listed(house, query)) == 1
    assert await listed(house, query, "other") == []


@pytest.fixture
def far_ahead(configuration: dict[str, Any]) -> None:
    """Before the house is built."""
    configuration["limits"] = {"schedule_ahead": "400d"}


async def test_messages_are_found_by_sender_and_by_the_bulk_that_brought_them(house: Any, a_message: Build) -> None:
    await submitted(house, a_message())
    bulk = await (await house.client().post("/v1/sms/bulk", json=[a_message(), a_message()])).get_json()
    expected = [entity["id"] for entity in reversed(bulk["entities"])]
    assert await listed(house, f"submission_id={bulk['submission_id']}") == expected
    assert await listed(house, f"submission_id={bulk['submission_id']}", "other") == []
    assert len(await listed(house, "from=SHOP")) == 3
    assert await listed(house, "from=OTHER") == []


async def test_messages_are_found_by_time_whose_offset_may_have_lost_its_plus(house: Any, a_message: Build) -> None:
    found = await submitted(house, a_message())
    for since in ("2026-01-01T00:00:00Z", "2026-01-01T02:00:00%2B02:00", "2026-01-01T02:00:00+02:00"):
        assert await listed(house, f"created_after={since}") == [found]
        assert await listed(house, f"created_before={since}") == []
    assert await listed(house, "created_before=9999-12-31T23:59:59Z&created_after=0001-01-01T00:00:00Z") == [found]


async def test_ids_that_are_nobodys_find_nothing(house: Any, a_message: Build) -> None:
    await submitted(house, a_message())
    for prefix, name in ((identifiers.CAMPAIGN, "campaign_id"), (identifiers.SUBMISSION, "submission_id")):
        assert await listed(house, f"{name}={identifiers.public(prefix, 12345)}") == []
    unknown = identifiers.public(identifiers.MESSAGE, 12345)
    assert await listed(house, f"message_id={unknown}", path="/v1/events") == []


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("status=gone", "status", "must be of scheduled, queued, sent"),
        ("status=sent,", "status", "several with commas"),
        ("status=", "status", "leave it out"),
        ("lane=fast", "lane", "must be of otp, transactional, promotional"),
        ("direction=both", "direction", "must be of outbound, inbound"),
        ("to=abc", "to", "is not a phone number"),
        ("to=%2B12", "to", "is too short"),
        ("from=" + "x" * 22, "from", "21 are the most"),
        ("tag=" + "x" * 101, "tag", "100 are the most"),
        ("campaign_id=msg_1", "campaign_id", "begin with cmp_"),
        ("submission_id=1", "submission_id", "begin with sub_"),
        ("created_after=yesterday", "created_after", "with its zone, such as"),
        ("created_before=2026-01-01", "created_before", "with its zone, such as"),
        ("created_after=2026-01-02T00:00:00Z&created_before=2026-01-01T00:00:00Z", "created_before", "is before"),
        ("message_id=msg_1", "message_id", "it takes direction, to, from"),
        ("direction=inbound&status=sent", "status", "is not for direction=inbound, which takes to, from"),
        ("direction=inbound&created_after=x", "created_after", "is not a time"),
    ],
)
async def test_a_wrong_filter_is_told_with_what_to_write(house: Any, query: str, field: str, words: str) -> None:
    answer = await house.client().get(f"/v1/sms?{query}")
    body = await answer.get_json()
    assert (answer.status_code, list(body["fields"]), list(body["codes"])) == (422, [field], [field])
    assert words in body["fields"][field][0]


async def test_all_that_is_wrong_is_told_at_once(house: Any) -> None:
    body = await (await house.client().get("/v1/sms?status=x&lane=y&to=z")).get_json()
    assert sorted(body["fields"]) == ["lane", "status", "to"]
    assert body["detail"].startswith("Nothing was looked up.")


# --- what came in


async def test_what_came_in_is_listed_apart(house: Any, a_message: Build) -> None:
    await submitted(house, a_message())
    first = identifiers.public(identifiers.INBOUND, await came_in(house))
    other = identifiers.public(identifiers.INBOUND, await came_in(house, sender="+34600000002", text="Hi"))
    await came_in(house, account="other")
    assert await listed(house, "direction=inbound") == [other, first]
    assert await listed(house, "direction=inbound&from=+34600000002") == [other]
    assert await listed(house, "direction=inbound&to=SHOP&created_after=2026-01-01T00:00:00Z") == [other, first]
    assert await listed(house, "direction=inbound&to=2525") == []
    (shown, _) = (await (await house.client().get("/v1/sms?direction=inbound")).get_json())["entities"]
    assert list(shown) == [field.encode_name for field in msgspec.structs.fields(InboundMessage)]
    assert (shown["direction"], shown["status"], shown["from"], shown["to"]) == (
        "inbound", "received", "+34600000002", "SHOP",
    )  # fmt: skip
    assert (shown["text"], shown["parts"], shown["complete"], shown["text_erased_at"]) == ("Hi", 1, True, None)


# --- events


async def test_events_are_found_by_type_message_and_time(house: Any, a_message: Build) -> None:
    messages = [await submitted(house, a_message()) for _ in range(2)]
    for message in messages:
        await house.client().post(f"/v1/sms/{message}/cancel")
    await house.client().post("/v1/webhook/test")

    async def told(query: str) -> list[tuple[str, str | None]]:
        body = await (await house.client("shop-read").get(f"/v1/events?{query}")).get_json()
        return [(entity["type"], entity["message_id"]) for entity in body["entities"]]

    canceled = [("message.canceled", message) for message in reversed(messages)]
    assert await told("") == [("webhook.test", None), *canceled]
    assert await told("type=message.canceled") == canceled
    assert await told("type=webhook.test,message.sent") == [("webhook.test", None)]
    assert await told(f"message_id={messages[0]}") == canceled[1:]
    assert await told(f"message_id={messages[0]}&type=message.sent") == []
    assert await told("created_before=2026-01-01T00:00:00Z") == []
    assert len(await told("created_after=2026-01-01T00:00:00Z&status=pending")) == 3


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("status=gone", "status", "must be of pending, delivered, failed; several with commas"),
        ("type=message.gone", "type", "must be of message.scheduled, message.queued"),
        ("message_id=order-1", "message_id", "begin with msg_"),
        ("created_after=x", "created_after", "with its zone, such as"),
        ("after=2026-01-01T00:00:00Z", "after", "it takes status, type, message_id, created_after"),
    ],
)
async def test_a_wrong_filter_of_events_is_told_with_what_to_write(
    house: Any, query: str, field: str, words: str
) -> None:
    answer = await house.client().get(f"/v1/events?{query}")
    body = await answer.get_json()
    assert (answer.status_code, list(body["fields"])) == (422, [field])
    assert words in body["fields"][field][0]
