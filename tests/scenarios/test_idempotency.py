"""One key, many equal requests at the same moment: one message, one answer."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from daemons import carrier

pytestmark = pytest.mark.scenario

TOGETHER = 50


def at_once(gateway, path, body, headers):
    """The same call many times, as near to one another as threads come."""
    with ThreadPoolExecutor(TOGETHER) as pool:
        calls = [pool.submit(gateway.call, "POST", path, body, headers=headers) for _ in range(TOGETHER)]
        return [call.result() for call in calls]


def test_fifty_equal_requests_are_one_request(gateway_with, simulator_with, record, webhooks):
    simulator = simulator_with(*record.option)
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    key = {"Idempotency-Key": "order-8841"}
    body = {"to": "+34600100001", "text": "Hello once"}

    answers = at_once(gateway, "/v1/sms", body, key)

    assert {answer.status for answer in answers} == {201}, answers
    assert len({answer.body for answer in answers}) == 1
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    webhooks.wait(answers[0].json, "delivered")
    assert gateway.call("POST", "/v1/sms", body, headers=key).json == answers[0].json
    other = gateway.call("POST", "/v1/sms", {**body, "text": "Hello twice"}, headers=key)
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    elsewhere = gateway.call("POST", "/send", body, headers=key)
    assert (elsewhere.status, elsewhere.json["code"]) == (422, "idempotency_key_reused")
    # Whatever else was sent would have come before this.
    last = gateway.send("+34600100002")
    webhooks.wait(last, "delivered")
    assert record.numbers() == ["+34600100001", "+34600100002"]

    items = [{"to": f"+3460020{n:04}", "text": "Hello", "client_id": f"a-{n}"} for n in range(20)]
    items[3]["to"] = "+34"
    items[4]["text"] = "Hello 🙂"
    answers = at_once(gateway, "/v1/sms/bulk", items, {"Idempotency-Key": "batch-17"})
    assert {answer.status for answer in answers} == {201}, answers
    assert len({answer.body for answer in answers}) == 1
    first = answers[0].json
    assert [error["index"] for error in first["errors"]] == [3, 4]
    webhooks.wait_for_each(first["entities"], "delivered")
    assert sorted(record.numbers()[2:]) == sorted(entity["to"] for entity in first["entities"])
    again = gateway.call("POST", "/v1/sms/bulk", items).json
    assert again["entities"] == []
    assert {tuple(error["codes"]) for error in again["errors"]} == {("client_id",), ("to",), ("text",)}
