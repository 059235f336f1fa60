"""What the OpenAPI document describes, called as Schemathesis makes it up: no 5xx, and every answer as described."""

import os
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from daemons import TOKEN, carrier
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import CheckFunction, load_all_checks
from schemathesis.specs.openapi import checks

pytestmark = pytest.mark.scenario

EXAMPLES = int(os.environ.get("SLUICE_API_EXAMPLES", "12"))
"""For each call and kind of data."""
load_all_checks()
HELD: list[CheckFunction] = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
def test_every_call_answers_as_it_is_described(gateway_with, simulator, mode):
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    schema = schemathesis.openapi.from_url(f"{gateway.url}/openapi.json")
    called = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @seed(1)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(generation_mode=mode))
        def answers_as_described(case: Any) -> None:
            nonlocal called
            response = case.call(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20)
            assert response.status_code < 500 or response.status_code == 503, response.text
            case.validate_response(response, checks=HELD)
            called += 1

        # A call without parameters has nothing that could be wrong.
        with suppress(Unsatisfiable):
            answers_as_described()
    assert called > EXAMPLES
