"""A backlog of 100,000 messages stands in nobody's way: not in another account's, an upper lane's or the next 201's."""

import pytest
from arrivals import wait_until
from callers import Caller
from daemons import account, carrier, sha256
from ports import free_port

pytestmark = pytest.mark.scenario

OTHER_TOKEN = "sk_test_of_the_other"
BACKLOG = 100_000
A_BULK = 10_000
WINDOW = 10
LANES = ("promotional", "transactional", "otp")


def fill(gateway):
    """One account's backlog in the lowest lane, while the carrier is away."""
    for start in range(0, BACKLOG, A_BULK):
        items = [{"to": f"+3465{n:07}", "text": "Hello", "lane": "promotional"} for n in range(start, start + A_BULK)]
        answer = gateway.call("POST", "/v1/sms/bulk", items)
        assert answer.status == 201, answer
    assert gateway.operator.get("/admin/status")["backlog"] == BACKLOG


def sent_between(record, caller, to, lane):
    """How many segments of others went out between a 201 and its message."""
    caller.send(to, "Hello", lane=lane)
    at_201 = record.count()
    wait_until(lambda: to in record.numbers(), f"{to} has arrived")
    return max(0, record.numbers().index(to) - at_201)


def test_one_message_passes_a_hundred_thousand_of_another(gateway_with, simulator_with, record, tmp_path):
    port = free_port()
    other = account(senders=["OTHER"], default_sender="OTHER")
    other["tokens"][0]["sha256"] = sha256(OTHER_TOKEN)
    gateway = gateway_with(
        http={"listen": ["127.0.0.1:0"], "body_limit": 8_000_000},
        carriers={"telco": carrier(port, window=WINDOW)},
        accounts={"shop": account(), "other": other},
        limits={"bulk_items": A_BULK},
    )
    fill(gateway)
    simulator_with(*record.option, "--max-rate", "200", "--no-receipts", port=port)
    gateway.wait_able("telco")
    wait_until(lambda: record.count() > 2 * WINDOW, "the backlog flows")
    caller = Caller(gateway.url, OTHER_TOKEN)

    for number, lane in enumerate(LANES):
        # What is in flight already; in a lane that is shared, turn by turn, as much again.
        at_most = WINDOW if lane == "otp" else 2 * WINDOW
        assert sent_between(record, caller, f"+3461000000{number}", lane) <= at_most, lane
    assert sent_between(record, gateway, "+34610000009", "otp") <= WINDOW
    assert gateway.operator.get("/admin/status")["backlog"] > BACKLOG / 2, "it stood there all the while"
