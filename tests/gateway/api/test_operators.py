"""The operators' listener: open figures, /admin behind its token, and doubts settled by hand."""

from collections.abc import Callable
from typing import Any

import pytest
from claimed_messages import a_claim
from houses import hashed

from gateway import identifiers
from gateway.desk.carriers_view import BreakerView
from gateway.store.interface import AttemptName, InboundIn, ReceiptIn
from protocol.receipts import Receipt, ReceiptState

Build = Callable[..., dict[str, Any]]


async def test_metrics_and_health_are_open(house: Any) -> None:
    answer = await house.operator(None).get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain")
    assert (await house.operator(None).get("/healthz")).status_code == 200


ADMIN = ["status", "carriers", "queues", "doubts", "endpoints", "parked"]


@pytest.mark.parametrize("what", ADMIN)
async def test_admin_takes_operators_tokens_alone(house: Any, what: str) -> None:
    for token in (None, "shop", "nobody"):
        assert (await house.operator(token).get(f"/admin/{what}")).status_code == 401
    assert (await house.operator().get(f"/admin/{what}")).status_code == 200


@pytest.mark.parametrize("path", ["/admin/status", "/metrics"])
async def test_callers_do_not_reach_operators_calls(house: Any, path: str) -> None:
    assert (await house.client("operator-token-of-tests").get(path)).status_code == 404


@pytest.fixture
def no_operator(configuration: dict[str, Any]) -> None:
    del configuration["operator"]


@pytest.mark.usefixtures("no_operator")
async def test_without_a_token_in_the_settings_admin_stays_closed(house: Any) -> None:
    for token in (None, "", "operator-token-of-tests"):
        assert (await house.operator(token).get("/admin/status")).status_code == 401


async def test_a_route_is_explained_with_carriers_as_they_stand(house: Any) -> None:
    said = await (await house.operator().get("/admin/route?number=%2B34600000001&account=shop&sender=SHOP")).get_json()
    assert said["route"] == "rest"
    assert said["lines"][0] == "number +34600000001: Spain (ES), mobile, network 21401 (table)"
    assert "telco: able to send" in said["lines"]


async def test_a_silent_carrier_is_told_as_the_last_resort_that_it_is(house: Any) -> None:
    house.carriers.breaker = BreakerView("open", "silence", "no receipt for 90 s", 1_795_284_245_123, None)
    said = await (await house.operator().get("/admin/route?number=%2B34600000001&account=shop&sender=SHOP")).get_json()
    assert said["lines"][-2:] == [
        "telco: breaker open (silence: no receipt for 90 s)",
        "telco gets it, as no other can",
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("account=shop", "number"),
        ("number=12&account=shop", "number"),
        ("number=1&account=x", "account"),
        ("to=1", "to"),
    ],
)
async def test_a_question_about_a_route_that_makes_no_sense_names_its_field(house: Any, query: str, field: str) -> None:
    answer = await house.operator().get(f"/admin/route?{query}")
    assert answer.status_code == 422
    assert field in (await answer.get_json())["fields"]


async def test_status_tells_the_backlog_and_the_binds(house: Any, a_message: Build) -> None:
    await house.client().post("/v1/sms", json=a_message())
    body = await (await house.operator().get("/admin/status")).get_json()
    assert (body["backlog"], body["doubts"], body["parked"]) == (1, 0, 0)
    assert body["carriers"][0]["binds"][0]["name"] == "telco/1"
    queues = (await (await house.operator().get("/admin/queues")).get_json())["entities"]
    assert [(queue["lane"], queue["account"], queue["ready"]) for queue in queues] == [("transactional", "shop", 1)]


async def a_doubt(house: Any, message: dict[str, Any]) -> str:
    """A message that was written to the wire and never answered."""
    found, claim = await a_claim(house, message)
    house.store.doubt("telco/1", [AttemptName(claim.message, 1, 1)], 0)
    await house.store.keep_alive()
    return found


async def test_carriers_are_shown_with_their_breakers(house: Any) -> None:
    async def breaker() -> Any:
        (carrier,) = (await (await house.operator().get("/admin/carriers")).get_json())["entities"]
        return carrier["breaker"]

    assert await breaker() is None
    house.carriers.breaker = BreakerView("closed", None, "", 1_795_284_245_123, None)
    at = "2026-11-21T18:04:05.123Z"
    assert await breaker() == {"state": "closed", "cause": None, "detail": None, "since": at, "retry_at": None}
    house.carriers.breaker = BreakerView("open", "errors", "errors 0.82 of 40", 1_795_284_245_123, 1_795_284_275_123)
    assert await breaker() == {
        "state": "open",
        "cause": "errors",
        "detail": "errors 0.82 of 40",
        "since": at,
        "retry_at": "2026-11-21T18:04:35.123Z",
    }


async def test_pain_31_refused_credentials_are_an_alarm_and_an_operator_can_have_them_tried_again(house: Any) -> None:
    house.carriers.alarm = "ESME_RINVPASWD"
    (carrier,) = (await (await house.operator().get("/admin/carriers")).get_json())["entities"]
    assert carrier["alarm"] == "ESME_RINVPASWD"
    answer = await house.operator().post("/admin/carriers/telco/rebind")
    assert (answer.status_code, await answer.get_json()) == (202, {"name": "telco"})
    assert house.carriers.rebound == ["telco"]
    assert (await house.operator().post("/admin/carriers/nobody/rebind")).status_code == 404
    assert (await house.operator(None).post("/admin/carriers/telco/rebind")).status_code == 401


async def test_a_doubt_is_listed_without_its_text_and_settled_once(house: Any, a_message: Build) -> None:
    found = await a_doubt(house, a_message(lane="promotional", text="a secret"))
    listed = await house.operator().get("/admin/doubts")
    assert "a secret" not in (await listed.get_data()).decode()
    (doubt,) = (await listed.get_json())["entities"]
    assert (doubt["id"], doubt["settled_by"], doubt["carrier"], doubt["to"]) == (found, "hold", "telco", "+34600000001")
    answer = await house.operator().post(f"/admin/doubts/{found}/settle", json={"outcome": "unknown"})
    assert (answer.status_code, await answer.get_json()) == (200, {"id": found, "outcome": "unknown"})
    assert (await (await house.client().get(f"/v1/sms/{found}")).get_json())["status"] == "unknown"
    again = await house.operator().post(f"/admin/doubts/{found}/settle", json={"outcome": "unknown"})
    assert (again.status_code, (await again.get_json())["code"]) == (409, "not_in_doubt")


@pytest.mark.parametrize("body", [{}, {"outcome": "delivered"}, {"outcome": ["sent"]}, {"outcome": "sent", "x": 1}, []])
async def test_a_settling_that_can_not_be_meant_is_refused(house: Any, a_message: Build, body: Any) -> None:
    found = await a_doubt(house, a_message())
    answer = await house.operator().post(f"/admin/doubts/{found}/settle", json=body)
    assert answer.status_code == 422
    assert len((await (await house.operator().get("/admin/doubts")).get_json())["entities"]) == 1


async def test_endpoints_are_shown_without_the_query_of_their_url(house: Any, a_message: Build) -> None:
    body = await (await house.operator().get("/admin/endpoints")).get_json()
    assert [(entity["account"], entity["url"]) for entity in body["entities"]] == [("shop", "https://shop.example/sms")]


async def test_an_operator_is_told_where_the_ids_of_doubts_stand(house: Any) -> None:
    answer = await house.operator().post("/admin/doubts/xx/settle", json={"outcome": "sent"})
    assert answer.status_code == 404
    assert "GET /admin/doubts" in (await answer.get_json())["detail"]


async def test_an_operator_is_told_why_the_store_takes_nothing(house: Any) -> None:
    found = identifiers.public(identifiers.MESSAGE, identifiers.Identifiers().next())
    house.store.stop()
    answer = await house.operator().post(f"/admin/doubts/{found}/settle", json={"outcome": "unknown"})
    body = await answer.get_json()
    assert (answer.status_code, body["code"]) == (503, "store_busy")
    assert "the store is closing" in body["detail"]


VICTOR = "victors-token-of-tests"


@pytest.fixture
def a_viewer(configuration: dict[str, Any]) -> None:
    token = {"sha256": hashed(VICTOR), "name": "victor", "role": "viewer"}
    configuration["operator"]["tokens"].append(token)


@pytest.mark.usefixtures("a_viewer")
async def test_a_viewer_sees_doubts_receipts_and_inbound_messages_with_numbers_masked(
    house: Any, a_message: Build
) -> None:
    await a_doubt(house, a_message(lane="promotional"))
    said = ("77", (), ReceiptState.DELIVERED, "DELIVRD", "000", None, None, None, "34600000009", "SHOP")
    receipt = Receipt(*said, "id:77 to:34600000009 stat:DELIVRD", ())
    house.store.receipt(ReceiptIn("telco", "telco/1", receipt, identifiers.now_ms(), None, None, None), lambda _: None)
    inbound = InboundIn(1, "telco", None, "34600000008", "34911000111", "Hola", "gsm7", identifiers.now_ms())
    house.store.inbound(inbound, lambda _: None)
    await house.store.keep_alive()
    seen = {
        what: (await (await house.operator(VICTOR).get(f"/admin/{what}")).get_json())["entities"]
        for what in ("doubts", "parked", "inbound/untold")
    }
    assert seen["doubts"][0]["to"] == "+34•••••••01"
    assert (seen["parked"][0]["to"], seen["parked"][0]["raw"]) == ("34•••••••09", "id:77 to:34•••••••09 stat:DELIVRD")
    assert (seen["inbound/untold"][0]["from"], seen["inbound/untold"][0]["to"]) == ("34•••••••08", "34•••••••11")
    (whole,) = (await (await house.operator().get("/admin/parked")).get_json())["entities"]
    assert whole["to"] == "34600000009"


async def test_a_receipt_that_may_say_a_text_is_listed_without_its_words(house: Any, a_message: Build) -> None:
    await a_claim(house, a_message())
    now = identifiers.now_ms()
    said = (ReceiptState.DELIVERED, "DELIVRD", "000", None, None, None, "34600000001", "SHOP", "id 7: my secret", ())
    quotes = Receipt("7", (), *said, may_quote=True)
    house.store.receipt(ReceiptIn("telco", "telco/1", quotes, now, None, None, None), lambda _: None)
    handsets = InboundIn(1, "telco", None, "34600000001", "SHOP", "id 7: my secret", "gsm7", now)
    guess = Receipt("8", (), *said, is_guess=True)
    house.store.receipt(ReceiptIn("telco", "telco/1", guess, now, None, None, None, otherwise=handsets), lambda _: None)
    await house.store.keep_alive()
    listed = (await (await house.operator().get("/admin/parked")).get_json())["entities"]
    assert [(one["carrier_message_id"], one["raw"]) for one in listed] == [("7", None), ("8", None)]


@pytest.mark.usefixtures("a_viewer")
async def test_the_audit_names_the_operator_who_did_it(house: Any, a_message: Build) -> None:
    message = await a_doubt(house, a_message(lane="promotional"))
    refused = await house.operator(VICTOR).post(f"/admin/doubts/{message}/settle", json={"outcome": "unknown"})
    assert refused.status_code == 403
    await house.operator().post(f"/admin/doubts/{message}/settle", json={"outcome": "unknown"})
    (row,) = (await (await house.operator(VICTOR).get("/admin/audit")).get_json())["entities"]
    assert (row["who"], row["what"], row["outcome"], row["message"]) == ("operator", "settle_doubt", "unknown", message)
