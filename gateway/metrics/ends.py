"""How messages and their events end, counted once it is on disk (gateway/store/ends.py gathers it)."""

from collections.abc import Iterable
from typing import TypeAlias

from gateway.messages import ENDED, ErrorCode, MessageState, status_of
from gateway.metrics.countries import Countries
from gateway.metrics.registry import REGISTRY
from gateway.metrics.spreads import Counts, Spreads

End: TypeAlias = tuple[str, str | None, int, str | None, str | None, int | None, int, bool]
"""gateway.store.ends.Ended."""

MESSAGES_ENDED = Counts("sluice_messages_ended", "Messages that have ended, by how.", ("lane", "status"))
MESSAGES_FAILED = Counts(
    "sluice_messages_failed",
    "Messages that have ended otherwise than delivered, canceled or opted out, by their error.",
    ("country", "error"),
)
MESSAGES_REROUTED = Counts(
    "sluice_messages_rerouted",
    "Messages that this carrier did not deliver and that go by another.",
    ("lane", "carrier"),
)
RECEIPTS_UNMATCHED = Counts(
    "sluice_receipts_unmatched", "Receipts of no known message when they came; some are of one later.", ("carrier",)
)
EVENTS_ENDED = Counts(
    "sluice_events_ended", "Events that endpoints have taken (told), or never will have (dead).", ("account", "outcome")
)
DELIVERY_SECONDS = Spreads(
    "sluice_delivery_seconds",
    "From a carrier's taking a message to its delivery.",
    ("lane", "country"),
    (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400),
)
WEBHOOK_LAG = Spreads(
    "sluice_webhook_lag_seconds",
    "From an event to its being taken by its endpoint; of a batch, its oldest.",
    (),
    (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400),
)
for _one in (
    MESSAGES_ENDED,
    MESSAGES_FAILED,
    MESSAGES_REROUTED,
    RECEIPTS_UNMATCHED,
    EVENTS_ENDED,
    DELIVERY_SECONDS,
    WEBHOOK_LAG,
):
    REGISTRY.register(_one)

COUNTRIES = Countries()
"""The countries met, for all metrics by country."""
_lag = WEBHOOK_LAG.of()


_DELIVERED = int(MessageState.DELIVERED)
_NO_FAILURE = frozenset(map(int, (MessageState.DELIVERED, MessageState.CANCELED, MessageState.OPTED_OUT)))
STATUSES = {int(state): str(status_of(state, sent=False)) for state in ENDED}
"""As callers see them."""
TOLD, DEAD = "told", "dead"
OUTCOMES = (TOLD, DEAD)


def count_ends(ends: Iterable[End]) -> None:
    """Count messages that have ended, or were rerouted instead."""
    counted: dict[tuple[str, int], int] = {}
    times: dict[tuple[str, str | None], list[int]] = {}
    for lane, country, state, carrier, error, sent_at, done_at, rerouted in ends:
        if state == _DELIVERED and sent_at is not None and not rerouted:
            # Nearly all: counted by their times.
            place = (lane, country)
            if place in times:
                times[place].append(done_at - sent_at)
            else:
                times[place] = [done_at - sent_at]
        elif rerouted:
            MESSAGES_REROUTED.add(lane, carrier or "")
        else:
            counted[(lane, state)] = counted.get((lane, state), 0) + 1
            if state not in _NO_FAILURE:
                MESSAGES_FAILED.add(COUNTRIES.label(country), str(error or ErrorCode.UNMAPPED))
    for (lane, country), waits in times.items():
        counted[(lane, _DELIVERED)] = counted.get((lane, _DELIVERED), 0) + len(waits)
        DELIVERY_SECONDS.of(lane, COUNTRIES.label(country)).add_all([ms / 1000 for ms in waits])
    for (lane, state), count in counted.items():
        MESSAGES_ENDED.add(lane, STATUSES[state], times=count)


def count_events(account: str, *, is_told: bool, count: int, waited_seconds: float) -> None:
    """Count events that have ended, and how long those that were told waited."""
    EVENTS_ENDED.add(account, TOLD if is_told else DEAD, times=count)
    if is_told:
        _lag.add(waited_seconds, count)


def count_unmatched(carriers: Iterable[str]) -> None:
    """Count receipts by the carriers they came from."""
    for carrier in carriers:
        RECEIPTS_UNMATCHED.add(carrier)
