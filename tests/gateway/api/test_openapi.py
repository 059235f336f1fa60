"""What is described is what is done: each example fits its schema, each call answers as its example shows."""

import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from gateway.api.docs_page import docs_page
from gateway.api.examples import EXAMPLES, PROBLEM_EXAMPLES
from gateway.api.openapi import openapi_document
from gateway.api.operations import OPERATIONS, Operation
from gateway.api.problems import TYPES
from gateway.api.schemas import Entity, Message, ProblemDocument
from gateway.flows import entities

Build = Callable[..., dict[str, Any]]
BY_NAME = pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.name for operation in OPERATIONS])


def round_trip(value: Any, schema: Any) -> Any:
    """The value as its schema reads and writes it: a member that the schema lacks, or has in another place, shows."""
    return msgspec.json.encode(msgspec.json.decode(msgspec.json.encode(value), type=schema))


@BY_NAME
def test_each_example_fits_its_schema(operation: Operation) -> None:
    example = EXAMPLES[operation.name]
    (answer,) = operation.answers
    assert round_trip(example.response, answer.schema) == msgspec.json.encode(example.response)
    if operation.body is not None:
        assert msgspec.json.decode(round_trip(example.request, operation.body)) == example.request


def test_each_problem_example_is_what_the_type_renders() -> None:
    for slug, example in PROBLEM_EXAMPLES.items():
        assert round_trip(example, ProblemDocument) == msgspec.json.encode(example)
        kind = TYPES[slug]
        assert (example["title"], example["status"], example["code"]) == (kind.title, kind.status, kind.code)


def test_the_described_message_is_the_rendered_one() -> None:
    names = [field.encode_name for field in msgspec.structs.fields(entities.Entity)]
    assert [field.encode_name for field in msgspec.structs.fields(Message)] == names
    assert [field.encode_name for field in msgspec.structs.fields(Entity)] == ["index", *names]


def shape(value: Any) -> Any:
    """The names of members, in their order, with kinds of values; entries of lists by their first."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items() if name not in LOOSE}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return None


LOOSE = {"timeline", "parts", "errors", "error", "fields", "codes", "event", "carriers"}


async def prepared(house: Any, a_message: Build) -> dict[str, str]:
    """Ids for the paths: a message, and an event that ended its life as failed."""
    found = await (await house.client().post("/v1/sms", json=a_message())).get_json()
    event = await (await house.client().post("/v1/webhook/test")).get_json()
    return {"message": found["id"], "event": event["event_id"]}


@BY_NAME
async def test_each_call_answers_as_its_example_shows(house: Any, a_message: Build, operation: Operation) -> None:
    ids = await prepared(house, a_message)
    path = operation.path.replace("{id}", ids["event" if "events" in operation.path else "message"])
    example = EXAMPLES[operation.name]
    given = {} if example.request is None else {"json": example.request}
    if operation.name == "list_messages":
        await house.client().post("/v1/sms", json=a_message(client_id="listed"))
        path += "?client_id=listed"
    answer = await house.client().call(operation.method, path, **given)
    if operation.name == "replay_event":
        assert answer.status_code == 404  # it is pending, and so needs no replay
        return
    (success,) = operation.answers
    assert answer.status_code == success.status, await answer.get_data()
    body = await answer.get_json()
    assert msgspec.json.decode(round_trip(body, success.schema)) == body
    assert shape(body) == shape(example.response)
    for header in success.headers:
        assert header in answer.headers or header == "Idempotent-Replayed"


async def test_every_path_and_method_of_the_app_is_described(house: Any) -> None:
    document = openapi_document()
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    served = {
        (method, re.sub(r"<id:id>", "{id}", rule.rule))
        for rule in house.app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert served - described == {("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/problems/<slug>")}
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
