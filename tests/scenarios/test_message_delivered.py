"""A message's whole life by each way in: accepted, on the wire, receipted, told in signed webhooks, and looked up."""

import pytest
from arrivals import wait_until
from daemons import carrier
from sluice_processes import COLD

pytestmark = pytest.mark.scenario


@pytest.fixture(autouse=True)
def the_command_itself(monkeypatch):
    """This story is told by processes that the system started."""
    monkeypatch.setenv(COLD, "1")


def with_posts(gateway, message, count):
    """The message once so many webhook POSTs stand in its timeline."""
    seen = gateway.message(message["id"])
    return seen if sum(step["what"] == "webhook" for step in seen["timeline"]) == count else None


@pytest.mark.parametrize("listeners", [["listen"], ["listen", "submit_listen"]], ids=["front", "lean"])
def test_each_way_in_ends_in_a_delivery_that_is_told_and_can_be_looked_up(
    gateway_with, simulator_with, webhooks, listeners
):
    simulator = simulator_with("--latency", "20ms", "--receipt-delay", "20ms")
    gateway = gateway_with(
        carriers={"telco": carrier(simulator.port, window=50)}, http={name: ["127.0.0.1:0"] for name in listeners}
    )
    assert (gateway.submit_url is not None) == ("submit_listen" in listeners)

    quick = gateway.call("POST", "/send", {"to": "+34600100001", "message": "Hello there"})
    assert quick.status == 201, quick
    assert quick.headers["location"] == f"/v1/sms/{quick.json['id']}"
    single = gateway.send("+34600100002", "Hello again", client_id="order-8841", tag="spring")
    bulk = gateway.send_bulk([{"to": f"+3460020{n:04}", "text": f"Hello {n}"} for n in range(100)])

    every = [quick.json, single, *bulk]
    assert {message["status"] for message in every} == {"queued"}
    webhooks.wait_for_each(every, "delivered")
    assert [webhooks.told(message) for message in every] == [["sent", "delivered"]] * len(every)
    assert simulator.figures()["taken"] == len(every)
    delivered = webhooks.wait(single, "delivered")
    assert (delivered["client_id"], delivered["status"]) == ("order-8841", "delivered")
    told = {
        "to": "+34600100002",
        "from": "SHOP",
        "tag": "spring",
        "country": "ES",
        "segments": 1,
        "attempts": 1,
        "carrier": "telco",
        "created_at": single["created_at"],
    }
    assert {key: delivered["data"][key] for key in told} == told
    assert gateway.get("/v1/sms?client_id=order-8841")["entities"][0]["id"] == single["id"]

    # The outcome of the last POST is on disk only after the customer has it.
    seen = wait_until(lambda: with_posts(gateway, single, 2), "both POSTs stand in the timeline")
    steps = seen["timeline"]
    what = [step["what"] for step in steps]
    # The receipt may come while the customer still takes what was told before it.
    assert (what[:2], sorted(what[2:4]), what[4:]) == (["accepted", "submit"], ["receipt", "webhook"], ["webhook"])
    assert [step["at"] for step in steps] == sorted(step["at"] for step in steps)
    accepted, submitted, *between, last_post = steps
    receipt, first_post = sorted(between, key=lambda step: step["what"])
    assert accepted["request_id"].startswith("req_")
    assert (submitted["outcome"], submitted["command_status"], submitted["bind"]) == ("sent", "ESME_ROK", "telco/1")
    assert submitted["latency_ms"] >= 20
    assert (receipt["state"], receipt["err"], receipt["applied"]) == ("DELIVRD", "000", True)
    assert (first_post["type"], first_post["http_status"]) == ("message.sent", 204)
    assert (last_post["type"], last_post["event_id"]) == ("message.delivered", delivered["id"])
    assert (seen["status"], seen["attempts"], seen["route"]) == ("delivered", 1, "rest")
