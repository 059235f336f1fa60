"""STOP from a handset: nothing more goes there, whatever waits and whatever happens to the gateway meanwhile."""

from datetime import UTC, datetime, timedelta

import pytest
from arrivals import wait_until
from daemons import account, carrier

pytestmark = pytest.mark.scenario
HANDSET = "+34600999001"
OTHER = "+34600999002"
OURS = "+34600000000"
REPLIES = {"stop_reply": "Hello: you get no more. START undoes it.", "help_reply": "Hello: shop.example"}


def test_a_handset_says_stop_and_is_written_to_no_more_until_it_says_start(
    gateway_with, simulator_with, record, webhooks
):
    simulator = simulator_with(*record.option)
    gateway = gateway_with(
        carriers={"telco": carrier(simulator.port)},
        accounts={"shop": account(webhooks.url, **REPLIES)},
    )
    gateway.wait_able("telco")
    sent = gateway.send(HANDSET, client_id="order-1")
    webhooks.wait(sent, "delivered")
    soon = datetime.now(UTC) + timedelta(seconds=3)
    waiting = gateway.send(HANDSET, schedule=soon.isoformat())

    simulator.inbound(HANDSET[1:], OURS, "Stop!")

    event = webhooks.events.wait(lambda event: event["type"] == "recipient.opt_out")
    assert (event["status"], event["message_id"], event["client_id"]) == ("opt_out", sent["id"], "order-1")
    told = {key: event["data"][key] for key in ("number", "sender", "scope", "keyword", "campaign_id")}
    assert told == {"number": HANDSET, "sender": OURS, "scope": "account", "keyword": "STOP", "campaign_id": None}
    assert webhooks.wait_inbound("Stop!")["data"]["from"] == HANDSET
    bulk = gateway.call("POST", "/v1/sms/bulk", [{"to": HANDSET, "text": "Hello"}, {"to": OTHER, "text": "Hello"}]).json
    assert [(error["index"], error["codes"]) for error in bulk["errors"]] == [(0, {"to": ["opted_out"]})]
    webhooks.wait(bulk["entities"][0], "delivered")
    ended = webhooks.wait(waiting, "opted_out")
    assert ended["data"]["error"]["code"] == "opted_out"
    simulator.inbound(HANDSET[1:], OURS, "help")
    wait_until(lambda: record.numbers().count(HANDSET) == 3, "the first message and both replies were sent")

    simulator.inbound(HANDSET[1:], OURS, "START")
    webhooks.wait_inbound("START")
    again = gateway.send(HANDSET)
    webhooks.wait(again, "delivered")
    assert record.numbers().count(HANDSET) == 4
    assert webhooks.told(waiting) == ["opted_out"]


def test_an_opt_out_survives_a_kill_right_after_its_acknowledgement(gateway_with, simulator, webhooks):
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)}, accounts={"shop": account(webhooks.url)})
    gateway.wait_able("telco")
    webhooks.answer = lambda events: 503
    for number in range(20):
        simulator.inbound(f"346009991{number:02}", OURS, "STOP")
    wait_until(lambda: simulator.figures()["inbound_acknowledged"] == 20, "all are acknowledged")
    gateway.kill()
    webhooks.answer = lambda events: 204

    gateway.start()

    items = [{"to": f"+346009991{number:02}", "text": "Hello"} for number in range(20)]
    bulk = gateway.call("POST", "/v1/sms/bulk", items).json
    assert [error["codes"] for error in bulk["errors"]] == [{"to": ["opted_out"]}] * 20
    events = webhooks.events.wait_for(20, lambda event: event["type"] == "recipient.opt_out")
    assert {event["data"]["number"] for event in events} == {item["to"] for item in items}
