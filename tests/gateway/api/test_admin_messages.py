"""Operators look for messages, read their stories and act on them; viewers only look, and no text is shown unasked."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from claimed_messages import sent, submitted
from houses import hashed

from gateway import identifiers
from gateway.messages import Status
from gateway.store.interface import ReceiptIn
from protocol.receipts import Receipt, ReceiptState

Build = Callable[..., dict[str, Any]]
ANNA, VICTOR = "annas-token-of-tests", "victors-token-of-tests"
TEXT, NUMBER, MASKED = "Your code is 1234", "+34600000001", "+34•••••••01"
RAW = "id:5F3A sub:001 dlvrd:001 stat:DELIVRD err:000 to:34600000001 text:Your code is"


@pytest.fixture(autouse=True)
def operators(configuration: dict[str, Any]) -> None:
    configuration["operator"]["tokens"] += [
        {"sha256": hashed(ANNA), "name": "anna"},
        {"sha256": hashed(VICTOR), "name": "victor", "role": "viewer"},
    ]


async def delivered(house: Any, message: dict[str, Any], raw: str = RAW, *, may_quote: bool = False) -> str:
    found = await sent(house, message)
    kept = trio.Event()
    said = ("5F3A", (), ReceiptState.DELIVERED, "DELIVRD", "000", None, None, None, NUMBER[1:], "SHOP", raw, ())
    receipt = Receipt(*said, may_quote=may_quote)
    told = ReceiptIn("telco", "telco/1", receipt, identifiers.now_ms(), None, None, None)
    house.store.receipt(told, lambda _: kept.set())
    await kept.wait()
    return found


async def found_by(house: Any, query: str, token: str = ANNA) -> list[dict[str, Any]]:
    answer = await house.operator(token).get(f"/admin/messages?{query}")
    assert answer.status_code == 200
    entities: list[dict[str, Any]] = (await answer.get_json())["entities"]
    return entities


async def story_of(house: Any, message: str, token: str = ANNA) -> dict[str, Any]:
    found: dict[str, Any] = await (await house.operator(token).get(f"/admin/messages/{message}")).get_json()
    return found


async def test_a_message_is_found_by_whatever_support_was_told(house: Any, a_message: Build) -> None:
    wanted = await sent(house, a_message(client_id="order-8841"))
    await submitted(house, a_message(to="+34600000002", client_id="order-2"), account="other")
    for q in (wanted, "order-8841", "5f3a", "%2B34600000001", "600000001", "*0001", "%E2%80%A60001"):
        (entity,) = await found_by(house, f"q={q}")
        assert (entity["id"], entity["account"], entity["to"]) == (wanted, "shop", NUMBER)
    for query in ("client_id=order-8841", "number=34600000001", "ends_with=0001", "carrier_message_id=5F3A"):
        assert [entity["id"] for entity in await found_by(house, query)] == [wanted]
    assert await found_by(house, "q=nobody") == []


async def test_a_found_message_is_told_in_short_and_without_its_text(house: Any, a_message: Build) -> None:
    wanted = await sent(house, a_message(client_id="order-1", tag="may"))
    (entity,) = await found_by(house, f"q={wanted}")
    assert entity.pop("created_at").endswith("Z")
    assert entity == {
        "id": wanted, "account": "shop", "client_id": "order-1", "from": "SHOP", "to": NUMBER, "status": "sent",
        "lane": "transactional", "campaign_id": None, "tag": "may", "segments": 1, "carrier": "telco", "done_at": None,
    }  # fmt: skip


async def test_messages_are_narrowed_and_paged(house: Any, a_message: Build) -> None:
    first = await sent(house, a_message())
    others = [await submitted(house, a_message(to=f"+3460000000{n}"), account="other") for n in (2, 3, 4)]
    assert [entity["id"] for entity in await found_by(house, f"status={Status.SENT}&carrier=telco")] == [first]
    assert [entity["id"] for entity in await found_by(house, "account=other")] == others[::-1]
    page = await (await house.operator(ANNA).get("/admin/messages?limit=2")).get_json()
    assert page["looked_back_to"] is None
    assert [entity["id"] for entity in page["entities"]] == [others[2], others[1]]
    assert [e["id"] for e in await found_by(house, f"limit=2&cursor={page['next_cursor']}")] == [others[0], first]


@pytest.mark.parametrize(
    ("query", "field"),
    [("q=msg_1", "q"), ("status=lost", "status"), ("number=1", "number"), ("text=a", "text"), ("cursor=1", "cursor")],
)
async def test_a_search_that_makes_no_sense_names_its_field(house: Any, query: str, field: str) -> None:
    answer = await house.operator(ANNA).get(f"/admin/messages?{query}")
    assert answer.status_code == 422
    assert list((await answer.get_json())["fields"]) == [field]


async def test_a_story_tells_all_that_happened_without_what_the_message_says(house: Any, a_message: Build) -> None:
    story = await story_of(house, await delivered(house, a_message()))
    assert (story["account"], story["to"], story["text"], story["waits"]) == ("shop", NUMBER, None, None)
    assert story["summary"].startswith("Delivered: telco said so")
    receipt = next(step for step in story["timeline"] if step["what"] == "receipt")
    assert (receipt["state"], receipt["err"], receipt["applied"]) == ("DELIVRD", "000", True)
    assert receipt["raw"] == RAW.removesuffix("Your code is")
    assert "code is" not in str(story)
    assert [(event["type"], event["host"]) for event in story["events"]] == [
        ("message.sent", "shop.example"),
        ("message.delivered", "shop.example"),
    ]


async def test_a_receipt_that_may_quote_the_text_is_shown_by_a_reveal_alone(house: Any, a_message: Build) -> None:
    raw = f"id:5F3A stat:DELIVRD said {TEXT}"
    message = await delivered(house, a_message(), raw, may_quote=True)

    def shown(story: dict[str, Any]) -> Any:
        return next(step for step in story["timeline"] if step["what"] == "receipt")["raw"]

    assert shown(await story_of(house, message)) is None
    revealed = await (await house.operator(ANNA).post(f"/admin/messages/{message}/reveal")).get_json()
    assert shown(revealed) == raw


async def test_a_viewer_sees_the_same_with_numbers_masked(house: Any, a_message: Build) -> None:
    message = await delivered(house, a_message())
    story = await story_of(house, message, VICTOR)
    (entity,) = await found_by(house, f"q={message}", VICTOR)
    assert (story["to"], entity["to"], story["from"]) == (MASKED, MASKED, "SHOP")
    assert "600000001" not in str(story) + str(entity)
    assert TEXT not in str(story)


@pytest.mark.parametrize("what", ["reveal", "cancel", "replay"])
async def test_a_viewer_may_look_but_not_act(house: Any, a_message: Build, what: str) -> None:
    message = await submitted(house, a_message())
    answer = await house.operator(VICTOR).post(f"/admin/messages/{message}/{what}")
    assert (answer.status_code, (await answer.get_json())["code"]) == (403, "insufficient_scope")
    assert (await house.operator(None).post(f"/admin/messages/{message}/{what}")).status_code == 401
    assert (await house.operator(VICTOR).get("/admin/status")).status_code == 200
    assert (await (await house.operator(VICTOR).get("/admin/audit")).get_json())["entities"] == []


@pytest.mark.parametrize("path", ["reload", "webhook/test", "doubts/msg_1/settle", "carriers/telco/rebind"])
async def test_a_viewer_changes_nothing_else_either(house: Any, path: str) -> None:
    answer = await house.operator(VICTOR).post(f"/admin/{path}")
    assert answer.status_code == 403


async def test_a_reveal_shows_all_and_says_in_the_story_and_in_the_audit_who_asked(
    house: Any, a_message: Build
) -> None:
    message = await delivered(house, a_message())
    answer = await house.operator(ANNA).post(f"/admin/messages/{message}/reveal")
    shown = await answer.get_json()
    assert (answer.status_code, shown["text"], shown["to"]) == (200, TEXT, NUMBER)
    assert next(step for step in shown["timeline"] if step["what"] == "receipt")["raw"] == RAW
    (step,) = [step for step in (await story_of(house, message, VICTOR))["timeline"] if step["what"] == "by_hand"]
    assert (step["who"], step["did"]) == ("operator:anna", "reveal")
    (row,) = (await (await house.operator(ANNA).get("/admin/audit?what=reveal")).get_json())["entities"]
    assert (row["who"], row["message"]) == ("operator:anna", message)
    assert row["request_id"] == answer.headers["Request-Id"] == step["request_id"]


async def test_what_the_audit_cannot_keep_is_not_revealed(house: Any, a_message: Build) -> None:
    message = await delivered(house, a_message())
    house.store.stop()
    answer = await house.operator(ANNA).post(f"/admin/messages/{message}/reveal")
    said = (await answer.get_data()).decode()
    assert answer.status_code == 503
    assert TEXT not in said
    assert NUMBER not in said


async def test_an_operator_cancels_whoevers_message_once(house: Any, a_message: Build) -> None:
    message = await submitted(house, a_message(), account="other")
    for _ in range(2):
        answer = await house.operator(ANNA).post(f"/admin/messages/{message}/cancel")
        assert (answer.status_code, await answer.get_json()) == (200, {"id": message, "status": "canceled"})
    story = await story_of(house, message)
    assert (story["status"], story["summary"].split(".")[0]) == ("canceled", "Canceled")
    late = await house.operator(ANNA).post(f"/admin/messages/{await sent(house, a_message())}/cancel")
    assert (late.status_code, (await late.get_json())["code"]) == (409, "already_sent")


async def test_a_replay_says_how_many_events_are_told_again(house: Any, a_message: Build) -> None:
    message = await submitted(house, a_message())
    answer = await house.operator(ANNA).post(f"/admin/messages/{message}/replay")
    assert (answer.status_code, await answer.get_json()) == (202, {"replayed": 0})


@pytest.mark.parametrize("call", ["GET {}", "POST {}/cancel", "POST {}/replay", "POST {}/reveal"])
@pytest.mark.parametrize("text", ["msg_1", "order-1"])
async def test_a_message_that_is_none_is_not_found(house: Any, call: str, text: str) -> None:
    method, path = call.format(f"/admin/messages/{text}").split()
    assert (await house.operator(ANNA).call(method, path)).status_code == 404
    known_by_nobody = identifiers.public(identifiers.MESSAGE, 1 << 40)
    answer = await house.operator(ANNA).call(method, path.replace(text, known_by_nobody))
    assert answer.status_code == 404


async def test_a_waiting_message_is_told_with_what_it_waits_for(house: Any, a_message: Build) -> None:
    message = await submitted(house, a_message())
    story = await story_of(house, message)
    assert (story["state"], story["waits"]["for"], story["waits"]["ahead"]) == ("queued", "turn", 1)
    house.carriers.able = False
    story = await story_of(house, message)
    assert story["waits"]["carriers"] == [{"name": "telco", "able": False, "why": "no bind is up"}]
    assert story["summary"].startswith("Waits: no carrier of its route can send since 2026-11-21 18:04:05 UTC (telco: ")


async def test_the_audit_is_narrowed_and_paged(house: Any, a_message: Build) -> None:
    messages = [await submitted(house, a_message()) for _ in range(3)]
    for message in messages:
        await house.operator(ANNA).post(f"/admin/messages/{message}/reveal")
    await house.client().post(f"/v1/sms/{messages[0]}/cancel")

    async def told(query: str) -> Any:
        return await (await house.operator(VICTOR).get(f"/admin/audit?{query}")).get_json()

    assert [row["message"] for row in (await told("who=anna"))["entities"]] == messages[::-1]
    assert [row["who"] for row in (await told("what=cancel"))["entities"]] == ["account:shop"]
    page = await told("limit=3")
    rest = await told(f"limit=3&cursor={page['next_cursor']}")
    assert (len(page["entities"]), [row["message"] for row in rest["entities"]]) == (3, [messages[0]])
    wrong = await house.operator(ANNA).get("/admin/audit?what=nothing")
    assert (wrong.status_code, list((await wrong.get_json())["fields"])) == (422, ["what"])


async def test_a_viewers_trace_shows_nothing(house: Any) -> None:
    answer = await house.operator(VICTOR).get("/admin/carriers/telco/trace?seconds=1&show=true")
    assert answer.status_code == 403
