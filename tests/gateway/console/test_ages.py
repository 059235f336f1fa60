"""How long ago and how far off times are, told roughly."""

import pytest

from gateway.console.ages import rough, until
from gateway.rules.timestamps import rfc3339

NOW = 1_795_284_245_123


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 s"), (59, "59 s"), (60, "1 min"), (3_599, "1 h 0 min"), (7_500, "2 h 5 min"), (100_000, "1 d 3 h")],
)
def test_lengths_of_time_are_told_roughly(seconds: float, words: str) -> None:
    assert rough(seconds) == words


def test_what_has_come_is_not_to_come() -> None:
    assert until(rfc3339(NOW - 1), NOW) is until(None, NOW) is None
