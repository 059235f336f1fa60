"""A text from a handset: stored before it is acknowledged, told to the account that owns its number and nobody else."""

import pytest
from arrivals import wait_until
from daemons import account, carrier, sha256

pytestmark = pytest.mark.scenario


def test_an_inbound_message_is_told_to_the_owner_of_its_number(gateway_with, simulator, webhooks, other_webhooks):
    other = account(other_webhooks.url, senders=["346001*", "OTHER"], default_sender="OTHER")
    other["tokens"][0]["sha256"] = sha256("sk_test_of_the_other")
    gateway = gateway_with(
        carriers={"telco": carrier(simulator.port)},
        accounts={"shop": account(webhooks.url), "other": other},
    )
    gateway.wait_able("telco")

    simulator.inbound("34600999001", "+34600000000", "Hello shop, 5 € please")
    simulator.inbound("34600999002", "+34600100777", "Hello other")
    simulator.inbound("34600999003", "+34699000000", "Hello nobody")

    event = webhooks.wait_inbound("Hello shop, 5 € please")
    assert (event["status"], event["message_id"], event["client_id"]) == ("received", None, None)
    told = {key: event["data"][key] for key in ("from", "to", "encoding", "carrier")}
    assert told == {"from": "+34600999001", "to": "+34600000000", "encoding": "gsm7", "carrier": "telco"}
    assert other_webhooks.wait_inbound("Hello other")["data"]["to"] == "+34600100777"
    wait_until(lambda: simulator.figures()["inbound_acknowledged"] == 3, "all three are acknowledged")
    listed = gateway.get("/v1/events?status=pending,delivered,failed")["entities"]
    assert [event["type"] for event in listed] == ["message.inbound"]
    assert len(webhooks.events) == len(other_webhooks.events) == 1


def test_inbound_messages_survive_a_kill_between_their_commit_and_their_webhook(gateway_with, simulator, webhooks):
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    gateway.wait_able("telco")
    webhooks.answer = lambda events: 503
    for number in range(20):
        simulator.inbound("34600999001", "+34600000000", f"Hello {number}")
    wait_until(lambda: simulator.figures()["inbound_acknowledged"] == 20, "all are acknowledged")
    gateway.kill()
    webhooks.answer = lambda events: 204

    gateway.start()

    events = webhooks.events.wait_for(20, lambda event: event["type"] == "message.inbound", seconds=30)
    assert {event["data"]["text"] for event in events} == {f"Hello {number}" for number in range(20)}
    assert simulator.figures()["inbound_acknowledged"] == 20
