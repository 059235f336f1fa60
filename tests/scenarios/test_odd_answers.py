"""Answers late, never, in the wrong order, after their own receipt, receipts twice: every message settles rightly."""

import pytest
from daemons import account, carrier

pytestmark = pytest.mark.scenario

EACH = 5


def batch(ending, count=EACH, **fields):
    """Numbers whose ending tells the simulator what to do (docs/simulator.md)."""
    return [{"to": f"+34{600 + n}{ending}", "text": f"Hello {ending} {n}", **fields} for n in range(count)]


def timeline(gateway, message, what):
    return [step for step in gateway.message(message["id"])["timeline"] if step["what"] == what]


def test_every_oddity_at_once_settles_as_the_carrier_meant_it(gateway_with, simulator_with, record, webhooks):
    simulator = simulator_with(*record.option, "--reorder", "--late-answer", "600ms")
    lanes = {"transactional": {"doubt_grace": "20s"}}
    telco = carrier(simulator.port, window=50, response_timeout="300ms")
    gateway = gateway_with(carriers={"telco": telco}, lanes=lanes)
    endings = {
        "000100": "delivered",
        "000208": "delivered",  # the receipt comes twice
        "000409": "delivered",  # the receipt comes before the answer
        "000444": "delivered",  # never answered; the receipt follows
        "000504": "delivered",  # answered long after the response_timeout
        "000404": "undelivered",
        "000403": "rejected",
        "000408": "expired",
        "000410": "undelivered",  # DELETED, and nobody asked for it
        "000400": "failed",
    }
    messages = {ending: gateway.send_bulk(batch(ending)) for ending in endings}
    plain = gateway.send_bulk([{"to": f"+3461234{n:04}", "text": f"Hello {n}"} for n in range(100)])

    for ending, status in endings.items():
        webhooks.wait_for_each(messages[ending], status)
    webhooks.wait_for_each(plain, "delivered")

    for ending, status in endings.items():
        for message in messages[ending]:
            told = webhooks.told(message)
            if ending in ("000409", "000444"):
                assert told in ([status], ["sent", status]), (ending, told)
            else:
                assert told == ([status] if ending == "000400" else ["sent", status]), (ending, told)
            seen = gateway.message(message["id"])
            assert (seen["status"], seen["attempts"], seen["possible_duplicate"]) == (status, 1, False), seen
    assert record.twice() == set()
    assert gateway.operator.get("/admin/doubts")["entities"] == []
    assert gateway.operator.get("/admin/parked")["entities"] == []
    # The same words twice are one receipt.
    assert len(timeline(gateway, messages["000208"][0], "receipt")) == 1
    swallowed = timeline(gateway, messages["000444"][0], "receipt")[0]
    assert (swallowed["matched"], swallowed["applied"]) == ("doubt", True)
    late = timeline(gateway, messages["000504"][0], "submit")
    assert [(step["outcome"], step["attempt"]) for step in late] == [("sent", 1)]
    unknown_subscriber = webhooks.wait(messages["000404"][0], "undelivered")["data"]["error"]
    assert (unknown_subscriber["code"], unknown_subscriber["class"]) == ("unknown_subscriber", "permanent")
    assert unknown_subscriber["carrier_code"]["receipt_state"] == "UNDELIV"


def test_what_was_told_as_unknown_is_told_again_when_a_late_answer_knows(gateway_with, simulator_with, webhooks):
    simulator = simulator_with("--late-answer", "1500ms")
    lanes = {"otp": {"doubt_grace": "200ms"}}
    telco = carrier(simulator.port, response_timeout="200ms")
    gateway = gateway_with(carriers={"telco": telco}, lanes=lanes)
    code = gateway.send("+34600000504", "Hello 1234", lane="otp")

    unknown = webhooks.wait(code, "unknown")
    webhooks.wait(code, "delivered")

    assert unknown["data"]["error"]["code"] == "outcome_unknown"
    assert webhooks.told(code) == ["unknown", "delivered"]
    seen = gateway.message(code["id"])
    assert (seen["status"], seen["attempts"], seen["possible_duplicate"]) == ("delivered", 1, False)
    assert simulator.figures()["taken"] == 1


def test_what_was_swallowed_for_good_is_sent_again_and_says_so(gateway_with, simulator_with, record, webhooks):
    simulator = simulator_with(*record.option, "--swallow-share", "1", "--receipt-share", "0", "--no-number-outcomes")
    lanes = {"transactional": {"doubt_grace": "200ms"}, "otp": {"doubt_grace": "200ms"}}
    telco = carrier(simulator.port, response_timeout="200ms")
    accounts = {"shop": account(webhooks.url)}
    accounts["shop"]["webhook"]["events"] = [f"message.{kind}" for kind in ("in_doubt", "delivered", "unknown")]
    gateway = gateway_with(carriers={"telco": telco}, lanes=lanes, accounts=accounts)
    held = gateway.send("+34600100001", "Hello 1234", lane="otp")
    resent = gateway.send("+34600100002", "Hello again")
    webhooks.wait(resent, "in_doubt")
    webhooks.wait(held, "unknown")
    simulator.set("swallow-share", "0", "--receipt-share", "1")

    delivered = webhooks.wait(resent, "delivered")

    assert delivered["data"]["possible_duplicate"] is True
    assert record.numbers().count(resent["to"]) > 1
    assert record.numbers().count(held["to"]) == 1
    outcomes = [step["outcome"] for step in timeline(gateway, resent, "submit")]
    assert (outcomes[0], outcomes[-1]) == ("resent", "sent")
    assert gateway.message(held["id"])["status"] == "unknown"
