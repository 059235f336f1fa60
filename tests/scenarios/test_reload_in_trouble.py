"""A reload in bad company: a kill in the middle, a stop, an address that is taken, accounts that go and come back."""

import signal
import socket
import threading
import time

import pytest
from arrivals import PATIENCE_SECONDS
from callers import Caller
from daemons import SECRET, account, carrier, sha256
from ports import free_port

pytestmark = pytest.mark.scenario

OTHER = "sk_other"


def batch(prefix, count):
    return [{"to": f"+34600{prefix}{n:04}", "text": f"Hello {prefix} {n}"} for n in range(count)]


def test_a_kill_in_the_middle_of_refiling_loses_and_doubles_nothing(gateway_with, simulator_with, webhooks):
    second = simulator_with("--no-number-outcomes", "--latency", "5ms")
    routes = [{"name": "closed", "tiers": ["closed"]}]
    carriers = {"closed": carrier(free_port()), "second": carrier(second.port, window=20)}
    webhook = {"url": webhooks.url, "secrets": [SECRET], "events": ["message.delivered"], "batch": 100}
    gateway = gateway_with(carriers=carriers, routes=routes, accounts={"shop": account(webhook=webhook)})
    gateway.wait_able("second")
    messages = [message for part in range(10, 16) for message in gateway.send_bulk(batch(part, 500))]

    gateway.reload(carriers={"second": carriers["second"]}, routes=[{"name": "rest", "tiers": ["second"]}])
    gateway.wait_logged("filed anew")
    gateway.kill()
    gateway.start()

    webhooks.wait_for_each(messages, "delivered", seconds=60)
    marked = {event["message_id"] for event in webhooks.events.all() if event["data"]["possible_duplicate"]}
    assert second.figures()["taken"] <= len(messages) + len(marked)
    status = gateway.operator.get("/admin/status")
    assert (status["doubts"], status["ready"]) == (0, 0)


def test_an_account_that_comes_back_is_told_what_was_to_be_told(gateway_with, simulator_with, webhooks):
    simulator = simulator_with("--no-number-outcomes", "--receipt-delay", "1s")
    webhook = {"url": webhooks.url, "secrets": [SECRET]}
    other = account(tokens=[{"sha256": sha256(OTHER), "scopes": ["send", "read"]}], webhook=webhook)
    both = {"shop": account(webhooks.url), "other": other}
    one_by_one = {"allow_networks": ["127.0.0.0/8"], "connections": 1, "timeout": "60s"}
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)}, accounts=both, webhooks=one_by_one)
    gateway.wait_able("telco")
    caller = Caller(gateway.url, OTHER)
    asked, is_gone = threading.Event(), threading.Event()

    def refuse_once_it_is_gone(events):
        asked.set()
        is_gone.wait(PATIENCE_SECONDS)
        return 500

    webhooks.answer = refuse_once_it_is_gone
    sent = caller.send_bulk(batch(10, 5))
    recipients = [{"phone": f"+346007700{n:02}"} for n in range(20)]
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
    body = {"campaign_name": "May", "message": "Hello", "recipients": recipients, "schedule": later}
    answer = caller.call("POST", "/v1/campaigns/sms", body, headers={"Idempotency-Key": "may"})
    assert answer.status == 202, answer

    assert asked.wait(PATIENCE_SECONDS)

    gateway.reload(accounts={"shop": both["shop"]})
    webhooks.answer = lambda events: 204
    is_gone.set()
    gateway.wait_for(lambda: simulator.figures()["taken"] == 25 or None, "all of it is sent all the same", seconds=20)
    assert not webhooks.events.all(), "nobody is there to be told"

    gateway.reload(accounts=both)
    webhooks.wait_for_each(sent, "delivered")
    assert caller.call("GET", f"/v1/campaigns/{answer.json['id']}").json["recipients"]["accepted"] == 20
    assert simulator.figures()["doubled"] == 0


def test_an_address_that_is_taken_costs_the_new_carrier_alone(gateway_with, simulator_with, webhooks):
    simulator = simulator_with("--no-number-outcomes")
    telco = {"telco": carrier(simulator.port)}
    gateway = gateway_with(carriers=telco)
    gateway.wait_able("telco")
    host, port = "127.0.0.1", free_port()
    address = f"{host}:{port}"
    with socket.create_server((host, port)):
        gateway.reload(carriers={**telco, "calls": carrier(free_port(), outbind_listen=[address], binds=1)})
        gateway.wait_logged(f"cannot listen on {address}")
        webhooks.wait(gateway.send("+34600100001"), "delivered")
        gateway.reload(carriers=telco)
    gateway.reload(carriers={**telco, "calls": carrier(free_port(), outbind_listen=[address], binds=1)})
    gateway.wait_logged(f"carrier=calls outbind_listen={address}")
    assert simulator.figures()["connections"] == 1


def test_signals_to_reload_at_any_time_end_nothing(gateway_with, simulator_with, webhooks):
    simulator = simulator_with("--no-number-outcomes", "--latency", "200ms")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=5)})
    gateway.wait_able("telco")
    messages = gateway.send_bulk(batch(10, 50))
    for _ in range(20):
        gateway.process.signal(signal.SIGHUP)
    gateway.wait_logged("reloaded changed=0")
    gateway.leave()
    for _ in range(20):
        gateway.process.signal(signal.SIGHUP)
        time.sleep(0.02)
    assert gateway.wait_ended() == 0
    gateway.start()
    webhooks.wait_for_each(messages, "delivered")
    assert simulator.figures()["doubled"] == 0
