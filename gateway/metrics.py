"""What is counted, declared once: names by Prometheus conventions, labels bounded by the configuration.

The flows count what they see; gauges are read from the store and the carriers at the scrape (see gateway.daemon).
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

ACCEPTED = Counter("sluice_messages_accepted", "Messages on disk.", ["account", "lane"], registry=REGISTRY)
REFUSED = Counter("sluice_messages_refused", "Items refused with an error.", ["account"], registry=REGISTRY)
LIMITED = Counter(
    "sluice_calls_limited", "Calls refused by a limit of their account.", ["account", "limit"], registry=REGISTRY
)
ANSWERS = Counter(
    "sluice_submit_answers", "Answers to submit_sm, by what they meant.", ["carrier", "outcome"], registry=REGISTRY
)
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
COMMIT_SECONDS = Histogram(
    "sluice_store_commit_seconds",
    "One transaction, from its first statement to the disk.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=REGISTRY,
)
COMMIT_ROWS = Histogram(
    "sluice_store_commit_rows",
    "Asks in one transaction.",
    buckets=(1, 3, 10, 30, 100, 300, 1000, 3000),
    registry=REGISTRY,
)


class Spread:
    """How the values of one carrier spread over buckets."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def told(self) -> tuple[list[tuple[str, float]], float]:
        """Counts up to each bound, and the sum."""
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        return list(zip(names, map(float, accumulate(self._counts)), strict=True)), self._sum


class Latencies(Collector):
    """A histogram for what comes with every message, all in one thread: prometheus_client's own takes 2 µs a value."""

    _BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._text = text
        self._spreads: dict[str, Spread] = {}

    def of(self, carrier: str) -> Spread:
        """To be kept by who adds to it."""
        return self._spreads.setdefault(carrier, Spread(self._BOUNDS))

    def collect(self) -> Iterable[HistogramMetricFamily]:
        family = HistogramMetricFamily(self._name, self._text, labels=("carrier",))
        for carrier, spread in self._spreads.items():
            family.add_metric((carrier,), *spread.told())
        yield family

    def describe(self) -> Iterable[HistogramMetricFamily]:
        return [HistogramMetricFamily(self._name, self._text, labels=("carrier",))]


LATENCY = Latencies("sluice_submit_latency_seconds", "From submit_sm to its answer.")
REGISTRY.register(LATENCY)


class Gauge:
    """A value read at the moment of the scrape, by label values."""

    def __init__(
        self, name: str, text: str, labels: tuple[str, ...], read: Callable[[], Iterable[tuple[tuple[str, ...], float]]]
    ) -> None:
        self.name = name
        self.text = text
        self.labels = labels
        self.read = read


class Gauges(Collector):
    """The gauges of one running daemon."""

    def __init__(self, gauges: Iterable[Gauge]) -> None:
        self._gauges = list(gauges)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        for gauge in self._gauges:
            family = GaugeMetricFamily(gauge.name, gauge.text, labels=gauge.labels)
            for labels, value in gauge.read():
                family.add_metric(labels, value)
            yield family

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return [GaugeMetricFamily(gauge.name, gauge.text, labels=gauge.labels) for gauge in self._gauges]


def count_inbound(carrier: str, *, is_untold: bool) -> None:
    """Count one message from a handset, or a part of one."""
    _inbound_of(carrier).inc()
    if is_untold:
        _untold_of(carrier).inc()


def observe_commit(seconds: float, rows: int) -> None:
    """Count one transaction."""
    COMMIT_SECONDS.observe(seconds)
    COMMIT_ROWS.observe(rows)
