"""Kills at moments left to chance, longer than in every test run: how much and how long the environment says.

SOAK_MESSAGES and SOAK_KILLS are for the first; SOAK_MINUTES and SOAK_RATE (messages a second) for the second, which is
killed once a minute; SOAK_SEED tells both the seed of an earlier run.
"""

import os
import random

import pytest
from killed_runs import Outcome, Run, carry_out

MESSAGES = int(os.environ.get("SOAK_MESSAGES", "20000"))
KILLS = int(os.environ.get("SOAK_KILLS", "100"))
MINUTES = float(os.environ.get("SOAK_MINUTES", "10"))
RATE = float(os.environ.get("SOAK_RATE", "300"))
SEED = int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(1_000_000))
KILL_EVERY_SECONDS = 60.0
GROWTH_MIB = 40
"""Between a process in the middle of the timed run and its last: more would be a leak across lives."""


def check(outcome: Outcome) -> None:
    assert outcome.broken == []
    assert outcome.faults == []
    assert outcome.status == 0
    assert outcome.figures["kills"] > 0


@pytest.mark.timeout(0)
def test_kills_spread_over_many_messages(tmp_path, capsys):
    outcome = carry_out(Run(MESSAGES, KILLS, SEED, window=random.Random(SEED).choice((10, 20, 50))), tmp_path)

    with capsys.disabled():
        print(f"\n{outcome}")
    check(outcome)


@pytest.mark.timeout(0)
def test_steady_traffic_with_a_kill_each_minute(tmp_path, capsys):
    kills = max(1, round(MINUTES * 60 / KILL_EVERY_SECONDS) - 1)
    # Answers take 5 to 25 ms: two windows of 20 would be the limit of a thousand a second.
    run = Run(round(MINUTES * 60 * RATE), kills, SEED, rate=RATE, kill_every_seconds=KILL_EVERY_SECONDS, window=50)

    outcome = carry_out(run, tmp_path)

    with capsys.disabled():
        print(f"\n{outcome}")
    check(outcome)
    lasts = outcome.figures["rss_mib_at_the_end_of_each_life"]
    assert lasts[-1] - lasts[len(lasts) // 2] <= GROWTH_MIB, lasts
