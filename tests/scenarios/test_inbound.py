"""A text from a handset: stored before it is acknowledged, told to the account that owns its number and nobody else.

A long one is one message, however its parts are joined and in whatever order they come.
"""

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

    events = webhooks.events.wait_for(20, lambda event: event["type"] == "message.inbound")
    assert {event["data"]["text"] for event in events} == {f"Hello {number}" for number in range(20)}
    assert simulator.figures()["inbound_acknowledged"] == 20


LONG = "Grüße — this is a long text from a handset, with an emoji 🙂 and more than one part needs. " * 3
SHORT_OF_PARTS = "a handset wrote this in two parts, and the second of them came first: [5 €] " * 3


@pytest.mark.parametrize("way", ["udh8", "udh16", "sar", "payload"])
def test_a_long_inbound_message_is_told_as_one_whatever_joins_its_parts(gateway_with, simulator, webhooks, way):
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    gateway.wait_able("telco")
    simulator.set("inbound-long", way)
    simulator.set("inbound-parts", "4,1,1,3,2,1,5,6,7")

    simulator.inbound("34600999001", "+34600000000", LONG.strip())

    data = webhooks.wait_inbound(LONG.strip())["data"]
    expected = 1 if way == "payload" else 5
    assert (data["parts"], data["complete"], data["encoding"]) == (expected, True, "ucs2")
    wait_until(lambda: simulator.figures()["waiting"] == 0, "doubles are acknowledged too")
    assert len(webhooks.events) == 1


def test_parts_of_a_long_inbound_message_survive_a_kill_between_them(gateway_with, simulator, webhooks):
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    gateway.wait_able("telco")
    simulator.set("inbound-reference", "7")
    simulator.set("inbound-parts", "2")
    simulator.inbound("34600999001", "+34600000000", SHORT_OF_PARTS.strip())
    wait_until(lambda: simulator.figures()["inbound_acknowledged"] == 1, "the second part is acknowledged")
    gateway.kill()

    gateway.start()
    gateway.wait_able("telco")
    simulator.set("inbound-parts", "1,2")
    simulator.inbound("34600999001", "+34600000000", SHORT_OF_PARTS.strip())

    data = webhooks.wait_inbound(SHORT_OF_PARTS.strip())["data"]
    assert (data["parts"], data["complete"]) == (2, True)
    wait_until(lambda: simulator.figures()["inbound_acknowledged"] == 3, "the second part is acknowledged again")
    assert len(webhooks.events) == 1


def test_pain_44_what_nobody_can_receive_is_refused_where_told_and_else_listed(gateway_with, simulator_with, webhooks):
    strict, lenient = simulator_with(), simulator_with()
    gateway = gateway_with(
        carriers={
            "strict": carrier(strict.port, unroutable_inbound="refuse"),
            "lenient": carrier(lenient.port),
        },
        routes=[{"name": "rest", "tiers": [["strict", "lenient"]]}],
    )
    gateway.wait_able("strict", "lenient")

    for simulator in (strict, lenient):
        simulator.inbound("34600999003", "+34699000000", "Hello nobody")
        simulator.inbound("34600999001", "+34600000000", "Hello shop")

    for simulator, acknowledged, refused in ((strict, 1, 1), (lenient, 2, 0)):
        wait_until(lambda simulator=simulator: simulator.figures()["waiting"] == 0, "both are answered")
        figures = simulator.figures()
        assert (figures["inbound_acknowledged"], figures["inbound_refused"]) == (acknowledged, refused)
    (listed,) = gateway.operator.get("/admin/inbound/untold")["entities"]
    assert (listed["carrier"], listed["account"], listed["to"]) == ("lenient", None, "+34699000000")
    assert "Hello" not in str(listed)
    webhooks.wait_inbound("Hello shop")
