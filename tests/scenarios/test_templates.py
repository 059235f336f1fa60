"""Named templates and chosen variants through the whole gateway: to the wire, to the webhook, and over a kill."""

import re

import pytest
from daemons import carrier

pytestmark = pytest.mark.scenario

TEMPLATE = {
    "text": "{Hello|Hi} {first_name}, your code is {code}",
    "locales": {"es": "{Hola|Buenas} {first_name}, tu codigo es {code}"},
    "spintax": True,
    "required": ["code"],
    "defaults": {"first_name": "there"},
}


def by_template(number, **fields):
    return {"to": f"+3460010{number:04}", "template": "login-code", "variables": {"code": number}, **fields}


def test_a_template_outlives_a_kill_and_says_the_same_to_the_same_number(gateway_with, simulator_with, webhooks):
    simulator = simulator_with("--latency", "20ms", "--receipt-delay", "20ms")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=50)})
    assert gateway.call("PUT", "/v1/templates/login-code", TEMPLATE).status == 201
    before = gateway.send_bulk([by_template(n) for n in range(20)])
    webhooks.wait_for_each(before, "delivered")
    gateway.kill()
    gateway.start()
    assert gateway.get("/v1/templates/login-code")["locales"] == TEMPLATE["locales"]
    after = gateway.send_bulk([by_template(n) for n in range(20)])
    assert [message["text"] for message in after] == [message["text"] for message in before]
    spanish = gateway.send_bulk([by_template(n, locale="es-MX") for n in range(20)])
    every = [*before, *after, *spanish]
    webhooks.wait_for_each(every, "delivered")
    for message in every:
        chosen = re.fullmatch(r"(\w+) there, (?:your code is|tu codigo es) (\d+)", message["text"])
        assert chosen is not None
        assert int(chosen[2]) == int(message["to"][-4:])
        assert webhooks.wait(message, "delivered")["data"]["variant"] == chosen[1]
        assert gateway.get(f"/v1/sms/{message['id']}")["variant"] == chosen[1]
    variants = {webhooks.wait(message, "delivered")["data"]["variant"] for message in every}
    assert variants == {"Hello", "Hi", "Hola", "Buenas"}


def test_a_message_with_a_missing_variable_never_reaches_the_carrier(gateway_with, simulator_with):
    simulator = simulator_with("--latency", "20ms")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    gateway.call("PUT", "/v1/templates/login-code", TEMPLATE)
    answer = gateway.call("POST", "/v1/sms", {"to": "+34600100001", "template": "login-code"})
    assert (answer.status, answer.json["codes"]) == (422, {"variables.code": ["missing"]})
    assert simulator.figures()["taken"] == 0
