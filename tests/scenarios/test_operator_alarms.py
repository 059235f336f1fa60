"""Every kind of alarm that a played day can bring about is told to operators, and so is its end."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from daemons import OPERATOR_TOKEN, OPERATORS_SECRET, SECRET, Gateway, account, carrier, operator_told_at, sha256
from simulators import Simulator
from webhook_receivers import WebhookReceiver, receiving

pytestmark = pytest.mark.scenario

NUMBER = "34600123456"


@pytest.fixture
def operators() -> Iterator[WebhookReceiver]:
    with receiving(OPERATORS_SECRET) as receiver:
        yield receiver


@pytest.fixture
def watched(gateway_with: Callable[..., Gateway], operators: WebhookReceiver) -> Callable[..., Gateway]:
    """A gateway that tells them, and lets little time pass before something is over."""

    def start(alerts: dict[str, Any] | None = None, **sections: Any) -> Gateway:
        return gateway_with(
            operator=operator_told_at(operators.url), alerts={"well_for": "0s", **(alerts or {})}, **sections
        )

    return start


def wait(operators: WebhookReceiver, kind: str, seconds: float = 60) -> Any:
    return operators.events.wait(lambda event: event["type"] == kind, seconds=seconds)


def told(operators: WebhookReceiver, *but: str) -> list[str]:
    return [event["type"] for event in operators.events.all(lambda event: event["type"] not in but)]


def batch(count: int) -> list[dict[str, Any]]:
    return [{"to": f"+346001{n:05}", "text": "Hello"} for n in range(count)]


def test_a_breaker_opens_is_tried_and_closes(
    watched: Any, operators: WebhookReceiver, simulator_with: Callable[..., Simulator]
) -> None:
    simulator = simulator_with("--no-number-outcomes", "--error", "ESME_RSYSERR=1")
    telco = carrier(simulator.port, breaker_pause="300ms", breaker_return="500ms")
    gateway = watched(carriers={"telco": telco}, lanes={"transactional": {"retry_floor": "200ms", "max_tries": 100}})
    gateway.wait_able("telco")
    gateway.send_bulk(batch(60))
    opened = wait(operators, "breaker.opened")
    assert (opened["data"]["subject"], opened["data"]["cause"]) == ("telco", "errors")
    simulator.set("error", "ESME_RSYSERR=0")
    closed = wait(operators, "breaker.closed")
    assert (closed["status"], closed["data"]["alarm"]) == ("recovered", "breaker.opened")
    assert sorted(told(operators)) == ["breaker.closed", "breaker.half_open", "breaker.opened"]


def test_slow_deliveries_are_told_and_that_they_are_in_time_again(
    watched: Any, operators: WebhookReceiver, simulator_with: Callable[..., Simulator]
) -> None:
    simulator = simulator_with("--no-number-outcomes", "--receipt-delay", "3s")
    gateway = watched(
        {"delivery_window": "8s"},
        carriers={"telco": carrier(simulator.port)},
        lanes={"transactional": {"alert_delivery_time": "500ms"}},
    )
    gateway.wait_able("telco")
    gateway.send_bulk(batch(40))
    slow = wait(operators, "delivery.slow")
    assert slow["data"]["subject"] == "transactional"
    assert slow["data"]["p90_seconds"] > slow["data"]["limit_seconds"] == 0.5
    wait(operators, "delivery.normal")
    assert told(operators) == ["delivery.slow", "delivery.normal"]


def test_receipts_that_stay_away_are_told_and_that_they_come_again(
    watched: Any, operators: WebhookReceiver, simulator_with: Callable[..., Simulator]
) -> None:
    simulator = simulator_with("--no-number-outcomes")
    gateway = watched({"receipt_window": "10s"}, carriers={"telco": carrier(simulator.port)})
    gateway.wait_able("telco")

    def send_until(is_over: Callable[[float], bool], most_seconds: float) -> None:
        began_at = time.monotonic()
        while not is_over(time.monotonic() - began_at):
            assert time.monotonic() - began_at < most_seconds, told(operators)
            gateway.send_bulk(batch(60))
            time.sleep(1)

    send_until(lambda seconds: seconds > 13, 60)
    simulator.set("receipt-share", "0")
    send_until(lambda seconds: "receipts.low" in told(operators), 60)
    simulator.set("receipt-share", "1")
    send_until(lambda seconds: "receipts.normal" in told(operators), 60)
    low = wait(operators, "receipts.low")
    assert low["data"]["subject"] == "telco"
    assert low["data"]["rate"] < 0.5 * low["data"]["usual"]
    assert told(operators) == ["receipts.low", "receipts.normal"]


def test_an_endpoint_that_fails_and_one_that_works_again_are_told(
    watched: Any, operators: WebhookReceiver, webhooks: WebhookReceiver, simulator: Simulator
) -> None:
    gateway = watched({"endpoint_failures": 2}, carriers={"telco": carrier(simulator.port)})
    webhooks.answer = lambda events: 503
    gateway.wait_able("telco")
    gateway.send_bulk(batch(5))
    failing = wait(operators, "endpoint.failing", seconds=30)
    assert failing["data"]["subject"] == "shop 127.0.0.1"
    assert failing["data"]["failures"] >= 2
    webhooks.answer = lambda events: 204
    over = wait(operators, "endpoint.recovered", seconds=60)
    assert over["data"]["alarm"] == "endpoint.failing"
    assert told(operators) == ["endpoint.failing", "endpoint.recovered"]


def test_a_backlog_that_is_old_is_over_once_it_is_sent(
    watched: Any, operators: WebhookReceiver, simulator_with: Callable[..., Simulator]
) -> None:
    simulator = simulator_with("--no-number-outcomes", "--throttle-share", "1")
    lanes = {"transactional": {"alert_backlog_age": "1s"}}
    telco = carrier(simulator.port, window=1, breaker=False)
    gateway = watched(carriers={"telco": telco}, lanes=lanes)
    gateway.wait_able("telco")
    gateway.send_bulk(batch(5))
    assert wait(operators, "backlog.old")["data"]["subject"] == "transactional/rest"
    simulator.set("throttle-share", "0")
    wait(operators, "backlog.normal")
    assert told(operators) == ["backlog.old", "backlog.normal"]


def test_reloads_are_told_without_a_secret_or_a_whole_number(
    watched: Any, operators: WebhookReceiver, webhooks: WebhookReceiver, simulator: Simulator
) -> None:
    gateway = watched(carriers={"telco": carrier(simulator.port)})
    gateway.wait_able("telco")
    other = {"shop": account(webhooks.url + "/geheim", senders=["SHOP", NUMBER])}
    gateway.reload(carriers={"telco": carrier(simulator.port, password="geheim")}, accounts=other)
    done = wait(operators, "config.reloaded")
    assert (done["status"], done["data"]["subject"]) == ("told", "configuration")
    assert "carriers.telco.password: (changed)" in done["data"]["changes"]
    assert 'accounts.shop.senders: ["SHOP", "...000"] -> ["SHOP", "...456"]' in done["data"]["changes"]

    wrong = [{"name": "rest", "tiers": ["telco"], "match": {"prefix": [f"{NUMBER}12345"]}}]
    bad = {"shop": account("gopher://geheim", senders=["SHOP"])}
    gateway.write(routes=wrong, accounts=bad)
    assert gateway.operator.call("POST", "/admin/reload", {}).status == 422
    refused = wait(operators, "config.refused")
    problems = "\n".join(refused["data"]["problems"])
    assert "routes[0].match.prefix" in problems
    assert "accounts.shop.webhook.url" in problems
    bodies = json.dumps(operators.events.all(lambda event: True))
    for private in ("geheim", SECRET, OPERATORS_SECRET, sha256(OPERATOR_TOKEN), NUMBER, "34600000000"):
        assert private not in bodies


def test_one_alarm_is_told_once_over_a_restart_and_an_endpoint_that_was_down(
    watched: Any, operators: WebhookReceiver, simulator: Simulator
) -> None:
    operators.answer = lambda events: 503
    gateway = watched({"disk_low": 1 << 40}, carriers={"telco": carrier(simulator.port)})
    gateway.wait_logged("alarm=disk.low")
    gateway.wait_logged("webhook not taken")
    gateway.kill()
    gateway.start()
    gateway.wait_logged("webhook not taken")
    (alarm,) = gateway.operator.get("/admin/alarms")["entities"]
    assert alarm["alarm"] == "disk.low"
    gateway.reload(alerts={"well_for": "0s", "disk_low": 0})
    gateway.wait_logged("alarm=disk.low subject=", after=0)
    operators.answer = lambda events: 204
    wait(operators, "disk.normal", seconds=60)
    assert told(operators, "config.reloaded") == ["disk.low", "disk.normal"]
