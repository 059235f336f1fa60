"""Ends as simulated carriers told them, in tests/vectors/quality: what became of a message by each carrier at a time.

A message goes by the carrier that the weights of its moment give, so that only what that one told is learned.
"""

import csv
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.rules.quality import Quality, Tally

VECTORS = Path(__file__).parents[2] / "vectors" / "quality"
BOTH = ("first", "second")
MINUTE = 60_000


def recorded(name: str) -> dict[tuple[str, int], dict[str, Tally]]:
    """By country and time (ms): what a message came to by each carrier."""
    ends: dict[tuple[str, int], dict[str, Tally]] = {}
    with (VECTORS / name).open(encoding="ascii", newline="") as file:
        for row in csv.DictReader(file):
            delivered = int(row["delivered"])
            tally = Tally(delivered, 1 - delivered, float(row["seconds"]))
            ends.setdefault((row["country"], int(row["at"]) * 1000), {})[row["carrier"]] = tally
    return ends


def played(name: str, explore: float) -> Iterator[tuple[str, int, str]]:
    """Country, time and best carrier at each message, ranked once every 5 s as the gateway does."""
    quality, rng = Quality(), random.Random(1)
    for (country, at), by_carrier in recorded(name).items():
        weights = quality.weights(BOTH, country, explore, at)
        carrier = rng.choices(BOTH, weights)[0]
        quality.add(carrier, country, by_carrier[carrier], at)
        yield country, at, BOTH[weights.index(max(weights))]


def test_the_better_carrier_is_found_and_left_when_it_turns_bad() -> None:
    """The first delivers 96 %, from minute 60 on half; the second 86 % all the time."""
    best = {at // MINUTE: carrier for _, at, carrier in played("turns_bad_and_recovers.csv", 0.05) if at < 120 * MINUTE}
    assert {best[minute] for minute in range(10, 60)} == {"first"}
    assert {best[minute] for minute in range(75, 120)} == {"second"}


def test_it_is_found_again_when_it_recovers() -> None:
    """From minute 120 on the first delivers 96 % again, which only exploration shows."""
    best = {at // MINUTE: carrier for _, at, carrier in played("turns_bad_and_recovers.csv", 0.05)}
    assert {best[minute] for minute in range(160, 180)} == {"first"}


def test_the_quicker_carrier_of_a_country_is_the_better_one_there() -> None:
    """The first delivers 97 % in both, but in FR after a minute; the second 85 % in ES and 95 % in FR."""
    late = [(country, best) for country, at, best in played("slow_in_one_country.csv", 0.05) if at > 40 * MINUTE]
    assert set(late) == {("ES", "first"), ("FR", "second")}


def test_a_carrier_that_nobody_knows_is_tried() -> None:
    quality = Quality()
    quality.add("first", "ES", Tally(85, 15, 0.0), 0)
    assert quality.weights(BOTH, "ES", 0.1, 0) == (0.1, 0.9)


def test_one_failure_proves_nothing() -> None:
    quality = Quality()
    quality.add("second", "ES", Tally(0, 1, 0.0), 0)
    assert quality.score("second", "ES", 0) == pytest.approx(9 / 11)


def test_the_best_stays_until_another_is_clearly_better() -> None:
    quality = Quality()
    quality.add("first", "ES", Tally(900, 100, 0.0), 0)
    quality.add("second", "ES", Tally(890, 110, 0.0), 0)
    assert quality.weights(BOTH, "ES", 0.1, 0) == (0.9, 0.1)
    quality.add("second", "ES", Tally(1_000, 80, 0.0), 0)
    assert 0 < quality.score("second", "ES", 0) - quality.score("first", "ES", 0) < 0.02
    assert quality.weights(BOTH, "ES", 0.1, 0) == (0.9, 0.1)
    quality.add("second", "ES", Tally(2_000, 0, 0.0), 0)
    assert quality.weights(BOTH, "ES", 0.1, 0) == (0.1, 0.9)


def test_a_country_with_few_ends_goes_by_all_countries() -> None:
    quality = Quality()
    quality.add("first", "FR", Tally(1_000, 0, 0.0), 0)
    quality.add("first", "ES", Tally(0, 29, 0.0), 0)
    assert quality.score("first", "ES", 0) == pytest.approx(1_009 / 1_039)
    quality.add("first", "ES", Tally(0, 1, 0.0), 0)
    assert quality.score("first", "ES", 0) == pytest.approx(9 / 40)


def test_what_is_older_than_the_window_counts_no_more() -> None:
    quality = Quality(window_ms=30 * MINUTE)
    quality.add("first", "ES", Tally(0, 100, 0.0), 0)
    assert quality.score("first", "ES", 29 * MINUTE) < 0.1
    assert quality.score("first", "ES", 30 * MINUTE) == pytest.approx(0.9)


def test_what_left_the_window_is_not_shown_or_kept() -> None:
    quality = Quality(60 * MINUTE)
    quality.add("gone", "ES", Tally(100, 0, 0.0), 0)
    quality.add("first", "ES", Tally(100, 0, 0.0), 55 * MINUTE)
    assert quality.places(59 * MINUTE) == [("gone", "ES"), ("first", "ES")]
    assert quality.places(60 * MINUTE) == [("first", "ES")]
    assert quality.known("gone", "ES", 60 * MINUTE).ends == 0


def test_a_minute_to_delivery_costs_a_tenth_and_more_does_not_cost_more() -> None:
    quality = Quality()
    quality.add("first", None, Tally(100, 0, 6_000.0), 0)
    quality.add("second", None, Tally(100, 0, 600_000.0), 0)
    assert quality.score("first", None, 0) == quality.score("second", None, 0) == pytest.approx(109 / 110 - 0.1)


def test_the_others_share_what_explores() -> None:
    weights = Quality().weights(("a", "b", "c"), None, 0.1, 0)
    assert weights == pytest.approx((0.9, 0.05, 0.05))
    assert Quality().weights(("a", "b"), None, 0.0, 0) == (1.0, 0.0)
    assert Quality().weights(("a",), None, 0.1, 0) == (1.0,)
