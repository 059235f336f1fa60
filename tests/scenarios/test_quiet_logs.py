"""Logs at debug level, with everything going wrong that can: none of it tells a text, a full number or a secret.

Every other scenario's log is looked at too, in conftest.py.
"""

import pytest
from callers import Caller
from daemons import account, carrier, sha256

pytestmark = pytest.mark.scenario

TOKEN = "sk_token_of_the_quiet_shop"
PASSWORD = "quiet-pw"
TEXTS = ("Kolibri 1", "Kolibri 🙂 2", "Kolibri back")
NUMBERS = [f"+34{600 + n}000{ending}" for n, ending in enumerate((100, 204, 208, 400, 404, 429, 444, 499, 500, 503))]


def test_nothing_private_is_logged_whatever_goes_wrong(gateway_with, simulator_with, webhooks):
    simulator = simulator_with("--password", PASSWORD)
    shop = account(webhooks.url + "/path-of-the-shop?key=secret-of-the-shop")
    shop["tokens"][0]["sha256"] = sha256(TOKEN)
    telco = carrier(simulator.port, password=PASSWORD, response_timeout="300ms")
    wrong = carrier(simulator.port, password="wrong-pw")
    gateway = gateway_with(
        carriers={"telco": telco, "wrong": wrong},
        accounts={"shop": shop},
        lanes={"transactional": {"doubt_grace": "200ms", "max_tries": 1}},
    )
    caller = Caller(gateway.url, TOKEN)
    webhooks.answer = lambda events: 500 if events[0]["status"] == "failed" else 204

    messages = caller.send_bulk([{"to": number, "text": TEXTS[0]} for number in NUMBERS])
    caller.send("+34609000100", TEXTS[1], allow_unicode=True)
    assert caller.call("POST", "/v1/sms", {"to": NUMBERS[0], "text": TEXTS[1]}).status == 422
    assert caller.call("POST", "/v1/sms", f'{{"to": "{NUMBERS[0]}", "text": "{TEXTS[0]}'.encode()).status == 400
    assert caller.call("POST", "/v1/sms", f'["{NUMBERS[0]}", "{TEXTS[0]}"]'.encode()).status == 422
    assert Caller(gateway.url, TOKEN + "x").call("POST", "/v1/sms", {}).status == 401
    assert caller.call("GET", f"/v1/sms?client_id={NUMBERS[0]}").status == 200
    assert caller.call("GET", f"/nowhere/{NUMBERS[0]}").status == 404
    simulator.inbound(NUMBERS[0].lstrip("+"), "34600000000", TEXTS[2])
    webhooks.wait_inbound(TEXTS[2])
    for message, ending in zip(messages, (number[-3:] for number in NUMBERS), strict=True):
        kinds = {"400": "failed", "500": "failed", "404": "undelivered", "204": "sent"}
        if kinds.get(ending) != "failed":
            # Unknown: what was in flight when the connection was cut is not sent again with one try.
            webhooks.wait(message, kinds.get(ending, "delivered"), "unknown")
    webhooks.deliveries.wait(lambda delivery: delivery.answered == 500)
    assert gateway.stop() == 0

    log = "\n".join(gateway.log)
    private = [*TEXTS, "Kolibri", *(number.lstrip("+") for number in NUMBERS), TOKEN, PASSWORD, "wrong-pw"]
    private += [sha256(TOKEN), "key=secret", "path-of-the-shop"]
    assert [word for word in private if word in log] == []
    assert "webhook not taken" in log, "the log tells of what goes wrong"
    assert "ESME_RINVPASWD" in log
