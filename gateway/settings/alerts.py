"""What operators are told of by themselves: the events, where they go, and from which limits on something is amiss.

What each event means, and what then to do, is told in docs/operations.md; when one is raised decides gateway/rules.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from gateway.settings.accounts import SignedEndpoint
from gateway.settings.types import Duration, Rate, Section, Whole, Within, parse_duration


class OperatorEvent(StrEnum):
    """The events that operators are told of."""

    CARRIER_DOWN = "carrier.down"
    CARRIER_UP = "carrier.up"
    BREAKER_OPENED = "breaker.opened"
    BREAKER_HALF_OPEN = "breaker.half_open"
    BREAKER_CLOSED = "breaker.closed"
    BACKLOG_OLD = "backlog.old"
    BACKLOG_NORMAL = "backlog.normal"
    DELIVERY_SLOW = "delivery.slow"
    DELIVERY_NORMAL = "delivery.normal"
    RECEIPTS_LOW = "receipts.low"
    RECEIPTS_NORMAL = "receipts.normal"
    ENDPOINT_FAILING = "endpoint.failing"
    ENDPOINT_DISABLED = "endpoint.disabled"
    ENDPOINT_RECOVERED = "endpoint.recovered"
    DISK_LOW = "disk.low"
    DISK_NORMAL = "disk.normal"
    QUEUE_HELD = "queue.held"
    QUEUE_RELEASED = "queue.released"
    CONFIG_RELOADED = "config.reloaded"
    CONFIG_REFUSED = "config.refused"


def _check_event(value: object) -> object:
    if value not in set(OperatorEvent):
        raise ValueError(f"is {value!r}; the events are {', '.join(OperatorEvent)}")
    return value


class OperatorWebhook(SignedEndpoint):
    """Where events for operators go."""

    events: list[Annotated[OperatorEvent, BeforeValidator(_check_event)]] = Field(default=list(OperatorEvent))
    """Events told, such as `carrier.down`; all where not said."""


class Alerts(Section):
    """From where on operators are told that something is amiss; what waits in a lane is said in the lane."""

    receipt_rate: Annotated[Rate, Within(0, 1, "")] = 0.5
    """Least share of its own usual receipts for what a carrier took within `receipt_window`; 0: not watched."""
    receipt_window: Annotated[Duration, Within.durations("10s", "24h")] = parse_duration("10m")
    """Of late, as far as receipts go; a change has what is usual learned anew."""
    delivery_window: Annotated[Duration, Within.durations("1s", "24h")] = parse_duration("5m")
    """Of late, as far as the lanes' `alert_delivery_time` goes."""
    endpoint_failures: Annotated[Whole, Within(1, 1000, "failures")] = 10
    """Failures in a row of a webhook endpoint."""
    disk_low: Annotated[Whole, Within(0, 1 << 40, "bytes")] = 1024 * 1024 * 1024
    """Free space on the store's disk; at least `store.disk_reserve`, and where not said never below it."""
    well_for: Annotated[Duration, Within.durations("0s", "1h")] = parse_duration("30s")
    """How long backlogs, deliveries, receipts and the disk have to be well again before that is told."""
