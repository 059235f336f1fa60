"""What is counted, declared once: names by Prometheus conventions, labels bounded by the configuration.

The flows count what they see; what a commit ended is counted by ends.py; gauges are read from the store and the
carriers at the scrape (see gateway.gauges). docs/metrics.md tells of each.
"""

from functools import lru_cache

from prometheus_client import Counter, Histogram

from gateway.metrics.gauges import Gauge, Gauges
from gateway.metrics.registry import REGISTRY
from gateway.metrics.spreads import Counts, Spread, Spreads
from protocol.command_status import StatusClass

__all__ = ["REGISTRY", "Gauge", "Gauges", "Spread"]

ACCEPTED = Counts("sluice_messages_accepted", "Messages on disk.", ("account", "lane"))
REGISTRY.register(ACCEPTED)
REFUSED = Counter("sluice_messages_refused", "Items refused with an error.", ["account"], registry=REGISTRY)
LIMITED = Counter(
    "sluice_calls_limited", "Calls refused by a limit of their account.", ["account", "limit"], registry=REGISTRY
)
ANSWERS = Counter(
    "sluice_submit_answers",
    "Answers to submit_sm, by what came of the segment and by the class of their command_status.",
    ["carrier", "outcome", "class"],
    registry=REGISTRY,
)
_answers_of = lru_cache(maxsize=None)(ANSWERS.labels)
DOUBTED = Counter("sluice_segments_in_doubt", "Segments whose answer never came.", ["carrier"], registry=REGISTRY)
BIND_REFUSALS = Counter(
    "sluice_binds_refused",
    "Binds that the carrier refused, by what that meant.",
    ["carrier", "meaning"],
    registry=REGISTRY,
)
RECYCLED = Counter(
    "sluice_binds_recycled", "Binds closed because too many answers were overdue.", ["carrier"], registry=REGISTRY
)
GIVEN_BACK = Counter(
    "sluice_slots_given_back", "Slots of unanswered submit_sm that others overtook.", ["carrier"], registry=REGISTRY
)
RECEIPTS = Counter("sluice_receipts", "Receipts, by the state they tell.", ["carrier", "state"], registry=REGISTRY)
CONTRADICTIONS = Counter(
    "sluice_receipts_contradicting",
    "Receipts that tell another end than the one before.",
    ["carrier"],
    registry=REGISTRY,
)
ENQUIRIES = Counter(
    "sluice_enquiries",
    "query_sm and cancel_sm, by what came of them.",
    ["carrier", "kind", "outcome"],
    registry=REGISTRY,
)
INBOUND = Counter(
    "sluice_inbound_messages", "Messages from handsets; each part of a long one.", ["carrier"], registry=REGISTRY
)
INBOUND_UNTOLD = Counter(
    "sluice_inbound_untold",
    "Messages from handsets, or parts, for nobody who takes them.",
    ["carrier"],
    registry=REGISTRY,
)
_inbound_of, _untold_of = lru_cache(maxsize=None)(INBOUND.labels), lru_cache(maxsize=None)(INBOUND_UNTOLD.labels)
POSTS = Counter("sluice_webhook_posts", "Webhook POSTs, by their outcome.", ["account", "outcome"], registry=REGISTRY)
HTTP_REFUSED = Counter(
    "sluice_http_connections_refused", "Connections refused because too many were open.", registry=REGISTRY
)
HTTP_TIMEOUTS = Counter(
    "sluice_http_timeouts", "Callers that took too long, by what was waited for.", ["waited_for"], registry=REGISTRY
)
for _wait in ("head", "body", "answer"):
    HTTP_TIMEOUTS.labels(_wait)
COMMIT_SECONDS = Spreads(
    "sluice_store_commit_seconds",
    "One transaction, from its first statement to the disk.",
    (),
    (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
COMMIT_ROWS = Spreads("sluice_store_commit_rows", "Asks in one transaction.", (), (1, 3, 10, 30, 100, 300, 1000, 3000))
_commit_seconds, _commit_rows = COMMIT_SECONDS.of(), COMMIT_ROWS.of()

SUBMITS = Counter("sluice_submits", "submit_sm handed to the connection.", ["carrier"], registry=REGISTRY)
RELOADS = Counter("sluice_reloads", "Reloads of the settings, by their outcome.", ["outcome"], registry=REGISTRY)
for _outcome in ("applied", "refused"):
    RELOADS.labels(_outcome)
LOOKUPS = Counter("sluice_lookups", "Numbers looked up, by what came of it.", ["outcome"], registry=REGISTRY)
for _outcome in ("hit", "asked", "late", "failed"):
    LOOKUPS.labels(_outcome)
LOOP_LAG = Histogram(
    "sluice_event_loop_lag_seconds",
    "How late the event loop was to wake a task.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=REGISTRY,
)
LATENCY = Spreads(
    "sluice_submit_latency_seconds",
    "From submit_sm to its answer.",
    ("carrier",),
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
QUEUE_SECONDS = Spreads(
    "sluice_queue_seconds",
    "From a message's being accepted, or its scheduled time, to its first way to a carrier.",
    ("lane",),
    (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200),
)
for _one in (COMMIT_SECONDS, COMMIT_ROWS, LATENCY, QUEUE_SECONDS):
    REGISTRY.register(_one)


def count_answers(carrier: str, outcome: str, status_class: str, count: int = 1) -> None:
    """Count answers to submit_sm: `outcome` a Verdict, `status_class` a StatusClass."""
    _answers_of(carrier, outcome, status_class).inc(count)


def answer_errors() -> dict[str, dict[str, int]]:
    """By carrier: answers that were not ESME_ROK since the start, by their class; `no_answer`: that never came."""
    found: dict[str, dict[str, int]] = {}
    for counter, is_answered in ((ANSWERS, True), (DOUBTED, False)):
        for sample in (sample for family in counter.collect() for sample in family.samples):
            kind = sample.labels["class"] if is_answered else "no_answer"
            if sample.value and sample.name.endswith("_total") and kind != StatusClass.ACCEPTED.value:
                of_carrier = found.setdefault(sample.labels["carrier"], {})
                of_carrier[kind] = of_carrier.get(kind, 0) + round(sample.value)
    return found


def count_inbound(carrier: str, *, is_untold: bool) -> None:
    """Count one message from a handset, or a part of one."""
    _inbound_of(carrier).inc()
    if is_untold:
        _untold_of(carrier).inc()


def observe_commit(seconds: float, rows: int) -> None:
    """Count one transaction."""
    _commit_seconds.add(seconds)
    _commit_rows.add(rows)
