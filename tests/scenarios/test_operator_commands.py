"""The operator in a terminal, beside a running gateway: finds a message, stops a carrier, tells an event again."""

import json
import signal
import subprocess
import sys

import pytest
from arrivals import wait_until
from daemons import OPERATOR_TOKEN, account, carrier, sha256

from gateway.cli import main

pytestmark = pytest.mark.scenario

VIEWER_TOKEN = "viewer_token_of_the_tests"


class Terminal:
    """Types commands; each has to end as is said."""

    def __init__(self, gateway, capsys, token=OPERATOR_TOKEN):
        self._at = ["--url", gateway.operator.url, "--token", token]
        self._capsys = capsys

    def shows(self, *words, status=0):
        self._capsys.readouterr()
        ended = main([*words, *self._at])
        seen = self._capsys.readouterr()
        assert ended == status, seen
        assert "\x1b" not in seen.out
        return seen.out if status == 0 else seen.err

    def entities(self, *words):
        return [json.loads(line) for line in self.shows(*words, "--json").splitlines()]


@pytest.fixture
def gateway(gateway_with, simulator, webhooks):
    tokens = [
        {"sha256": sha256(OPERATOR_TOKEN), "name": "anna"},
        {"sha256": sha256(VIEWER_TOKEN), "name": "victor", "role": "viewer"},
    ]
    started = gateway_with(
        carriers={"telco": carrier(simulator.port)},
        operator={"listen": ["127.0.0.1:0"], "tokens": tokens},
        accounts={"shop": account(webhooks.url)},
    )
    started.wait_able("telco")
    return started


@pytest.fixture
def terminal(gateway, capsys):
    return Terminal(gateway, capsys)


def test_why_a_message_never_arrived_is_found_by_the_end_of_its_number(gateway, terminal, webhooks):
    message = gateway.send("+34600000400", "Hello you", client_id="order-8841")
    webhooks.wait(message, "failed")
    webhooks.wait(gateway.send("+34600100002", "Hello other"), "delivered")
    for known in (message["id"], "order-8841", "+34600000400", "000400"):
        told = terminal.shows("message", known)
        assert told.startswith("Never sent:"), told
        assert "ESME_" in told.splitlines()[0]
        assert "order-8841" in told
        assert "Hello" not in told
    failed = terminal.entities("messages", "--status", "failed", "--since", "1h")
    assert [one["id"] for one in failed] == [message["id"]]
    assert len(terminal.entities("messages", "--since", "1h")) == 2
    assert terminal.shows("message", "order-9999", status=1) == "No message is found by 'order-9999'.\n"


def test_a_reveal_shows_the_text_and_is_audited_under_the_operators_name(gateway, terminal, webhooks, capsys):
    message = gateway.send("+34600100001", "Hello you")
    webhooks.wait(message, "delivered")
    revealed = terminal.shows("message", message["id"], "--reveal")
    assert "Hello you" in revealed
    assert "+34600100001" in revealed
    row = terminal.entities("audit", "--what", "reveal")[0]
    assert (row["who"], row["message"]) == ("operator:anna", message["id"])
    assert "reveal by operator:anna" in terminal.shows("message", message["id"])

    viewer = Terminal(gateway, capsys, VIEWER_TOKEN)
    seen = viewer.shows("message", message["id"])
    assert seen.startswith("Delivered:")
    assert "34600100001" not in seen
    for act in ("--reveal", "--cancel", "--replay"):
        assert "may look but not act" in viewer.shows("message", message["id"], act, status=1)
    viewer.shows("carriers", "telco", "--pause", "no", status=1)


def test_a_carrier_is_paused_and_resumed_and_what_waits_is_seen(gateway, terminal, webhooks):
    assert "ticket 8841" not in terminal.shows("carriers")
    terminal.shows("carriers", "telco", "--pause", "ticket 8841")
    message = gateway.send("+34600100003")
    assert "ticket 8841" in terminal.shows("carriers")
    (seen,) = terminal.entities("carriers", "telco")
    assert (seen["held"]["how"], seen["held"]["who"]) == ("pause", "operator:anna")
    wait_until(lambda: terminal.entities("queues"), "the message waits")
    assert "transactional" in terminal.shows("queues")
    status = terminal.shows("status")
    assert "Carrier telco is paused by operator:anna" in status
    assert terminal.shows("message", message["id"]).startswith("Waits")
    canceled = gateway.send("+34600100004")
    assert terminal.shows("message", canceled["id"], "--cancel").startswith("It is canceled.")
    terminal.shows("carriers", "telco", "--resume")
    webhooks.wait(message, "delivered")
    terminal.shows("carriers", "nobody", "--rebind", status=1)
    terminal.shows("carriers", "telco", "--rebind")


def test_an_event_is_found_and_told_again(gateway, terminal, webhooks):
    message = gateway.send("+34600100005")
    webhooks.wait(message, "delivered")

    def told():
        found = terminal.entities("events", "--message", message["id"])
        return [one for one in found if one["status"] == "delivered"]

    listed = wait_until(told, "events of the message were told")
    assert {one["account"] for one in listed} == {"shop"}
    assert listed[0]["id"] in terminal.shows("events", "--account", "shop")
    assert terminal.shows("events", "--replay", listed[0]["id"]) == "It is told again.\n"
    assert "will be told again" in terminal.shows("message", message["id"], "--replay")
    assert terminal.shows("events", "--failed") == "No event is found by this.\n"
    terminal.shows("events", "--replay", "evt_none", status=1)


def test_an_opt_out_is_put_and_taken_back(gateway, terminal):
    number = "+34600100006"
    terminal.shows("opt-out", "shop", number, status=1)
    terminal.shows("opt-out", "shop", number, "--add", "--why", "ticket 8841")
    (kept,) = terminal.entities("opt-out", "shop", number)
    assert (kept["number"], kept["why"]) == (number, "ticket 8841")
    assert number in terminal.shows("opt-out", "shop")
    refused = gateway.call("POST", "/v1/sms", {"to": number, "text": "Hello"})
    assert refused.status == 422
    terminal.shows("opt-out", "shop", number, "--remove")
    assert terminal.shows("opt-out", "shop") == "No number has opted out.\n"
    assert "account: is not in the settings" in terminal.shows("opt-out", "shap", status=1)


def test_a_campaign_is_seen_paused_resumed_and_canceled(gateway, terminal):
    body = {
        "campaign_name": "May",
        "recipients": [f"+346001{n:05}" for n in range(50)],
        "message": "{Hello|Hello there}",
        "rate": 1,
    }
    made = gateway.call("POST", "/v1/campaigns/sms", body)
    assert made.status == 202, made
    campaign = made.json["id"]
    assert campaign in terminal.shows("campaigns", "--account", "shop")
    assert "paused" in terminal.shows("campaigns", campaign, "--pause")
    assert [one["id"] for one in terminal.entities("campaigns", "--status", "paused")] == [campaign]
    assert "running" in terminal.shows("campaigns", campaign, "--resume")
    assert "canceled" in terminal.shows("campaigns", campaign, "--cancel")
    assert "cannot be resumed" in terminal.shows("campaigns", campaign, "--resume", status=1)


def test_what_flows_is_watched_until_the_operator_has_seen_enough(gateway, webhooks):
    command = [sys.executable, "-m", "gateway", "status", "--watch", "--url", gateway.operator.url]
    with subprocess.Popen([*command, "--token", OPERATOR_TOKEN], stdout=subprocess.PIPE, text=True) as watching:
        webhooks.wait(gateway.send("+34600100007"), "delivered")
        seen = next(line for line in watching.stdout if line.startswith("messages accepted"))
        watching.send_signal(signal.SIGINT)
        watching.stdout.read()
        assert watching.wait(60) == 0
    assert "\x1b" not in seen
