"""Each fuzz target on its seeds and on what Hypothesis makes: the short run of what `make fuzz` does at length."""

import importlib
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

TARGETS = ("framing", "codec", "session", "receipts", "text", "bodies")


def target(name: str) -> ModuleType:
    return importlib.import_module(f"target_{name}")


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_of_a_target_hold_and_are_no_longer_than_it_reads(name: str) -> None:
    module = target(name)
    for seed in module.seeds():
        module.check(seed)
        assert len(seed) <= module.LONGEST_INPUT


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_octets_at_random(name: str) -> None:
    module = target(name)
    changed = st.tuples(st.sampled_from(module.seeds()), st.integers(0, 300), st.binary(max_size=20)).map(
        lambda given: given[0][: given[1]] + given[2] + given[0][given[1] + len(given[2]) :]
    )

    @settings(max_examples=150, deadline=None, database=None)
    @given(st.binary(max_size=400) | changed)
    def holds(octets: bytes) -> None:
        module.check(octets)

    holds()


def test_the_seeds_of_a_session_lead_to_answers_in_time_and_after_it() -> None:
    session = target("session")
    lives = [session.play(seed) for seed in session.seeds()]
    assert sum(life.answers for life in lives) >= 14
    assert sum(life.late_answers["overdue"] for life in lives) == 2
    assert sum(life.late_answers["slotless"] for life in lives) == 1
