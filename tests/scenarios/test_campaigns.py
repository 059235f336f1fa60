"""Campaigns through a whole gateway: sent to all, paused within a window, canceled, killed while they load and go."""

import json
from urllib.parse import urlencode

import pytest
from arrivals import wait_until
from chunked_uploads import HERE, answer_on, chunked_upload, requested
from daemons import carrier

pytestmark = pytest.mark.scenario

WINDOW = 10
LANES = {"promotional": {"doubt_grace": "1s"}}


def numbers(prefix, count):
    return [f"+34600{prefix}{n:04}" for n in range(count)]


def a_campaign(recipients, **changes):
    return {"campaign_name": "May", "message": "{Hello|Hi} {name}", "recipients": recipients, **changes}


def named(prefix, count):
    return [{"phone": number, "name": f"Hello{number[-4:]}"} for number in numbers(prefix, count)]


def begun(gateway, body, **headers):
    answer = gateway.call("POST", HERE, body, headers=headers)
    assert answer.status == 202, answer
    return answer.json


def campaign(gateway, found):
    return gateway.get(f"/v1/campaigns/{found['id']}")


def moved(gateway, found, move):
    answer = gateway.call("POST", f"/v1/campaigns/{found['id']}/{move}")
    assert answer.status == 200, answer
    return answer.json


def once(gateway, found, condition, what, seconds=30):
    def as_asked():
        row = campaign(gateway, found)
        assert sum(row["counts"].values()) == row["recipients"]["accepted"]
        return row if condition(row) else None

    return wait_until(as_asked, what, seconds=seconds)


def completed(gateway, found, seconds=40):
    return once(gateway, found, lambda row: row["status"] == "completed", "the campaign is completed", seconds)


def test_a_campaign_of_a_thousand_reaches_each_once_and_tells_of_its_end(
    gateway_with, simulator_with, record, webhooks
):
    gateway = gateway_with(carriers={"telco": carrier(simulator_with(*record.option).port)})
    wanted = numbers(10, 1_000)
    recipients = [*named(10, 1000), "+34600", {"phone": wanted[0], "name": "twice"}, {"phone": "+34600990000"}]

    found = begun(gateway, a_campaign(recipients, tag="may"))

    assert found["recipients"] == {"received": 1003, "accepted": 1000, "rejected": 2, "duplicates": 1, "opted_out": 0}
    ended = completed(gateway, found)
    assert ended["counts"]["delivered"] == 1_000
    assert (ended["progress"], ended["counts"]["waiting"]) == (1.0, 0)
    assert sorted(record.numbers()) == wanted
    assert {one["variant"] for one in ended["variants"]} == {"Hello", "Hi"}
    assert sum(one["delivered"] for one in ended["variants"]) == 1_000
    event = wait_until(
        lambda: next((e for e in webhooks.events.all() if e["type"] == "campaign.completed"), None), "it is told"
    )
    assert (event["status"], event["data"]["id"]) == ("completed", found["id"])
    told = [event for event in webhooks.events.all() if event["type"] == "message.delivered"]
    assert {event["data"]["campaign_id"] for event in told} == {found["id"]}


def test_pausing_takes_effect_within_a_window_and_canceling_sends_nothing_more(gateway_with, simulator_with, record):
    simulator = simulator_with(*record.option, "--latency", "50ms")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=WINDOW)})
    found = begun(gateway, a_campaign(numbers(20, 2_000), message="Hello"))
    wait_until(lambda: record.count() >= 100, "it has begun")

    paused = moved(gateway, found, "pause")
    arrived = record.count()

    assert paused["status"] == "paused"
    other = gateway.send("+34600990001")
    gateway.wait_message(other["id"], status="delivered")
    assert record.count() - 1 <= arrived + 2 * WINDOW
    moved(gateway, found, "resume")
    wait_until(lambda: record.count() >= arrived + 100, "it goes on")
    canceled = moved(gateway, found, "cancel")
    arrived = record.count()
    assert canceled["status"] == "canceled"
    ended = once(gateway, found, lambda row: row["progress"] == 1.0, "what was in flight has ended")
    assert ended["counts"]["waiting"] == ended["counts"]["queued"] == 0
    assert ended["counts"]["canceled"] >= 2_000 - record.count()
    assert record.count() <= arrived + 2 * WINDOW
    assert record.twice() == set()
    assert gateway.call("POST", f"/v1/campaigns/{found['id']}/resume").json["campaign_status"] == "canceled"


def test_a_kill_while_it_is_sent_loses_nobody_and_writes_to_nobody_twice(gateway_with, simulator_with, record):
    simulator = simulator_with(*record.option, "--latency", "20ms")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=WINDOW)}, lanes=LANES)
    found = begun(gateway, a_campaign(named(30, 1_000)))
    for arrived in (150, 400, 700):
        wait_until(lambda arrived=arrived: record.count() >= arrived, f"{arrived} have arrived")
        gateway.kill()
        gateway.start()

    ended = completed(gateway, found)

    assert record.twice() == set()
    missing = set(numbers(30, 1_000)) - set(record.numbers())
    assert len(missing) <= ended["counts"]["unknown"] <= 3 * WINDOW
    assert ended["counts"]["delivered"] + ended["counts"]["unknown"] == 1_000


@pytest.mark.parametrize("how", ["killed", "left"])
def test_an_upload_that_ends_early_sends_nothing_and_is_begun_again_by_its_key(
    gateway_with, simulator_with, record, how
):
    gateway = gateway_with(carriers={"telco": carrier(simulator_with(*record.option).port)})
    query = {"campaign_name": "May", "message": "Hello"}
    lines = "".join(f"{number}\n" for number in numbers(40, 2_000)).encode()
    with chunked_upload(gateway, query, "may") as upload:
        upload.put(b"phone\n" + lines[:13_000])
        wait_until(lambda: gateway.get("/v1/campaigns")["entities"], "it is being loaded")
        if how == "killed":
            gateway.kill()
            gateway.start()
            assert [one["status"] for one in gateway.get("/v1/campaigns")["entities"]] == ["loading"]
    if how == "left":
        failed = wait_until(lambda: gateway.get("/v1/campaigns?status=failed")["entities"], "it has failed")
        assert failed[0]["failure"] == "upload_cut_off"
    assert record.count() == 0

    with chunked_upload(gateway, query, "may") as upload:
        upload.put(b"phone\n")
        for at in range(0, len(lines), 5_000):
            upload.put(lines[at : at + 5_000])
        status, found = upload.end()

    assert (status, found["recipients"]["accepted"]) == (202, 2_000)
    assert completed(gateway, found)["counts"]["delivered"] == 2_000
    assert sorted(record.numbers()) == numbers(40, 2_000)
    again = gateway.call(
        "POST",
        f"{HERE}?{urlencode(query)}",
        b"phone\n" + lines,
        headers={"Content-Type": "text/csv", "Idempotency-Key": "may"},
    )
    assert (again.status, again.headers["idempotent-replayed"], again.json) == (202, "true", found)


def test_a_refusal_is_read_by_a_caller_who_is_still_sending(gateway_with, simulator):
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    body = b"phone\n" + b"+34600500000\n" * 1_000_000
    answer = gateway.call("POST", f"{HERE}?message=Hello", body, headers={"Content-Type": "text/csv"})
    assert (answer.status, answer.json["codes"]) == (422, {"campaign_name": ["missing"]})
    assert gateway.get("/v1/campaigns")["entities"] == []


def test_an_otp_goes_out_at_once_while_a_hundred_thousand_recipients_are_read(gateway_with, simulator_with):
    gateway = gateway_with(carriers={"telco": carrier(simulator_with().port)})
    body = json.dumps(a_campaign(named(60, 10_000) * 10, schedule="2027-12-01T00:00:00Z")).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    with requested(gateway, HERE, headers, seconds=60) as connection:
        connection.sendall(body)
        codes = [gateway.send(f"+3460070{n:04}", lane="otp") for n in range(20)]
        for code in codes:
            gateway.wait_message(code["id"], status="delivered")
        # Each of them ended before the campaign was read.
        connection.setblocking(False)
        with pytest.raises(BlockingIOError):
            connection.recv(1)
        connection.settimeout(60)
        status, found = answer_on(connection)
    assert (status, found["recipients"]["received"], found["recipients"]["accepted"]) == (202, 100_000, 10_000)
