"""How the carriers stand, for the API and for /metrics, and the gauges that are read off at a scrape.

Counters and histograms are kept where things happen (gateway/metrics).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from gateway.carriers.bind_states import BindState
from gateway.carriers.carrier import Carrier
from gateway.carriers.trace import Wire
from gateway.desk.carriers_view import BindView, BreakerView, CarrierView, HeldView
from gateway.flows.health import Health
from gateway.identifiers import now_ms
from gateway.metrics import Gauge
from gateway.metrics.ends import COUNTRIES
from gateway.rules.breaker_terms import BreakerState, Waiting
from gateway.store.held_carriers.interface import CarrierHold
from gateway.store.sqlite import SqliteStore
from protocol.numbers import BindMode


class CarriersNow:
    """How the carriers stand, for the API and for /metrics."""

    def __init__(self, carriers: Mapping[str, Carrier], health: Health, holds: Mapping[str, CarrierHold]) -> None:
        """`carriers`: by name, as they come and go; `holds`: those that operators hold."""
        self._carriers = carriers
        self._health = health
        self._holds = holds

    def carriers(self) -> list[CarrierView]:
        return [self._view(one) for one in self._carriers.values()]

    def unable(self) -> list[CarrierView]:
        """Those without a bind that can send: few as a rule, so that it may be asked often."""
        return [self._view(one) for one in self._carriers.values() if not one.able]

    def _view(self, one: Carrier) -> CarrierView:
        hold = self._holds.get(one.name)
        held = None if hold is None else HeldView(hold.how.value, hold.since, hold.who, hold.why)
        return CarrierView(one.name, one.able, self._binds(one), one.alarm, self._breaker(one.name), held)

    def rebind(self, carrier: str) -> bool:
        found = self._carriers.get(carrier)
        if found is not None:
            found.rebind()
            self._health.probe(carrier)
        return found is not None

    def oldest(self) -> Iterable[tuple[tuple[str, ...], float]]:
        """How many seconds each bind's oldest submit_sm has waited for its answer."""
        return [((one.name, v.name), v.oldest_seconds) for one in self._carriers.values() for v in one.views()]

    def breakers(self) -> Iterable[tuple[tuple[str, ...], float]]:
        """1 for the state that each breaker is in."""
        return [
            ((one.name, state.value), float(state.value == one.breaker.state))
            for one in self.carriers()
            if one.breaker is not None
            for state in BreakerState
        ]

    def qualities(self) -> Iterable[tuple[tuple[str, ...], float]]:
        """Of the countries that the other metrics name, too."""
        known = self._health.qualities()
        return [(labels, score) for labels, score in known if COUNTRIES.label(labels[1]) == labels[1]]

    def _breaker(self, carrier: str) -> BreakerView | None:
        found = self._health.view(carrier)
        if found is None:
            return None
        now, retry_in = now_ms(), found.retry_in_seconds
        return BreakerView(
            found.state.value,
            found.cause.value if found.cause is not None else None,
            found.detail,
            now - round(found.seconds * 1000),
            None if retry_in is None else now + round(retry_in * 1000),
        )

    def _binds(self, carrier: Carrier) -> list[BindView]:
        return [
            BindView(
                v.name,
                v.state.value,
                v.window,
                v.window_limit,
                v.in_flight,
                v.room,
                v.submit_rate,
                v.since,
                v.last_error,
                mode=v.mode.value,
                host=v.host,
                bound_since=v.bound_since,
                latency_ms=v.latency_ms,
                losses=v.losses,
                local_address=v.local_address,
            )
            for v in carrier.views()
        ]


_UP = (BindState.BOUND, BindState.PAUSED)


def waiting_of(carrier: Carrier | None) -> Waiting:
    """What it has not answered yet, over all its binds. Asked of every carrier some times a second."""
    oldest, unanswered, is_up, is_sending, has_room = 0.0, 0, False, False, False
    for place in carrier.places() if carrier is not None else ():
        is_up = is_up or (place.state in _UP and place.mode is not BindMode.RECEIVER)
        bind = place.bind
        if bind is None:
            continue
        in_flight = bind.in_flight
        has_room = has_room or (bind.can_send and in_flight < bind.restraint.limit)
        if in_flight:
            is_sending, unanswered = True, unanswered + in_flight
        # Of those without a slot too.
        oldest = max(oldest, bind.oldest_seconds)
    return Waiting(oldest, unanswered, is_sending and not has_room, is_up)


class Wires(Mapping[str, Wire]):
    """The carriers that can be traced, as they come and go."""

    def __init__(self, carriers: Mapping[str, Carrier]) -> None:
        self._carriers = carriers

    def __getitem__(self, carrier: str) -> Wire:
        return self._carriers[carrier].wire

    def __iter__(self) -> Iterator[str]:
        return iter(self._carriers)

    def __len__(self) -> int:
        return len(self._carriers)


def gauges_of(store: SqliteStore, view: CarriersNow, alarms: Callable[[], Mapping[str, int]]) -> list[Gauge]:
    """`alarms`: how many are raised, by kind."""

    def queued() -> Iterable[tuple[tuple[str, ...], float]]:
        ready: dict[tuple[str, ...], float] = {}
        for row in store.queues():
            ready[(row.lane, row.route)] = ready.get((row.lane, row.route), 0) + row.ready
        return ready.items()

    def oldest() -> Iterable[tuple[tuple[str, ...], float]]:
        waited: dict[tuple[str, ...], float] = {(row.lane, row.route): 0.0 for row in store.queues()}
        for age in store.queue_ages():
            waited[(age.lane, age.route)] = age.oldest_ms / 1000
        return waited.items()

    def able() -> Iterable[tuple[tuple[str, ...], float]]:
        return [((carrier.name,), float(carrier.able)) for carrier in view.carriers()]

    def held() -> Iterable[tuple[tuple[str, ...], float]]:
        return [((carrier.name,), float(carrier.held is not None)) for carrier in view.carriers()]

    def refused() -> Iterable[tuple[tuple[str, ...], float]]:
        return [((carrier.name,), float(carrier.alarm is not None)) for carrier in view.carriers()]

    def binds(what: str) -> Iterable[tuple[tuple[str, ...], float]]:
        return [((c.name, b.name), float(getattr(b, what))) for c in view.carriers() for b in c.binds]

    def raised() -> Iterable[tuple[tuple[str, ...], float]]:
        return [((kind,), float(count)) for kind, count in alarms().items()]

    def held_messages() -> Iterable[tuple[tuple[str, ...], float]]:
        seen = store.held_seen
        return [((), float(0 if seen is None else seen.messages))]

    counts = store.counts
    return [
        Gauge("sluice_queue_ready", "Messages that a free slot could take.", ("lane", "route"), queued),
        Gauge("sluice_queue_oldest_seconds", "How long the oldest has waited.", ("lane", "route"), oldest),
        Gauge("sluice_window_ceiling", "Unanswered submit_sm allowed.", ("carrier", "bind"), partial(binds, "window")),
        Gauge("sluice_window_limit", "Of it, used at present.", ("carrier", "bind"), partial(binds, "window_limit")),
        Gauge("sluice_window_in_flight", "Unanswered submit_sm.", ("carrier", "bind"), partial(binds, "in_flight")),
        Gauge("sluice_submit_oldest_seconds", "Age of the oldest unanswered one.", ("carrier", "bind"), view.oldest),
        Gauge("sluice_carrier_able", "1 when any bind of the carrier can send.", ("carrier",), able),
        Gauge("sluice_breaker_state", "1 for the state the breaker is in.", ("carrier", "state"), view.breakers),
        Gauge("sluice_carrier_quality", "0 to 1: delivered, and soon.", ("carrier", "country"), view.qualities),
        Gauge("sluice_carrier_held", "1 while an operator holds the carrier.", ("carrier",), held),
        Gauge("sluice_carrier_refused", "1 while the carrier refuses our credentials.", ("carrier",), refused),
        Gauge("sluice_receipts_parked", "Receipts of no known message.", (), lambda: [((), counts()["parked"])]),
        Gauge("sluice_doubts", "Messages in doubt, of a few seconds ago.", (), lambda: [((), store.doubts_seen)]),
        Gauge("sluice_held_messages", "Held since a restore, of a few seconds ago.", (), held_messages),
        Gauge("sluice_alarms", "Alarms that are raised.", ("kind",), raised),
        Gauge("sluice_events_pending", "Events to be told.", (), lambda: [((), counts()["events_pending"])]),
    ]
