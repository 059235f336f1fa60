"""What is read once a second: counters of gateway/metrics, queues, binds. Nothing is counted for the console alone."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from prometheus_client import Counter

from gateway.desk.carriers_view import BindView, CarrierView
from gateway.messages import Status
from gateway.metrics import ACCEPTED, ANSWERS, DOUBTED
from gateway.metrics.ends import DELIVERY_SECONDS, MESSAGES_ENDED
from gateway.store.ages import QueueAge
from gateway.store.views import QueueRow
from protocol.command_status import StatusClass

ERRORS = ("throttled", "temporary", "permanent", "no answer", "not delivered")
"""Classes of errors as plots name them."""
_CLASSES = {
    StatusClass.THROTTLED.value: 0,
    StatusClass.TEMPORARY.value: 1,
    StatusClass.UNBOUND.value: 1,
    StatusClass.PERMANENT.value: 2,
}
_NOT_DELIVERED = frozenset(map(str, (Status.UNDELIVERED, Status.REJECTED, Status.EXPIRED)))
MOST_BARS = 24
"""Binds shown one by one; above it carriers are."""


class Totals(NamedTuple):
    """Since the process began."""

    accepted: float
    sent: float
    """Parts that carriers took."""
    delivered: float
    errors: tuple[float, ...]
    """In the order of ERRORS."""
    deliveries: list[int]
    """By the buckets of DELIVERY_SECONDS."""


class Bar(NamedTuple):
    """How much of a window is used."""

    name: str
    state: str
    in_flight: int
    limit: int
    window: int


def totals() -> Totals:
    """A few microseconds for each series."""
    sent, errors = 0.0, [0.0] * len(ERRORS)
    for labels, value in _samples(ANSWERS):
        if (kind := labels["class"]) == StatusClass.ACCEPTED.value:
            sent += value
        else:
            errors[_CLASSES[kind]] += value
    errors[3] = sum(value for _, value in _samples(DOUBTED))
    ended = MESSAGES_ENDED.of.items()
    errors[4] = float(sum(count for (_, status), count in ended if status in _NOT_DELIVERED))
    delivered = sum(count for (_, status), count in ended if status == Status.DELIVERED)
    accepted = sum(ACCEPTED.of.values())
    return Totals(accepted, sent, delivered, tuple(errors), DELIVERY_SECONDS.summed())


def _samples(counter: Counter) -> Iterable[tuple[dict[str, str], float]]:
    for family in counter.collect():
        for sample in family.samples:
            if sample.name.endswith("_total"):
                yield sample.labels, sample.value


def waiting(
    queues: Iterable[QueueRow], ages: Iterable[QueueAge], lanes: Sequence[str]
) -> tuple[list[int], list[float]]:
    """By lane: messages that a free slot could take, and for how many seconds the oldest has waited."""
    ready, oldest = dict.fromkeys(lanes, 0), dict.fromkeys(lanes, 0.0)
    for row in queues:
        if row.ready and row.lane in ready:
            ready[row.lane] += row.ready
    for age in ages:
        if age.lane in oldest:
            oldest[age.lane] = max(oldest[age.lane], age.oldest_ms / 1000)
    return list(ready.values()), [oldest[lane] if ready[lane] else 0.0 for lane in lanes]


def bars(carriers: Sequence[CarrierView]) -> list[Bar]:
    """Of each bind that sends, or of each carrier where there are too many."""
    senders = [bind for carrier in carriers for bind in _senders(carrier)]
    if len(senders) <= MOST_BARS:
        return [Bar(bind.name, bind.state, bind.in_flight, bind.window_limit, bind.window) for bind in senders]
    return [_whole(carrier) for carrier in carriers[:MOST_BARS]]


def _senders(carrier: CarrierView) -> list[BindView]:
    return [bind for bind in carrier.binds if bind.mode != "receiver"]


def _whole(carrier: CarrierView) -> Bar:
    senders = _senders(carrier)
    up = [bind for bind in senders if bind.state in ("bound", "paused")]
    return Bar(
        f"{carrier.name} ({len(up)} of {len(senders)} up)",
        "bound" if carrier.able else "waiting",
        sum(bind.in_flight for bind in up),
        sum(bind.window_limit for bind in up),
        sum(bind.window for bind in senders),
    )


def quantile(counts: Sequence[float], bounds: Sequence[float], share: float) -> float | None:
    """The value below which so great a share lies, as far as the buckets tell; None: there are no values."""
    wanted = sum(counts) * share
    if wanted <= 0:
        return None
    passed = 0.0
    for place, count in enumerate(counts[: len(bounds)]):
        if count and passed + count >= wanted:
            below = bounds[place - 1] if place else 0.0
            return below + (bounds[place] - below) * (wanted - passed) / count
        passed += count
    return bounds[-1]
