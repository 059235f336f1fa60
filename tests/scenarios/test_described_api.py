"""What the OpenAPI document describes, called as it shows and as Schemathesis makes it up: every answer as described.

No 5xx, of course; every success is reached by its example, and every call can be one too many for an account.
"""

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import schemathesis
from daemons import TOKEN, Gateway, account, carrier
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import integers, just
from schemathesis.checks import CheckFunction, load_all_checks
from schemathesis.specs.openapi import checks

pytestmark = pytest.mark.scenario

EXAMPLES = int(os.environ.get("SLUICE_API_EXAMPLES", "12"))
"""For each call and kind of data."""
load_all_checks()


@schemathesis.serializer("application/x-ndjson")
def ndjson(_: Any, text: Any) -> bytes:
    """As it stands."""
    return str(text).encode()


HELD: list[CheckFunction] = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


LIMITS = {"requests_per_second": 10_000, "messages_per_second": 10_000, "messages_per_day": 1_000_000}


@pytest.fixture
def described(gateway_with, simulator, webhooks):
    """A gateway whose account has limits, and its own description."""

    def start(**limits: int) -> tuple[Gateway, Any]:
        shop = account(webhooks.url, senders=["*"], default_region="ES", limits={**LIMITS, **limits})
        gateway = gateway_with(carriers={"telco": carrier(simulator.port)}, accounts={"shop": shop})
        return gateway, schemathesis.openapi.from_url(f"{gateway.url}/openapi.json")

    return start


def operations(schema: Any) -> list[Any]:
    """Those about opt-outs last: who has opted out there can't be written to by the others."""
    found = [found.ok() for found in schema.get_all_operations()]
    return sorted(found, key=lambda operation: "/opt-" in operation.path)


def answer(case: Any) -> Any:
    """Of the gateway, which has to be as it is described."""
    response = case.call(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20)
    case.validate_response(response, checks=HELD)
    return response


def prepared(gateway: Gateway, path: str) -> dict[str, str]:
    """What stands behind a path, made anew: it can be canceled, forgotten and told again."""
    if "/templates" in path:
        gateway.call("PUT", "/v1/templates/login-code", {"text": "Your code is {code}"})
    elif "/opt-" in path:
        gateway.call("PUT", f"/v1/opt-{'outs' if 'outs' in path else 'ins'}/+34600000009", {})
    if "/campaigns" in path:
        body = {
            "campaign_name": "May",
            "message": "Hello",
            "recipients": ["+34600000888", "12"],
            "schedule": in_a_day(),
        }
        made = gateway.call("POST", "/v1/campaigns/sms", body).json["id"]
        place = f"/v1/campaigns/{made}"
        gateway.wait_for(lambda: gateway.get(place)["status"] == "scheduled", "it is scheduled")
    elif "/events" in path:
        made = gateway.call("POST", "/v1/webhook/test").json["event_id"]
    else:
        made = gateway.send("+34600000888", schedule=in_a_day())["id"]
    known = {"id": made, "name": "login-code", "number": "+34600000009"}
    return {name: value for name, value in known.items() if f"{{{name}}}" in path}


def in_a_day() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()


def examples(operation: Any) -> list[dict[str, Any]]:
    """The bodies that the document shows, with their media types; one call without, where it takes none."""
    content = operation.definition.raw.get("requestBody", {}).get("content", {})
    return [{"body": media["example"], "media_type": kind} for kind, media in content.items()] or [{}]


def test_the_examples_of_every_call_succeed_as_it_is_described(described):
    gateway, schema = described()
    for operation in operations(schema):
        for example in examples(operation):
            case = operation.Case(path_parameters=prepared(gateway, operation.path), **example)
            if operation.path == "/v1/campaigns/sms" and example["media_type"] == "text/csv":
                case.query = {"campaign_name": "May", "message": "Hi {first_name}"}
            response = answer(case)
            assert response.status_code < 300, (operation.label, response.status_code, response.text)
            if "token" in str(operation.definition.raw.get("security", "token")):
                assert {"ratelimit", "ratelimit-policy"} <= set(response.headers), operation.label


def test_every_call_may_be_one_too_many_and_says_so(described):
    _, schema = described(requests_per_second=1)
    limited = [operation for operation in operations(schema) if operation.definition.raw.get("security") != []]
    assert len(limited) > 30
    for operation in limited:
        example = examples(operation)[0]
        case = operation.Case(path_parameters=dict.fromkeys(("id", "name", "number"), "none"), **example)
        response = next(found for found in (answer(case) for _ in range(50)) if found.status_code == 429)
        assert response.json()["limited_by"] == "requests_per_second", operation.label
        assert int(response.headers["retry-after"][0]) >= 1
        assert response.headers["ratelimit-policy"][0].startswith('"requests";q=1;w=1')


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
def test_every_call_answers_as_it_is_described(described, mode):
    gateway, schema = described()
    called = 0
    for operation in operations(schema):
        known = prepared(gateway, operation.path)

        @seed(1)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode), is_known=integers(0, 1), known=just(known))
        def answers_as_described(case: Any, is_known: int, known: dict[str, str]) -> None:
            nonlocal called
            if is_known:
                case.path_parameters.update(known)
            response = answer(case)
            assert response.status_code < 500 or response.status_code == 503, response.text
            called += 1

        # A call without parameters has nothing that could be wrong.
        with suppress(Unsatisfiable):
            answers_as_described()
    assert called > EXAMPLES
