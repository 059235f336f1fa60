"""What callers are told when the store can't take what they ask for, what operators are, and what the log says."""

import logging
from collections.abc import Callable

import pytest
from msgspec import json

from gateway.api.problem_types import NOT_FOUND
from gateway.api.problems import Problem
from gateway.api.refusals import EVERY_SECONDS, Refusals
from gateway.store.interface import StoreBusy, StoreFull

WHY = "63 MiB are free on the disk of /var/lib/sluice, and store.disk_reserve keeps 64 MiB"


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO, "sluice.api")
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(("kind", "code", "seconds"), [(StoreFull, "store_full", "10"), (StoreBusy, "store_busy", "1")])
def test_a_caller_is_told_what_to_do_and_an_operator_also_why(
    kind: type[StoreFull | StoreBusy], code: str, seconds: str
) -> None:
    for is_operators in (False, True):
        problem = Refusals(is_operators=is_operators).problem_of(kind(WHY))
        told = json.decode(problem.body(1))
        assert (told["status"], told["code"], told["retryable"]) == (503, code, True)
        assert "Send again after the time in Retry-After" in told["detail"]
        assert problem.headers == {"Retry-After": seconds}
        assert (WHY in problem.body(1).decode()) is is_operators


def test_other_problems_are_told_as_they_are(said: Callable[[], list[str]]) -> None:
    problem = Problem(NOT_FOUND, "There is none.")
    assert Refusals().problem_of(problem) is problem
    assert said() == []


def test_a_storm_of_refused_calls_is_a_line_every_ten_seconds_for_each_kind(said: Callable[[], list[str]]) -> None:
    now = 0.0
    refusals = Refusals(clock=lambda: now)
    for call in range(1_000):
        now = call * EVERY_SECONDS / 400
        refusals.problem_of(StoreFull(WHY))
        refusals.problem_of(StoreBusy("another process holds it"))
    of_full = [line for line in said() if WHY in line]
    assert [line.partition(" reason=")[0] for line in of_full] == [
        "calls are refused, as the store can't take them calls=1",
        "calls are refused, as the store can't take them calls=400",
        "calls are refused, as the store can't take them calls=400",
    ]
    assert len(said()) == 2 * len(of_full)
