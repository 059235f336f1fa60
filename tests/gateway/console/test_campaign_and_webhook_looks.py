"""What the pages of campaigns and webhooks say of one: bars, shares, what can be done; which endpoint is sick."""

from typing import Any

import pytest

from gateway.api.problems import Problem
from gateway.console.pages import campaigns, webhooks
from gateway.rules.timestamps import rfc3339

NOW = 1_795_284_245_123
COUNTS = dict.fromkeys(
    ["waiting", "queued", "sent", "delivered", "undelivered", "failed", "expired", "rejected", "canceled", "opted_out",
     "unknown"],
    0,
)  # fmt: skip


def a_campaign(status: str = "running", variants: Any = (), **counts: int) -> dict[str, Any]:
    return {
        "status": status,
        "recipients": {"accepted": sum(counts.values())},
        "counts": {**COUNTS, **counts},
        "progress": 0.999,
        "expected_end": rfc3339(NOW + 90_000),
        "variants": list(variants),
    }


def test_the_bar_of_a_campaign_begins_with_what_has_ended_and_is_whole() -> None:
    seen = campaigns.look(a_campaign(delivered=50, failed=25, waiting=25), NOW)
    pieces = [(one["name"], one["x"], one["width"]) for one in seen["stripes"] if one["count"]]
    assert pieces == [("delivered", 0, 500), ("failed", 500, 250), ("waiting", 750, 250)]
    assert (seen["percent"], seen["not_delivered"], seen["ends_in"]) == (99, 25, "2 min")


def test_a_campaign_of_nobody_has_an_empty_bar() -> None:
    assert {one["width"] for one in campaigns.look(a_campaign(), NOW)["stripes"]} == {0.0}


@pytest.mark.parametrize(
    ("status", "moves"),
    [
        ("running", ("pause", "cancel")),
        ("paused", ("resume", "cancel")),
        ("completed", ()),
        ("canceled", ()),
        ("failed", ()),
    ],
)
def test_only_moves_that_are_possible_are_offered(status: str, moves: tuple[str, ...]) -> None:
    assert campaigns.look(a_campaign(status), NOW)["moves"] == moves


def test_variants_are_compared_by_shares_and_the_better_is_marked() -> None:
    variants = [
        {"variant": "Hello", "sent": 1000, "delivered": 999, "opted_out": 1},
        {"variant": "Hi", "sent": 10, "delivered": 9, "opted_out": 0},
        {"variant": "Hey", "sent": 0, "delivered": 0, "opted_out": 0},
    ]
    seen = campaigns.look(a_campaign(variants=variants), NOW)["variants"]
    assert [(one["delivered_share"], one["is_best"]) for one in seen] == [
        ("99.9 %", True),
        ("90.0 %", False),
        ("–", False),
    ]


def test_equal_variants_have_no_best() -> None:
    variants = [{"variant": name, "sent": 10, "delivered": 10, "opted_out": 0} for name in ("a", "b")]
    assert not any(one["is_best"] for one in campaigns.look(a_campaign(variants=variants), NOW)["variants"])


def an_endpoint(**changes: Any) -> dict[str, Any]:
    usual = {"account": "shop", "url": "https://shop.example/", "enabled": True, "pending": 0, "failed": 0, "lag": None}
    times = {"oldest_pending_at": None, "last_success_at": rfc3339(NOW - 2_000), "last_failure_at": None}
    return {**usual, **times, "consecutive_failures": 0, **changes}


def test_the_sickest_endpoint_comes_first() -> None:
    endpoints = [
        an_endpoint(),
        an_endpoint(last_success_at=None),
        an_endpoint(failed=3),
        an_endpoint(pending=5, lag=61),
        an_endpoint(consecutive_failures=1, pending=9, lag=5),
        an_endpoint(enabled=False),
    ]
    seen = sorted((webhooks.look(one, NOW) for one in endpoints), key=lambda one: one["rank"])
    words = [one["word"] for one in seen]
    assert words == ["disabled", "failing", "late", "has failed events", "well", "not used yet"]


def test_a_browsers_time_is_read_as_utc() -> None:
    assert webhooks.minute("") is None
    assert webhooks.minute("2026-11-21T18:04") == webhooks.minute("2026-11-21T18:04:00") == 1_795_284_240_000
    with pytest.raises(Problem):
        webhooks.minute("yesterday")
