"""What logs tell of a message's life, and what nothing tells: texts, numbers, tokens, passwords, secrets and keys."""

import re

import pytest
from callers import Caller
from daemons import account, carrier, sha256

pytestmark = pytest.mark.scenario

TOKEN = "sk_token_of_the_log_reader"
PASSWORD = "log-pw"
CODE = "Kolibri code 739182"
PAIR = re.compile(r'([a-z_]+)=("(?:[^"\\]|\\.)*"|\S*)')


def lines_about(log: list[str], message: str) -> list[dict[str, str]]:
    """Of the stages of a message, in order."""
    return [dict(PAIR.findall(line)) for line in log if "room=messages" in line and message in line]


def test_every_stage_of_a_message_is_a_line_that_names_it(gateway_with, simulator, webhooks):
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    message = gateway.send("+34600000100")
    webhooks.wait(message, "delivered")
    gateway.wait_logged("type=message.delivered")
    assert gateway.stop() == 0
    lines = lines_about(gateway.log, message["id"])
    # Accept and claim share a commit, so either may be told first.
    assert sorted(line["msg"] for line in lines if line["msg"] != "told") == ["accepted", "answered", "claimed"]
    assert [line["type"] for line in lines if line["msg"] == "told"] == ["message.sent", "message.delivered"]
    answered = next(line for line in lines if line["msg"] == "answered")
    assert (answered["status"], answered["outcome"], answered["bind"]) == ("ESME_ROK", "sent", "telco/1")
    receipts = [line for line in gateway.log if "msg=receipt" in line]
    assert len(receipts) == 1
    assert f"carrier_message_id={answered['carrier_message_id']} state=DELIVERED" in receipts[0]
    assert [line["to"] for line in lines if line["msg"] == "accepted"] == ["...100"]
    for line in gateway.log:
        assert re.match(r"at=\S+Z level=(debug|info) room=\w+ ", line), line


def test_logs_error_answers_and_metrics_hide_what_is_private_across_a_crash(gateway_with, simulator_with, webhooks):
    simulator = simulator_with("--password", PASSWORD, "--latency", "100ms")
    shop = account(webhooks.url + "/path-of-the-shop?key=secret-of-the-shop")
    shop["tokens"][0]["sha256"] = sha256(TOKEN)
    gateway = gateway_with(
        carriers={
            "telco": carrier(simulator.port, password=PASSWORD),
            "wrong": carrier(simulator.port, password="bad"),
        },
        accounts={"shop": shop},
        lanes={"otp": {"doubt_grace": "200ms"}, "transactional": {"doubt_grace": "200ms"}},
    )
    caller = Caller(gateway.url, TOKEN)
    keyed = {"Idempotency-Key": "key-of-the-order"}
    body = {"to": "+34600000100", "text": CODE, "lane": "otp"}
    first = caller.call("POST", "/v1/sms", body, headers=keyed)
    assert first.status == 201
    many = caller.send_bulk([{"to": f"+346000{n:05}", "text": CODE} for n in range(600, 640)])
    answers = [
        caller.call("POST", "/v1/sms", {**body, "text": CODE + "!"}, headers=keyed),
        caller.call("POST", "/v1/sms", {**body, "webhook_url": "https://user:basic-pw@shop.example/x?key=inner"}),
        caller.call("POST", "/v1/sms", {**body, "webhook_url": "http://169.254.169.254/x?key=inner"}),
        caller.call("POST", "/v1/sms", {**body, "to": "+34600", "text": CODE + " 🙂"}),
        caller.call("GET", f"/v1/sms/{CODE.replace(' ', '%20')}"),
        Caller(gateway.url, TOKEN + "x").call("POST", "/v1/sms", body),
        Caller(gateway.operator.url, TOKEN).call("GET", "/admin/doubts"),
    ]
    assert [answer.status for answer in answers] == [422, 422, 422, 422, 404, 401, 401]
    # A caller is told which of its own words were wrong; nobody else is.
    assert caller.call("POST", "/v1/sms", {**body, "lane": CODE, CODE: CODE}).status == 422
    metrics = [gateway.operator.call("GET", "/metrics").body.decode()]
    gateway.kill()
    gateway.start()
    caller = Caller(gateway.url, TOKEN)
    for message in many:
        webhooks.wait(message, "delivered", "unknown")
    simulator.inbound("34600000100", "34600000000", CODE)
    webhooks.wait_inbound(CODE)
    metrics.append(gateway.operator.call("GET", "/metrics").body.decode())
    assert gateway.stop() == 0

    private = ["Kolibri", "739182", "34600000", "3460000", TOKEN, sha256(TOKEN), PASSWORD, "basic-pw", "key=inner"]
    private += ["secret-of", "path-of-the-shop", "key-of-the-order", "MfKQ9r8G"]
    told = {
        "logs": "\n".join(gateway.log),
        "answers": "\n".join(f"{answer.headers}{answer.body.decode()}" for answer in answers),
        "metrics": "\n".join(metrics),
    }
    assert {where: [word for word in private if word in text] for where, text in told.items()} == {
        "logs": [],
        "answers": [],
        "metrics": [],
    }
    assert "msg=doubted" in told["logs"] or "segments_in_doubt" in told["logs"], "the crash left something to tell"
    assert "refused=ESME_RINVPASWD" in told["logs"]
