"""Operators are told of what is amiss by signed webhooks of their own, once, and of its end."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from daemons import OPERATORS_SECRET, Gateway, account, carrier, operator_told_at
from ports import free_port
from simulators import Simulator
from webhook_receivers import WebhookReceiver, receiving

pytestmark = pytest.mark.scenario


@pytest.fixture
def operators() -> Iterator[WebhookReceiver]:
    """The endpoint that operators are told at, with a secret of its own."""
    with receiving(OPERATORS_SECRET) as receiver:
        yield receiver


@pytest.fixture
def watched(gateway_with: Callable[..., Gateway], operators: WebhookReceiver) -> Callable[..., Gateway]:
    """A gateway that tells them."""

    def start(**sections: Any) -> Gateway:
        return gateway_with(operator=operator_told_at(operators.url), **sections)

    return start


def told(operators: WebhookReceiver) -> list[tuple[str, str]]:
    return [(event["type"], event["data"]["subject"]) for event in operators.events.all(lambda event: True)]


def test_a_carrier_that_goes_and_comes_back_is_told_signed_and_once(
    watched: Any, operators: WebhookReceiver, webhooks: WebhookReceiver, simulator_with: Callable[..., Simulator]
) -> None:
    port = free_port()
    first = simulator_with("--no-number-outcomes", port=port)
    second = simulator_with("--no-number-outcomes")
    gateway = watched(carriers={"first": carrier(port), "second": carrier(second.port)})
    gateway.wait_able("first", "second")

    first.stop()
    down = operators.events.wait(lambda event: event["type"] == "carrier.down", seconds=20)
    assert (down["status"], down["message_id"], down["data"]["subject"]) == ("raised", None, "first")
    assert down["data"]["runbook"] == "docs/operations.md#carrier-down"
    (alarm,) = gateway.operator.get("/admin/alarms")["entities"]
    assert (alarm["alarm"], alarm["subject"], alarm["since"]) == ("carrier.down", "first", down["data"]["since"])

    simulator_with("--no-number-outcomes", port=port)
    up = operators.events.wait(lambda event: event["type"] == "carrier.up", seconds=20)
    assert (up["status"], up["data"]["subject"], up["data"]["alarm"]) == ("recovered", "first", "carrier.down")
    assert gateway.operator.get("/admin/alarms")["entities"] == []
    assert told(operators) == [("carrier.down", "first"), ("carrier.up", "first")]
    assert [event["type"] for event in webhooks.events.all(lambda event: True)] == []
    listed = [event["type"] for event in gateway.operator.get("/admin/events")["entities"]]
    assert listed == ["carrier.up", "carrier.down"]


def test_an_endpoint_that_is_gone_and_a_disk_that_is_low_are_told(
    watched: Any, operators: WebhookReceiver, simulator_with: Callable[..., Simulator]
) -> None:
    with receiving(OPERATORS_SECRET) as shop:
        shop.answer = lambda events: 410
        keys = account(shop.url)
        keys["webhook"]["secrets"] = [OPERATORS_SECRET]
        gateway = watched(
            carriers={"telco": carrier(simulator_with("--no-number-outcomes").port)},
            accounts={"shop": keys},
            alerts={"disk_low": 1 << 40},
        )
        gateway.wait_able("telco")
        gateway.send_bulk([{"to": "+34600000001", "text": "Hello gone"}])
        gone = operators.events.wait(lambda event: event["type"] == "endpoint.disabled", seconds=20)
        assert (gone["data"]["subject"], gone["data"]["reason"]) == ("shop 127.0.0.1", "answered 410 Gone")
        low = operators.events.wait(lambda event: event["type"] == "disk.low", seconds=20)
        assert low["data"]["free_bytes"] < 1 << 40
        shop.answer = lambda events: 204
        gateway.call("POST", "/v1/webhook/enable")
        over = operators.events.wait(lambda event: event["type"] == "endpoint.recovered", seconds=20)
        assert over["data"]["alarm"] == "endpoint.disabled"


def test_messages_that_wait_too_long_are_told_by_lane_and_route(watched: Any, operators: WebhookReceiver) -> None:
    lanes = {"transactional": {"alert_backlog_age": "1s"}}
    gateway = watched(carriers={"telco": carrier(free_port())}, lanes=lanes)
    gateway.send_bulk([{"to": f"+3460000000{n}", "text": "Hello late"} for n in range(3)])
    old = operators.events.wait(lambda event: event["type"] == "backlog.old", seconds=20)
    assert old["data"]["subject"] == "transactional/rest"
    assert old["data"]["oldest_seconds"] > 1
    assert old["data"]["ready"] == 3
    (line,) = [line for line in gateway.process.errors.all() if "alarm=backlog.old" in line]
    assert "level=warning room=alarms alarm=backlog.old subject=transactional/rest state=raised" in line
