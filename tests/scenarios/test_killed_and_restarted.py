"""SIGKILL in the middle of the work, three times: nothing accepted is lost, nothing is doubled without saying so."""

import random
import threading
from collections import defaultdict

import pytest
from arrivals import wait_until
from callers import Caller
from daemons import carrier
from records import repeated

pytestmark = pytest.mark.scenario

KILLS = 3
WINDOW = 20
LANES = {"transactional": {"doubt_grace": "2s"}, "otp": {"doubt_grace": "2s"}}


@pytest.fixture
def chance():
    """What is left to chance; a failing test shows the seed."""
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")
    return random.Random(seed)


def batch(prefix, count, **fields):
    return [{"to": f"+34600{prefix}{n:04}", "text": f"Hello {prefix} {n}", **fields} for n in range(count)]


def ends(webhooks, messages):
    """The last event of each message, by its number, once all have ended."""
    wanted = {message["id"] for message in messages}

    def all_ends():
        found = {e["message_id"]: e for e in webhooks.events.all() if e["status"] in ("delivered", "unknown")}
        return found if found.keys() >= wanted else None

    found = wait_until(all_ends, "every message has ended")
    return {found[message_id]["data"]["to"]: found[message_id] for message_id in wanted}


def marked(events):
    """The numbers whose event says that it may have arrived twice."""
    return {to for to, event in events.items() if event["data"]["possible_duplicate"]}


def all_events(gateway):
    """The whole outbox, by id."""
    events, cursor = {}, ""
    while cursor is not None:
        page = gateway.get(f"/v1/events?limit=500{cursor}")
        events.update({event["id"]: event for event in page["entities"]})
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    return events


def told_in_order(webhooks):
    """Statuses of each message, by the first arrival of each event."""
    told = defaultdict(list)
    for event in webhooks.events.all():
        told[event["message_id"]].append(event["status"])
    return told


def test_nothing_accepted_is_lost_and_what_is_doubled_says_so(gateway_with, simulator_with, record, webhooks, chance):
    simulator = simulator_with(*record.option, "--latency", "10-40ms", "--receipt-delay", "0-100ms")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=WINDOW)}, lanes=LANES)
    codes = gateway.send_bulk(batch(10, 100, lane="otp"))
    messages = gateway.send_bulk(batch(20, 450)) + gateway.send_bulk(batch(21, 450))
    for _ in range(KILLS):
        moment = record.count() + chance.randrange(20, 250)
        wait_until(lambda moment=moment: record.count() >= moment, f"{moment} segments have arrived")
        gateway.kill()
        gateway.start()

    end_of = ends(webhooks, codes + messages)

    numbers = record.numbers()
    arrived, twice = set(numbers), repeated(numbers)
    assert twice <= marked(end_of)
    assert len(numbers) - len(arrived) <= KILLS * WINDOW
    assert {message["to"] for message in messages} <= arrived
    assert {end_of[message["to"]]["status"] for message in messages} == {"delivered"}
    for code in codes:
        is_there = code["to"] in arrived
        assert end_of[code["to"]]["status"] == ("delivered" if is_there else "unknown")
        assert code["to"] not in twice | marked(end_of)
    for message in gateway.message(codes[0]["id"]), gateway.message(messages[-1]["id"]):
        told = end_of[message["to"]]
        assert (message["status"], message["possible_duplicate"]) == (told["status"], message["to"] in marked(end_of))

    wait_until(lambda: gateway.get("/v1/events?status=pending")["entities"] == [], "every event is told")
    assert set(all_events(gateway)) == {event["id"] for event in webhooks.events.all()}
    told = told_in_order(webhooks)
    assert len(told) == len(codes + messages)
    # A receipt may settle what was never answered: then `delivered` is told without a `sent` before it.
    possible = (["sent", "delivered"], ["delivered"], ["unknown"], ["unknown", "delivered"])
    assert [statuses for statuses in told.values() if statuses not in possible] == []


def test_a_request_repeated_after_the_kill_is_carried_out_once(gateway_with, simulator_with, record, webhooks, chance):
    simulator = simulator_with(*record.option)
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=WINDOW)}, lanes=LANES)
    body, key = batch(30, 500), {"Idempotency-Key": "batch-30"}
    first = []
    caller = threading.Thread(target=lambda: first.append(answer_or_none(gateway, body, key)))
    caller.start()
    caller.join(chance.uniform(0.0, 0.12))
    gateway.kill()
    caller.join()
    gateway.start()

    repeated_answer = gateway.call("POST", "/v1/sms/bulk", body, headers=key)

    assert repeated_answer.status == 201, repeated_answer
    entities = repeated_answer.json["entities"]
    if first[0] is not None:
        assert repeated_answer.json == first[0].json
        assert repeated_answer.headers["idempotent-replayed"] == "true"
    again = gateway.call("POST", "/v1/sms/bulk", body, headers=key)
    assert (again.json, again.headers["idempotent-replayed"]) == (repeated_answer.json, "true")
    end_of = ends(webhooks, entities)
    assert {event["status"] for event in end_of.values()} == {"delivered"}
    assert end_of.keys() == set(record.numbers()) == {item["to"] for item in body}
    assert record.twice() <= marked(end_of)


def answer_or_none(caller: Caller, body, headers):
    """The answer, or None where the gateway was killed before it."""
    try:
        return caller.call("POST", "/v1/sms/bulk", body, headers=headers)
    except OSError:
        return None
