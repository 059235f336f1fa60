"""A carrier that swallows answers: the flow goes on, no slot is lost, and nothing is sent twice without a word."""

import itertools
from contextlib import suppress

import pytest
from arrivals import wait_until
from callers import Caller
from daemons import account, carrier
from prometheus_client.parser import text_string_to_metric_families

from gateway.cli import main
from gateway.identifiers import MESSAGE, internal, public

pytestmark = pytest.mark.scenario

WINDOW = 10
LATENCY_SECONDS = 0.02
SLOW_SECONDS = 90.0
"""For what takes some ten seconds where no slot is lost."""
EVENTS = [f"message.{kind}" for kind in ("in_doubt", "sent", "delivered", "undelivered", "unknown", "expired")]


def batch(lane, count, first=0):
    prefix = {"promotional": "34600", "transactional": "34700"}[lane]
    return [{"to": f"+{prefix}{first + n:06}", "text": f"Hello {n}", "lane": lane} for n in range(count)]


def wait_free(gateway):
    """The bind once its whole window is free; what was swallowed last is overtaken by more, which is sent for that."""
    numbers = itertools.count(5_000, 5 * WINDOW)

    def free():
        is_all_dealt = gateway.operator.get("/admin/status")["ready"] == 0
        bind = the_bind(gateway)
        return is_all_dealt and (bind["room"], bind["in_flight"]) == (WINDOW, 0) and bind

    def is_free():
        gateway.send_bulk(batch("promotional", 5 * WINDOW, first=next(numbers)))
        with suppress(AssertionError):  # more is needed
            return wait_until(free, "all is free", seconds=3)

    return wait_until(is_free, "the whole window is free")


def the_bind(gateway):
    (found,) = gateway.operator.get("/admin/carriers")["entities"]
    (bind,) = found["binds"]
    return bind


def metric(gateway, name, **labels):
    text = Caller(gateway.operator.url, "").call("GET", "/metrics").body.decode()
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


def doubts(gateway):
    return gateway.operator.get("/admin/doubts")["entities"]


def attentive(webhooks):
    """The account, its endpoint told of doubts too, a hundred events at a time."""
    shop = account(webhooks.url)
    shop["webhook"] |= {"events": EVENTS, "batch": 100}
    return {"shop": shop}


def test_with_a_hundredth_of_the_answers_swallowed_the_flow_goes_on_and_no_slot_is_lost(
    gateway_with, simulator_with, record, webhooks
):
    latency = f"{LATENCY_SECONDS * 1000:g}ms"
    simulator = simulator_with(*record.option, "--latency", latency, "--receipt-share", "0", "--no-number-outcomes")
    grace = {"doubt_grace": "500ms"}
    gateway = gateway_with(
        carriers={"telco": carrier(simulator.port, window=WINDOW, response_timeout="1s")},
        lanes={"promotional": grace, "transactional": grace},
        accounts=attentive(webhooks),
    )
    gateway.wait_able("telco")
    messages = []
    for n in range(7):
        for lane in ("promotional", "transactional"):
            messages += gateway.send_bulk(batch(lane, 200, first=200 * n))
    wait_until(lambda: record.count() >= 200, "200 are taken while all is answered")
    simulator.set("swallow-share", "0.01")

    wait_until(lambda: len(set(record.numbers())) == len(messages), "all are taken once", seconds=SLOW_SECONDS)

    simulator.set("swallow-share", "0")
    wait_until(lambda: doubts(gateway) == [] and gateway.operator.get("/admin/status")["ready"] == 0, "all is settled")
    bind = wait_free(gateway)
    assert (bind["state"], bind["in_flight"]) == ("bound", 0)
    simulator.set("latency", "700ms")
    again = gateway.send_bulk(batch("transactional", 3 * WINDOW, first=900_000))
    wait_until(lambda: the_bind(gateway)["in_flight"] == WINDOW, "the whole window is asked for and used")
    webhooks.wait_for_each(again, "sent")

    doubtful = {e["message_id"] for e in webhooks.events.all(lambda e: e["type"] == "message.in_doubt")}
    assert len(doubtful) > 5
    assert metric(gateway, "sluice_segments_in_doubt_total", carrier="telco") >= len(doubtful)
    twice = record.twice()
    assert twice
    assert {number[:6] for number in twice} == {"+34700"}, "a lane that holds never sends twice"
    for message in messages:
        if message["to"] in twice:
            events = webhooks.events.all(lambda e, mine=message["id"]: e.get("message_id") == mine)
            assert events[0]["type"] == "message.in_doubt"
            assert events[-1]["data"]["possible_duplicate"] is True
            assert gateway.message(message["id"])["possible_duplicate"] is True
        elif message["id"] in doubtful and message["lane"] == "promotional":
            webhooks.wait(message, "unknown")


def test_slots_of_swallowed_answers_go_to_others_long_before_their_time_out(gateway_with, simulator_with, record):
    latency = f"{LATENCY_SECONDS * 1000:g}ms"
    simulator = simulator_with(*record.option, "--latency", latency, "--receipt-share", "0", "--no-number-outcomes")
    # Ten answers that are swallowed would hold the whole window for as long as that.
    telco = carrier(simulator.port, window=WINDOW, response_timeout="10m")
    gateway = gateway_with(carriers={"telco": telco}, lanes={"promotional": {"doubt_grace": "1h"}})
    gateway.wait_able("telco")
    messages = [m for n in range(12) for m in gateway.send_bulk(batch("promotional", 200, first=200 * n))]
    wait_until(lambda: record.count() >= 400, "400 are taken while all is answered")
    simulator.set("swallow-share", "0.02")

    wait_until(lambda: record.count() == len(messages), "all are taken", seconds=SLOW_SECONDS)

    simulator.set("swallow-share", "0")
    swallowed = simulator.figures()["swallowed"]
    assert swallowed > WINDOW, "too few to fill the window"
    wait_free(gateway)
    assert metric(gateway, "sluice_slots_given_back_total", carrier="telco") >= swallowed
    assert metric(gateway, "sluice_segments_in_doubt_total", carrier="telco") == 0
    assert metric(gateway, "sluice_binds_recycled_total", carrier="telco") == 0
    # They are still waited for: once the link is lost each of them is in doubt, and a lane that holds sends none again.
    simulator.stop()
    in_doubt = "sluice_segments_in_doubt_total"
    wait_until(lambda: metric(gateway, in_doubt, carrier="telco") == swallowed, "all are doubts")
    assert len(doubts(gateway)) == min(swallowed, 50)
    assert record.twice() == set()


def test_a_bind_whose_answers_are_overdue_for_most_of_its_window_is_recycled(gateway_with, simulator_with, webhooks):
    simulator = simulator_with("--swallow-share", "1", "--no-number-outcomes")
    telco = carrier(simulator.port, window=WINDOW, response_timeout="500ms")
    gateway = gateway_with(carriers={"telco": telco}, accounts=attentive(webhooks))
    gateway.wait_able("telco")
    messages = gateway.send_bulk(batch("promotional", WINDOW + 5))
    ended = gateway.wait_logged("bind=telco/1 ended=unanswered")
    assert f"recycled: {WINDOW} answers are overdue, of a window of {WINDOW}" in ended
    simulator.set("swallow-share", "0")

    # What the sick link took is settled by its receipts, what it had not taken goes over the new one.
    webhooks.wait_for_each(messages, "delivered")

    assert metric(gateway, "sluice_binds_recycled_total", carrier="telco") >= 1
    assert doubts(gateway) == []
    bind = wait_until(lambda: (b := the_bind(gateway))["room"] == WINDOW and b, "the whole window asks")
    assert bind["last_error"].startswith("unanswered: recycled")


def test_what_is_sent_again_and_what_is_not_is_said_in_the_log_to_operators_and_to_customers(
    gateway_with, simulator_with, record, webhooks
):
    simulator = simulator_with(*record.option, "--swallow-share", "1", "--receipt-share", "0", "--no-number-outcomes")
    telco = carrier(simulator.port, window=WINDOW, response_timeout="200ms")
    gateway = gateway_with(
        carriers={"telco": telco},
        lanes={lane: {"doubt_grace": "1s"} for lane in ("promotional", "transactional")},
        accounts=attentive(webhooks),
    )
    gateway.wait_able("telco")
    (resent,) = gateway.send_bulk(batch("transactional", 1))
    webhooks.wait(resent, "in_doubt")
    simulator.set("swallow-share", "0")
    simulator.set("receipt-share", "1")

    line = gateway.wait_logged("the grace of doubts is over")

    assert "level=warning room=store" in line
    assert line.endswith("sent_again=1 given_up=0")
    webhooks.wait(resent, "delivered")
    assert record.twice() == {resent["to"]}
    assert webhooks.told(resent) == ["in_doubt", "sent", "delivered"]
    events = webhooks.events.all(lambda event: event.get("message_id") == resent["id"])
    assert [event["data"]["possible_duplicate"] for event in events] == [False, True, True]
    simulator.set("swallow-share", "1")
    simulator.set("receipt-share", "0")
    before = gateway.logged()
    (held,) = gateway.send_bulk(batch("promotional", 1))
    assert gateway.wait_logged("the grace of doubts is over", after=before).endswith("sent_again=0 given_up=1")
    webhooks.wait(held, "unknown")
    assert record.twice() == {resent["to"]}


def test_a_receipt_after_unknown_corrects_what_was_told(gateway_with, simulator_with, record, webhooks):
    simulator = simulator_with(
        *record.option, "--swallow-share", "1", "--receipt-delay", "1500ms", "--no-number-outcomes"
    )
    telco = carrier(simulator.port, window=WINDOW, response_timeout="200ms")
    gateway = gateway_with(
        carriers={"telco": telco}, lanes={"promotional": {"doubt_grace": "200ms"}}, accounts=attentive(webhooks)
    )
    held, beside = gateway.send_bulk(batch("promotional", 2))
    webhooks.wait(held, "unknown")

    delivered = webhooks.wait(held, "delivered")

    webhooks.wait(beside, "delivered")
    assert webhooks.told(held) == ["in_doubt", "unknown", "delivered"]
    assert delivered["data"]["possible_duplicate"] is False
    assert delivered["data"]["carrier_message_id"]
    seen = gateway.message(held["id"])
    assert (seen["status"], seen["error"], seen["attempts"]) == ("delivered", None, 1)
    assert gateway.operator.get("/admin/parked")["entities"] == []
    assert record.twice() == set()


def test_an_operator_sees_the_doubts_and_settles_them_by_the_command(gateway_with, simulator_with, webhooks, capsys):
    simulator = simulator_with("--swallow-share", "1", "--receipt-share", "0", "--no-number-outcomes")
    telco = carrier(simulator.port, window=WINDOW, response_timeout="200ms")
    lanes = {"promotional": {"doubt_grace": "1h"}, "transactional": {"doubt_grace": "1h"}}
    gateway = gateway_with(carriers={"telco": telco}, lanes=lanes, accounts=attentive(webhooks))
    held, resent, sent = (gateway.send(item.pop("to"), **item) for item in batch("promotional", 3))
    wait_until(lambda: len(doubts(gateway)) == 3, "three doubts are listed")
    door = ["--url", gateway.operator.url, "--token", gateway.operator.token]

    assert main(["doubts", *door]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    for message in (held, resent, sent):
        assert message["id"] in printed
    for word in ("promotional", "telco/1", "ago", "ends as unknown in"):
        assert word in printed
    page = gateway.operator.get("/admin/doubts?limit=2")
    rest = gateway.operator.get(f"/admin/doubts?limit=2&cursor={page['next_cursor']}")
    listed = [doubt["id"] for doubt in page["entities"] + rest["entities"]]
    assert (listed, rest["next_cursor"]) == ([held["id"], resent["id"], sent["id"]], None)
    simulator.set("swallow-share", "0")
    assert main(["doubts", *door, "--settle", held["id"], "unknown"]) == 0
    assert main(["doubts", *door, "--settle", resent["id"], "resend"]) == 0
    assert main(["doubts", *door, "--settle", sent["id"], "sent"]) == 0
    webhooks.wait(held, "unknown")
    webhooks.wait(sent, "sent")
    assert webhooks.wait(resent, "sent")["data"]["possible_duplicate"] is True
    capsys.readouterr()
    assert main(["doubts", *door, "--settle", held["id"], "resend"]) == 1
    assert "in doubt" in capsys.readouterr().err
    unheard_of = public(MESSAGE, internal(MESSAGE, sent["id"]) + 1)
    answer = gateway.operator.call("POST", f"/admin/doubts/{unheard_of}/settle", {"outcome": "sent"})
    assert (answer.status, answer.json["code"]) == (409, "not_in_doubt")
    answer = gateway.operator.call("POST", "/admin/doubts/order-8841/settle", {"outcome": "sent"})
    assert (answer.status, answer.json["code"]) == (404, "not_found")
    assert gateway.stop() == 0
    assert main(["doubts", *door]) == 1
    assert "No gateway answers at" in capsys.readouterr().err
