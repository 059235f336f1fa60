"""The requests that an aggregator already makes, word for word (but for host and token), and what is wrong with each.

The gateway has the demo's account, which takes textbook numbers. Its clock stands in May 2027, before the campaign.
"""

import json
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from clocks import Clock
from daemons import SECRET, TOKEN, Gateway, carrier, configuration, sha256, started
from records import Record
from simulators import simulating
from webhook_receivers import WebhookReceiver, receiving

from gateway.cli.demo.setting import a_setting

pytestmark = pytest.mark.scenario

BEFORE = datetime(2027, 5, 10, 12, tzinfo=UTC)
AT_ITS_SCHEDULE = datetime(2027, 5, 24, 14, tzinfo=UTC)

SEND = '{"to": "+1234567890", "message": "Your verification code is 1234"}'
BULK = """[
  {"from": "Instasent", "to": "+34600000001", "text": "Hello one", "clientId": "a-1", "allowUnicode": true},
  {"from": "Instasent", "to": "+34600000002", "text": "Hello two", "clientId": "a-2", "allowUnicode": true}
]"""
CAMPAIGN = """{
  "campaign_name": "May Promotion",
  "message": "Hi {first_name}, your 20% discount code is {code}. Use it by May 31. Reply STOP to opt out.",
  "recipients": [
    {"phone": "+15551234567", "first_name": "Alice", "code": "ALICE20"},
    {"phone": "+15557654321", "first_name": "Bob", "code": "BOB20"}
  ],
  "schedule": "2027-05-24T09:00:00-05:00",
  "webhook_url": "https://yourapp.example/webhooks/delivery",
  "idempotency_key": "campaign_may_v1"
}"""


def the_demos_account(webhook_url):
    """As `sluice demo` writes it: its token, and where its webhook is, replaced."""
    with a_setting(1) as setting:
        account = tomllib.loads(setting.configuration.read_text("utf-8"))["accounts"]["shop"]
    assert account["number_check"] == "shape"
    account["tokens"][0]["sha256"] = sha256(TOKEN)
    account["webhook"] |= {"url": webhook_url, "secrets": [SECRET]}
    return account


@dataclass
class Stage:
    gateway: Gateway
    webhooks: WebhookReceiver
    record: Record
    clock: Clock

    def restart_at(self, moment):
        """What happens in between is what happens to a gateway that was off."""
        assert self.gateway.stop() == 0
        self.clock.set(moment)
        self.webhooks.ahead_seconds = self.clock.ahead_seconds
        self.gateway.environment |= self.clock.environment
        self.gateway.start()

    def post(self, path, body, **headers):
        """The answer to these very words."""
        octets = body.encode() if isinstance(body, str) else body
        return self.gateway.call("POST", path, octets, headers=headers)

    def refused(self, path, body, status, code, **headers):
        """The problem document, which says what it is about."""
        answer = self.post(path, body, **headers)
        assert answer.headers["content-type"] == "application/problem+json", answer
        problem = answer.json
        assert (answer.status, problem["code"]) == (status, code), problem
        assert problem["type"] == f"/problems/{code.replace('_', '-')}"
        assert self.gateway.call("GET", problem["type"]).status == 200
        return problem

    def delivered(self, message_id):
        """The event, with the three members that receivers look at first."""
        event = self.webhooks.wait(message_id, "delivered")
        assert (event["message_id"], event["status"]) == (message_id, "delivered")
        assert datetime.fromisoformat(event["timestamp"]).tzinfo is not None
        return event


@contextmanager
def on_stage(folder):
    """A gateway that believes it is May 2027, between a carrier and the endpoint of the account."""
    clock, record = Clock(), Record(folder / "taken.jsonl")
    clock.set(BEFORE)
    with receiving(SECRET) as webhooks, simulating(folder, *record.option) as simulator:
        webhooks.ahead_seconds = clock.ahead_seconds
        accounts = {"shop": the_demos_account(webhooks.url)}
        settings = configuration(folder, carriers={"telco": carrier(simulator.port)}, accounts=accounts)
        gateway = Gateway(folder, settings)
        gateway.environment |= clock.environment
        with started(gateway):
            yield Stage(gateway, webhooks, record, clock)


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with on_stage(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture
def own_stage(tmp_path):
    """For a test that moves the clock."""
    with on_stage(tmp_path) as stage:
        yield stage


def test_the_three_line_start_is_sent_and_its_webhook_arrives(stage):
    answer = stage.post("/send", SEND)

    assert answer.status == 201
    assert (answer.json["to"], answer.json["text"]) == ("+1234567890", "Your verification code is 1234")
    assert answer.headers["location"] == f"/v1/sms/{answer.json['id']}"
    stage.delivered(answer.json["id"])
    assert stage.record.numbers().count("+1234567890") == 1


def test_the_bulk_is_sent_under_its_sender_and_its_webhooks_arrive(stage):
    answer = stage.post("/v1/sms/bulk", BULK)

    assert (answer.status, answer.json["errors"]) == (201, [])
    assert [(found["index"], found["client_id"], found["from"]) for found in answer.json["entities"]] == [
        (0, "a-1", "Instasent"),
        (1, "a-2", "Instasent"),
    ]
    for found in answer.json["entities"]:
        assert stage.delivered(found["id"])["client_id"] == found["client_id"]
    assert {"+34600000001", "+34600000002"} <= set(stage.record.numbers())


def at_our_host(body, webhooks, path="/webhooks/delivery"):
    host = urlsplit(webhooks.url)
    return body.replace("https://yourapp.example/webhooks/delivery", f"http://{host.netloc}{path}")


def test_the_campaign_waits_for_its_schedule_and_its_webhooks_arrive_where_it_asked(own_stage):
    stage, gateway = own_stage, own_stage.gateway
    answer = stage.post("/v1/campaigns/sms", at_our_host(CAMPAIGN, stage.webhooks))

    assert (answer.status, answer.json["status"]) == (202, "loading")
    assert answer.json["recipients"] == {"received": 2, "accepted": 2, "rejected": 0, "duplicates": 0, "opted_out": 0}
    assert answer.json["schedule"] == "2027-05-24T14:00:00.000Z"
    path = f"/v1/campaigns/{answer.json['id']}"
    gateway.wait_for(lambda: gateway.get(path)["status"] == "scheduled", "it is scheduled")
    assert stage.record.numbers() == []

    stage.restart_at(AT_ITS_SCHEDULE)

    gateway.wait_for(lambda: gateway.get(path)["status"] == "completed", "it is completed")
    messages = gateway.get(f"/v1/sms?campaign_id={answer.json['id']}")["entities"]
    assert {message["to"]: message["text"] for message in messages} == {
        "+15551234567": "Hi Alice, your 20% discount code is ALICE20. Use it by May 31. Reply STOP to opt out.",
        "+15557654321": "Hi Bob, your 20% discount code is BOB20. Use it by May 31. Reply STOP to opt out.",
    }
    for message in messages:
        stage.delivered(message["id"])
    assert {delivery.path for delivery in stage.webhooks.deliveries.all()} == {"/webhooks/delivery"}
    assert sorted(stage.record.numbers()) == ["+15551234567", "+15557654321"]


# --- what is wrong: each is told with the field and what to do


def a_bulk(count):
    return json.dumps([{"to": f"+34600{n:06}", "text": "Hello"} for n in range(count)])


def test_a_bulk_in_a_wrapper_is_told_to_be_unwrapped(stage):
    problem = stage.refused("/v1/sms/bulk", f'{{"messages": {BULK}}}', 422, "not_an_array")
    assert problem["detail"] == "Send the array itself, without the object around it: [{...}, {...}]."


def test_an_empty_bulk_is_refused_and_says_what_is_needed(stage):
    problem = stage.refused("/v1/sms/bulk", "[]", 422, "empty_bulk")
    assert "at least one message" in problem["detail"]


def test_a_bulk_of_501_is_refused_and_says_how_many_go(stage):
    problem = stage.refused("/v1/sms/bulk", a_bulk(501), 413, "too_many_items")
    assert problem["detail"].startswith("The array holds 501 messages; at most 500 go into one call")
    assert problem["limit"] == 500


@pytest.mark.parametrize("count", [100, 101, 500])
def test_bulks_up_to_500_pass(stage, count):
    answer = stage.post("/v1/sms/bulk", a_bulk(count))
    assert (answer.status, len(answer.json["entities"]), answer.json["errors"]) == (201, count, [])


def test_a_campaign_with_three_bad_recipients_of_five_names_each_with_its_reason(stage):
    body = json.loads(at_our_host(CAMPAIGN, stage.webhooks))
    body["idempotency_key"] = "campaign_may_v2"
    body["recipients"] += [
        {"phone": "not a number", "first_name": "Carol", "code": "CAROL20"},
        {"phone": "+15550000001", "first_name": "Dan"},
        {"first_name": "Eve", "code": "EVE20"},
    ]

    answer = stage.post("/v1/campaigns/sms", json.dumps(body))

    assert answer.status == 202, answer
    assert answer.json["recipients"] == {"received": 5, "accepted": 2, "rejected": 3, "duplicates": 0, "opted_out": 0}
    errors = {error["index"]: error for error in answer.json["errors"]}
    assert set(errors) == {2, 3, 4}
    assert errors[2]["fields"] == {"phone": ["is not a phone number"]}
    assert errors[2]["codes"] == {"phone": ["not_a_number"]}
    assert errors[3]["fields"] == {"code": ["is missing: the text has {code} without a default"]}
    assert errors[4]["codes"] == {"phone": ["missing"]}
    assert stage.gateway.get(answer.json["errors_url"])["entities"] == answer.json["errors"]


def test_a_template_with_a_field_that_is_given_nowhere_names_the_field(stage):
    message = '{"to": "+34600000001", "text": "Hello {first_nam}", "variables": {"first_name": "Alice"}}'
    problem = stage.refused("/v1/sms", message, 422, "invalid_fields")
    ((field, (sentence,)),) = problem["fields"].items()
    assert field == "variables.first_nam"
    assert "default" in sentence or "give" in sentence


def test_a_campaign_whose_text_has_an_unknown_field_is_refused_before_anything_is_sent(stage):
    body = json.loads(at_our_host(CAMPAIGN, stage.webhooks)) | {
        "message": "Hi {first_nam}",
        "idempotency_key": "campaign_may_v3",
    }
    answer = stage.post("/v1/campaigns/sms", json.dumps(body))
    assert answer.json["recipients"]["accepted"] == 0
    assert [error["codes"] for error in answer.json["errors"]] == [{"first_nam": ["missing"]}] * 2


@pytest.mark.parametrize("path", ["/v1/sms", "/v1/campaigns/sms"])
def test_a_schedule_in_the_past_is_refused_by_its_name(stage, path):
    past = '"schedule": "2026-05-24T09:00:00-05:00"'
    single = f'{{"to": "+34600000001", "text": "Hello", {past}}}'
    campaign = at_our_host(CAMPAIGN, stage.webhooks).replace('"schedule": "2027-05-24T09:00:00-05:00"', past)
    problem = stage.refused(path, single if path == "/v1/sms" else campaign, 422, "invalid_fields")
    assert list(problem["fields"]) == ["schedule"]
    assert problem["fields"]["schedule"][0].startswith("is in the past")
    assert problem["codes"] == {"schedule": ["in_the_past"]}
    assert problem["detail"].endswith("Correct 1 field and send again.")


NEW_BULK = BULK.replace('"a-', '"b-')


@pytest.mark.parametrize(
    ("path", "body", "other"),
    [
        ("/send", SEND, SEND.replace("is 1234", "is 4321")),
        ("/v1/sms/bulk", NEW_BULK, NEW_BULK.replace("Hello two", "Hello three")),
        ("/v1/campaigns/sms", CAMPAIGN, CAMPAIGN.replace("20%", "30%")),
    ],
    ids=["send", "bulk", "campaign"],
)
def test_an_idempotency_key_with_another_body_is_refused_and_says_what_a_key_is_for(stage, path, body, other):
    key = {} if "idempotency_key" in body else {"Idempotency-Key": f"key-of-{path}"}
    first = stage.post(path, at_our_host(body, stage.webhooks), **key)
    again = stage.post(path, at_our_host(body, stage.webhooks), **key)
    problem = stage.refused(path, at_our_host(other, stage.webhooks), 422, "idempotency_key_reused", **key)
    assert first.status == again.status == (202 if "campaign" in path else 201)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json.get("id") == first.json.get("id")
    assert "another body" in problem["detail"]
    assert "new key" in stage.gateway.get(problem["type"])["explanation"]
