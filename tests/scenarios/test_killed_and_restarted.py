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
LANES = {"transactional": {"doubt_grace": "1s"}, "otp": {"doubt_grace": "1s"}}


@pytest.fixture
def chance():
    """What is left to chance; a failing test shows the seed."""
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")
    return random.Random(seed)


def batch(prefix, count, **fields):
    return [{"to": f"+34600{prefix}{n:04}", "text": f"Hello {prefix} {n}", **fields} for n in range(count)]


def ended(gateway, messages):
    """All of them as they stand, once each has ended."""
    open_ = {message["id"] for message in messages}
    seen = []

    def none_is_open():
        for message_id in list(open_):
            found = gateway.message(message_id)
            if found["status"] in ("queued", "sent"):
                return False
            open_.discard(message_id)
            seen.append(found)
        return True

    wait_until(none_is_open, "every message has ended", seconds=30)
    return seen


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

    seen = ended(gateway, codes + messages)

    numbers = record.numbers()
    arrived, twice = set(numbers), repeated(numbers)
    by_number = {message["to"]: message for message in seen}
    marked = {to for to, message in by_number.items() if message["possible_duplicate"]}
    assert twice <= marked
    assert len(numbers) - len(arrived) <= KILLS * WINDOW
    assert {message["to"] for message in messages} <= arrived
    assert {by_number[message["to"]]["status"] for message in messages} == {"delivered"}
    for message in codes:
        is_there = message["to"] in arrived
        assert by_number[message["to"]]["status"] == ("delivered" if is_there else "unknown")
        assert message["to"] not in twice | marked

    wait_until(lambda: gateway.get("/v1/events?status=pending")["entities"] == [], "every event is told", seconds=30)
    assert set(all_events(gateway)) == {event["id"] for event in webhooks.events.all()}
    for message_id, statuses in told_in_order(webhooks).items():
        # A receipt may settle what was never answered: then `delivered` is told without a `sent` before it.
        assert statuses in (["sent", "delivered"], ["delivered"], ["unknown"]), (message_id, statuses)
    assert len(told_in_order(webhooks)) == len(seen)
    for event in webhooks.events.all(lambda event: event["data"]["to"] in twice and event["status"] == "delivered"):
        assert event["data"]["possible_duplicate"] is True


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
    seen = ended(gateway, entities)
    assert {message["status"] for message in seen} == {"delivered"}
    assert len(seen) == len(body)
    marked = {message["to"] for message in seen if message["possible_duplicate"]}
    assert set(record.numbers()) == {item["to"] for item in body}
    assert record.twice() <= marked


def answer_or_none(caller: Caller, body, headers):
    """The answer, or None where the gateway was killed before it."""
    try:
        return caller.call("POST", "/v1/sms/bulk", body, headers=headers)
    except OSError:
        return None
