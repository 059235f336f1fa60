"""What is counted of what has ended: sums, bounded labels, and names that keep to Prometheus' conventions."""

import pytest
from monitoring import families
from prometheus_client import CollectorRegistry, generate_latest
from promtools import promtool
from rises import Rises, values

from gateway.flows import queue_times
from gateway.identifiers import SEQUENCE_BITS
from gateway.messages import ErrorCode, MessageState
from gateway.metrics import QUEUE_SECONDS, REGISTRY
from gateway.metrics.beginnings import begin_series
from gateway.metrics.countries import OTHER, Countries
from gateway.metrics.ends import (
    DELIVERY_SECONDS,
    EVENTS_ENDED,
    MESSAGES_ENDED,
    MESSAGES_FAILED,
    MESSAGES_REROUTED,
    RECEIPTS_UNMATCHED,
    WEBHOOK_LAG,
    count_ends,
    count_events,
    count_unmatched,
)
from gateway.metrics.spreads import Counts, Spreads
from gateway.store.claim import Claim, ClaimedSegment
from gateway.store.ends import Ended
from protocol.segments import Segment

SENT_AT = 1_800_000_000_000


def ended(state, **changes):
    return Ended("night", "ES", int(state), "telco", None, SENT_AT, SENT_AT + 3_500)._replace(**changes)


@pytest.fixture
def rises():
    return Rises(
        MESSAGES_ENDED,
        MESSAGES_FAILED,
        MESSAGES_REROUTED,
        DELIVERY_SECONDS,
        EVENTS_ENDED,
        WEBHOOK_LAG,
        RECEIPTS_UNMATCHED,
        QUEUE_SECONDS,
    ).of


def test_delivered_messages_count_by_lane_with_their_times(rises):
    count_ends([ended(MessageState.DELIVERED), ended(MessageState.DELIVERED, done_at=SENT_AT + 500)])
    assert rises(MESSAGES_ENDED) == {("sluice_messages_ended_total", "night", "delivered"): 2}
    assert rises(MESSAGES_FAILED) == {}
    assert rises(DELIVERY_SECONDS) == {
        ("sluice_delivery_seconds_count", "night", "ES"): 2,
        ("sluice_delivery_seconds_sum", "night", "ES"): 4,
    }


def test_a_delivery_whose_sending_nobody_saw_has_no_time(rises):
    count_ends([ended(MessageState.DELIVERED, sent_at=None)])
    assert rises(MESSAGES_ENDED) == {("sluice_messages_ended_total", "night", "delivered"): 1}
    assert rises(DELIVERY_SECONDS) == {}


def test_failures_count_by_country_and_error(rises):
    count_ends(
        [
            ended(MessageState.UNDELIVERED, error=ErrorCode.UNKNOWN_SUBSCRIBER),
            ended(MessageState.FAILED, error="no_route", carrier=None, country=None),
            ended(MessageState.REJECTED),
        ]
    )
    assert rises(MESSAGES_FAILED) == {
        ("sluice_messages_failed_total", "ES", "unknown_subscriber"): 1,
        ("sluice_messages_failed_total", OTHER, "no_route"): 1,
        ("sluice_messages_failed_total", "ES", "unmapped"): 1,
    }
    assert sum(rises(MESSAGES_ENDED).values()) == 3


def test_what_nobody_failed_is_no_failure(rises):
    count_ends(
        [
            ended(MessageState.CANCELED, error=ErrorCode.CANCELED),
            ended(MessageState.OPTED_OUT, error=ErrorCode.OPTED_OUT),
        ]
    )
    assert rises(MESSAGES_FAILED) == {}
    assert sum(rises(MESSAGES_ENDED).values()) == 2


def test_a_rerouted_message_has_not_ended(rises):
    count_ends([ended(MessageState.UNDELIVERED, rerouted=True)])
    assert rises(MESSAGES_REROUTED) == {("sluice_messages_rerouted_total", "night", "telco"): 1}
    assert rises(MESSAGES_ENDED) == rises(MESSAGES_FAILED) == {}


@pytest.mark.parametrize("state", [state for state in MessageState if state >= MessageState.DELIVERED])
def test_every_end_has_its_status(state, rises):
    count_ends([ended(state)])
    assert rises(MESSAGES_ENDED) == {("sluice_messages_ended_total", "night", state.name.lower()): 1}


def test_a_batch_is_one_wait_for_each_of_its_events(rises):
    count_events("shop", is_told=True, count=3, waited_seconds=2)
    count_events("shop", is_told=False, count=2, waited_seconds=0)
    count_events("operator", is_told=True, count=1, waited_seconds=1)
    assert rises(EVENTS_ENDED) == {
        ("sluice_events_ended_total", "shop", "told"): 3,
        ("sluice_events_ended_total", "shop", "dead"): 2,
        ("sluice_events_ended_total", "operator", "told"): 1,
    }
    assert rises(WEBHOOK_LAG) == {("sluice_webhook_lag_seconds_count",): 4, ("sluice_webhook_lag_seconds_sum",): 7}


def test_unmatched_receipts_count_by_carrier(rises):
    count_unmatched(["telco", "backup", "telco"])
    assert rises(RECEIPTS_UNMATCHED) == {
        ("sluice_receipts_unmatched_total", "telco"): 2,
        ("sluice_receipts_unmatched_total", "backup"): 1,
    }


def test_countries_beyond_fifty_are_other():
    countries = Countries()
    names = [f"{a}{b}" for a in "ABCDEFGH" for b in "ABCDEFGH"]
    assert [countries.label(name) for name in names] == names[:50] + [OTHER] * 14
    assert [countries.label(name) for name in (names[0], names[49], names[50], None)] == [
        names[0], names[49], OTHER, OTHER,
    ]  # fmt: skip


def a_claim(*, at, attempt=1, scheduled_at=None):
    segment = Segment(1, 1, b"", 0, 0, b"")
    message = at << SEQUENCE_BITS
    segments = [ClaimedSegment(attempt, segment)]
    return Claim(message, "shop", "night", "S", "+34600000001", 0, 0, 0, segments, None, scheduled_at)


@pytest.mark.parametrize(
    ("claim", "seconds"),
    [
        (a_claim(at=1_000), 4),
        (a_claim(at=1_000, scheduled_at=4_500), 0.5),
        # Held by its carrier until later: it is on its way now.
        (a_claim(at=1_000, scheduled_at=60_000), 4),
        # The clock was set back since.
        (a_claim(at=9_000), 0),
    ],
)
def test_a_first_claim_counts_how_long_it_has_waited(claim, seconds, rises):
    queue_times.observe([claim], 5_000)
    risen = rises(QUEUE_SECONDS)
    assert risen.get(("sluice_queue_seconds_count", "night")) == 1
    assert risen.get(("sluice_queue_seconds_sum", "night"), 0) == seconds


def test_a_second_try_is_no_time_in_the_queue(rises):
    queue_times.observe([a_claim(at=1_000, attempt=2)], 5_000)
    assert rises(QUEUE_SECONDS) == {}


def test_values_fall_into_the_bucket_that_holds_them():
    spreads = Spreads("sluice_test_seconds", "Of a test.", ("lane",), (1, 10))
    for value in (0.5, 1, 1.5, 10, 11):
        spreads.of("otp").add(value)
    buckets = {s.labels["le"]: s.value for f in spreads.collect() for s in f.samples if "le" in s.labels}
    assert buckets == {"1.0": 2, "10.0": 4, "+Inf": 5}


def test_series_begin_at_zero_and_keep_what_was_counted():
    EVENTS_ENDED.add("begun", "dead", times=5)
    begin_series(["begun", "new"], ["dawn"], ["telco-of-dawn"])
    events = values(EVENTS_ENDED)
    assert events[("sluice_events_ended_total", "begun", "dead")] == 5
    assert events[("sluice_events_ended_total", "new", "dead")] == 0
    assert values(MESSAGES_ENDED)[("sluice_messages_ended_total", "dawn", "undelivered")] == 0
    assert values(RECEIPTS_UNMATCHED)[("sluice_receipts_unmatched_total", "telco-of-dawn")] == 0


def test_counts_and_spreads_are_exposed_as_prometheus_own():
    registry = CollectorRegistry()
    counts, spreads = Counts("sluice_ones", "Ones.", ("a", "b")), Spreads("sluice_seconds", "Long.", (), (1,))
    registry.register(counts)
    registry.register(spreads)
    counts.add("x", 'quoted "y"')
    counts.add("x", 'quoted "y"', times=2)
    spreads.of().add(0.25)
    assert generate_latest(registry).decode().splitlines() == [
        "# HELP sluice_ones_total Ones.",
        "# TYPE sluice_ones_total counter",
        'sluice_ones_total{a="x",b="quoted \\"y\\""} 3.0',
        "# HELP sluice_seconds Long.",
        "# TYPE sluice_seconds histogram",
        'sluice_seconds_bucket{le="1.0"} 1.0',
        'sluice_seconds_bucket{le="+Inf"} 1.0',
        "sluice_seconds_count 1.0",
        "sluice_seconds_sum 0.25",
    ]


def test_names_keep_to_the_conventions_of_prometheus():
    exposed = generate_latest(REGISTRY)
    checked = promtool("check", "metrics", given=exposed)
    complaints = [line for line in checked.stderr.decode().splitlines() if line.startswith("sluice_")]
    # A `_created` sample beside each counter is prometheus_client's own way.
    assert [line for line in complaints if "_created" not in line] == []
    assert all(name.startswith("sluice_") for name in families(exposed.decode()) if "sluice" in name)
