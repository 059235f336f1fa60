"""SIGKILL at ten moments left to chance, amid 5,000 messages: no promise breaks. `make soak` does it longer."""

import random

import pytest
from killed_runs import Run, carry_out

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(600)]

MESSAGES = 5_000
KILLS = 10


def test_ten_kills_lose_nothing_and_double_nothing_without_a_word(tmp_path):
    seed = random.SystemRandom().randrange(1_000_000)
    run = Run(MESSAGES, KILLS, seed, window=random.Random(seed).choice((10, 20, 50)))
    print(run)

    outcome = carry_out(run, tmp_path)

    print(outcome)
    assert outcome.broken == []
    assert outcome.faults == []
    assert outcome.status == 0
    assert outcome.figures["in_doubt"] > 0
    assert outcome.figures["kills"] == KILLS


def test_with_a_hundredth_of_the_answers_swallowed_kills_double_only_what_was_reported_as_in_doubt(tmp_path):
    seed = random.SystemRandom().randrange(1_000_000)
    # Receipts come too late to settle most doubts (1 s to an answer, 1 s of grace): some are sent again.
    late = {"response_timeout": "1s", "receipt_delay": "2-4s"}
    run = Run(messages=1_000, kills=2, seed=seed, window=10, swallow_share=0.01, **late)
    print(run)

    outcome = carry_out(run, tmp_path)

    print(outcome)
    assert outcome.broken == []
    assert outcome.faults == []
    assert outcome.status == 0
    assert outcome.figures["swallowed"] > 0
    assert outcome.figures["in_doubt"] >= outcome.figures["kills"]
    assert 0 < outcome.figures["sent_again"] <= outcome.figures["allowed_again"]
    assert outcome.figures["sent_again_unsaid"] == 0
