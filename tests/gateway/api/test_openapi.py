"""What is described is what is done: each example fits its schema, each call answers as its example shows."""

import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import trio

from gateway.api.description.docs_page import docs_page
from gateway.api.description.event_examples import (
    CAMPAIGN_EXAMPLE,
    INBOUND_EXAMPLE,
    MESSAGE_EXAMPLES,
    OPT_OUT_EXAMPLE,
    TEST_EXAMPLE,
)
from gateway.api.description.event_schemas import (
    CampaignEvent,
    InboundEvent,
    MessageEvent,
    OptOutEvent,
    WebhookTestEvent,
)
from gateway.api.description.examples import EXAMPLES
from gateway.api.description.openapi import openapi_document
from gateway.api.description.operations import OPERATIONS, Operation
from gateway.api.description.problem_examples import PROBLEM_EXAMPLES
from gateway.api.description.schemas import Entity, Message, ProblemDocument
from gateway.api.problem_types import TYPES
from gateway.flows import entities
from gateway.identifiers import now_ms
from gateway.rules.checks import MOST_CLIENT_ID, MOST_TAG
from gateway.settings import EventType
from gateway.store.interface import InboundIn

Build = Callable[..., dict[str, Any]]
JSON = [operation for operation in OPERATIONS if operation.name != "submit_stream"]
"""What the stream shows is held by test_stream."""
BY_NAME = pytest.mark.parametrize("operation", JSON, ids=[operation.name for operation in JSON])


def round_trip(value: Any, schema: Any) -> Any:
    """The value as its schema reads and writes it: a member that the schema lacks, or has in another place, shows."""
    return msgspec.json.encode(msgspec.json.decode(msgspec.json.encode(value), type=schema))


@BY_NAME
def test_each_example_fits_its_schema(operation: Operation) -> None:
    example = EXAMPLES[operation.name]
    answer, *_ = operation.answers
    assert round_trip(example.response, answer.schema) == msgspec.json.encode(example.response)
    if operation.body is not None:
        assert msgspec.json.decode(round_trip(example.request, operation.body)) == example.request


def test_each_problem_example_is_what_the_type_renders() -> None:
    for slug, example in PROBLEM_EXAMPLES.items():
        assert round_trip(example, ProblemDocument) == msgspec.json.encode(example)
        kind = TYPES[slug]
        assert (example["title"], example["status"], example["code"]) == (kind.title, kind.status, kind.code)


def test_the_described_message_is_the_rendered_one() -> None:
    index, *names, duplicate = [field.encode_name for field in msgspec.structs.fields(entities.Entity)]
    assert [field.encode_name for field in msgspec.structs.fields(Message)] == names
    assert [field.encode_name for field in msgspec.structs.fields(Entity)] == [index, *names, duplicate]


def shape(value: Any) -> Any:
    """The names of members, in their order, with kinds of values; entries of lists by their first."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items() if name not in LOOSE}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return None


LOOSE = {"variants", "timeline", "parts", "errors", "error", "fields", "codes", "event", "carriers"}


async def prepared(house: Any, a_message: Build) -> dict[str, str]:
    """Ids for the paths: a message, and an event that ended its life as failed."""
    found = await (await house.client().post("/v1/sms", json=a_message())).get_json()
    event = await (await house.client().post("/v1/webhook/test")).get_json()
    example = EXAMPLES["submit_campaign"].request
    example = {**example, "recipients": [*example["recipients"], "12"]}
    campaign = await (await house.client().post("/v1/campaigns/sms", json=example)).get_json()
    return {"message": found["id"], "event": event["event_id"], "campaign": campaign["id"]}


@BY_NAME
async def test_each_call_answers_as_its_example_shows(house: Any, a_message: Build, operation: Operation) -> None:
    ids = await prepared(house, a_message)
    path = operation.path.replace("{id}", ids[next((kind for kind in ids if f"{kind}s" in operation.path), "message")])
    if operation.name in ("list_templates", "get_template", "delete_template"):
        kept = EXAMPLES["put_template"].request
        await house.client().call("PUT", "/v1/templates/login-code", json=kept)
    path = path.replace("{name}", "login-code").replace("{number}", "+34600000001")
    for path_of in ("/v1/opt-outs", "/v1/opt-ins"):
        if operation.path.startswith(path_of) and operation.method in ("GET", "DELETE"):
            await house.client().call("PUT", f"{path_of}/+34600000001", json={})
    example = EXAMPLES[operation.name]
    given = {} if example.request is None else {"json": example.request}
    if operation.name == "list_messages":
        await house.client().post("/v1/sms", json=a_message(client_id="listed"))
        path += "?client_id=listed"
    answer = await house.client().call(operation.method, path, **given)
    success, *_ = operation.answers
    assert answer.status_code == success.status, await answer.get_data()
    body = None if success.schema is None else await answer.get_json()
    assert msgspec.json.decode(round_trip(body, success.schema)) == body
    assert shape(body) == shape(example.response)
    for header in success.headers:
        assert header in answer.headers or header == "Idempotent-Replayed"


# --- webhooks

EVENT_EXAMPLES = [
    *((example, MessageEvent) for example in MESSAGE_EXAMPLES.values()),
    (INBOUND_EXAMPLE, InboundEvent),
    (OPT_OUT_EXAMPLE, OptOutEvent),
    (CAMPAIGN_EXAMPLE, CampaignEvent),
    (TEST_EXAMPLE, WebhookTestEvent),
]


@pytest.mark.parametrize(("example", "schema"), EVENT_EXAMPLES, ids=[example["type"] for example, _ in EVENT_EXAMPLES])
def test_each_example_of_an_event_fits_its_schema(example: Any, schema: Any) -> None:
    assert round_trip(example, schema) == msgspec.json.encode(example)


def test_every_event_that_can_be_asked_for_is_described_and_so_is_a_batch() -> None:
    webhooks = openapi_document()["webhooks"]
    assert set(webhooks) == {*map(str, EventType), "webhook.test", "batch"}
    batch = webhooks["batch"]["post"]["requestBody"]["content"]["application/json"]
    assert batch["schema"]["type"] == "array"
    assert round_trip(batch["example"], list[MessageEvent]) == msgspec.json.encode(batch["example"])
    for name, item in webhooks.items():
        example = item["post"]["requestBody"]["content"]["application/json"]["example"]
        assert name == "batch" or example["type"] == name


async def test_events_are_posted_as_they_are_described(house: Any, a_message: Build) -> None:
    """Members and their order; those of `error` and of data that is null aside."""
    found = await (await house.client().post("/v1/sms", json=a_message())).get_json()
    await house.client().post(f"/v1/sms/{found['id']}/cancel")
    await house.client().post("/v1/webhook/test")
    kept = trio.Event()
    inbound = InboundIn(now_ms() << 20, "telco", "shop", "+34600000001", "SHOP", "STOP", "gsm7", now_ms())
    house.store.inbound(inbound, lambda _: kept.set())
    await kept.wait()
    listed = (await (await house.client().get("/v1/events")).get_json())["entities"]
    posted = {entity["type"]: entity["event"] for entity in listed}
    expected = {example["type"]: example for example, _ in EVENT_EXAMPLES if example["type"] in posted}
    assert set(posted) == {"message.canceled", "webhook.test", "message.inbound", "recipient.opt_out"}
    for kind, event in posted.items():
        assert shape(event) == shape(expected[kind])
        assert list(event["data"]) == list(expected[kind]["data"])
        assert event["status"] == expected[kind]["status"]
    assert posted["message.canceled"]["data"]["error"] == expected["message.canceled"]["data"]["error"]


def test_the_limits_of_a_message_are_described() -> None:
    described = openapi_document()["components"]["schemas"]["NewMessage"]
    assert described["anyOf"] == [{"required": [name]} for name in ("text", "message", "template")]
    for name, most in (("client_id", MOST_CLIENT_ID), ("clientId", MOST_CLIENT_ID), ("tag", MOST_TAG)):
        assert {"type": "string", "minLength": 1, "maxLength": most} in described["properties"][name]["anyOf"]
    assert {"type": "null"} in described["properties"]["from"]["anyOf"]


@BY_NAME
def test_each_status_of_a_failure_has_an_example(operation: Operation) -> None:
    responses = openapi_document()["paths"][operation.path][operation.method.lower()]["responses"]
    for status, answer in responses.items():
        if status >= "400":
            assert answer["content"]["application/problem+json"]["examples"]


@BY_NAME
def test_every_post_that_does_something_takes_a_key(operation: Operation) -> None:
    assert operation.keyed == (operation.method == "POST" and operation.name != "preview")


async def test_every_path_and_method_of_the_app_is_described(house: Any) -> None:
    document = openapi_document()
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    served = {
        (method, rule.rule.replace("<id:id>", "{id}").replace("<name>", "{name}").replace("<number>", "{number}"))
        for rule in house.app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert served - described == {
        ("POST", "/v1/campaigns/voice"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("GET", "/problems/<slug>"),
    }
    assert described <= served


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if "$ref" in value else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_the_document_is_whole() -> None:
    document = openapi_document()
    assert document["openapi"] == "3.1.0"
    for reference in references(document):
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
    names = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names)) == len(OPERATIONS)


async def test_the_document_is_served_as_json(house: Any) -> None:
    answer = await house.client(None).get("/openapi.json")
    assert answer.content_type == "application/json"
    assert await answer.get_json() == msgspec.json.decode(msgspec.json.encode(openapi_document()))


async def test_the_page_asks_nothing_of_any_other_host_and_runs_nothing(house: Any) -> None:
    answer = await house.client(None).get("/docs")
    page = (await answer.get_data()).decode()
    assert answer.content_type.startswith("text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for forbidden in ("<script", "src=", "@import", "url(", "style="):
        assert forbidden not in page
    assert not re.search(r'href="(?!#|/)', page)
    for operation in OPERATIONS:
        assert f'id="{operation.name}"' in page


def test_what_stands_in_the_document_can_not_become_markup() -> None:
    document = openapi_document()
    hostile = {**document, "info": {"title": "<b>", "description": "<script>`<i>`"}}
    page = docs_page(hostile)
    assert "<script>" not in page
    assert "<code>&lt;i&gt;</code>" in page
