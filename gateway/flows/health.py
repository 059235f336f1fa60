"""How carriers do: what the flows hear of each goes to its breaker, and what that decides to the deal and operators.

Also how well each delivers, by country, from which routes by quality get their shares. What opens a breaker is
rules/breaker.py's, what a standing means rules/taking.py's.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import trio

from gateway import identifiers
from gateway.flows.measured import Measured
from gateway.logs import quoted
from gateway.rules.breaker import Breaker
from gateway.rules.breaker_terms import BreakerState, BreakerTerms, BreakerView, Change, Waiting
from gateway.rules.taking import HELD, Standing
from gateway.rules.tiers import Tierings
from gateway.settings import Settings
from gateway.settings.alerts import OperatorEvent
from gateway.settings.carriers import Carrier
from gateway.store.ends import Ended

TICK_SECONDS = 0.25
"""A breaker is looked at so often: the traffic of one that opens is elsewhere well within a second."""
RANK_SECONDS = 5.0

_log = logging.getLogger("sluice.health")


class CarrierStore(Protocol):
    """What is told to the store."""

    def carrier_able(self, carrier: str, able: bool) -> None: ...

    def carrier_standing(self, carrier: str, standing: Standing | None) -> None: ...


class Telling(Protocol):
    """Who tells operators."""

    def judge(self, kind: OperatorEvent, subject: str, is_amiss: bool, figures: Mapping[str, object]) -> None: ...

    def tell(self, event: OperatorEvent, subject: str, figures: Mapping[str, object]) -> None: ...


class Health:
    """Of all carriers. A gateway.carriers.traffic.Hearing; `run` looks at the clock."""

    def __init__(
        self,
        settings: Settings,
        store: CarrierStore,
        tierings: Callable[[], Tierings],
        alarms: Telling | None = None,
        *,
        waiting: Callable[[str], Waiting] = lambda carrier: Waiting(),
        halt: Callable[[str], None] = lambda carrier: None,
        clock: Callable[[], float] = trio.current_time,
        now_ms: Callable[[], int] = identifiers.now_ms,
    ) -> None:
        """`tierings`: those in force. `waiting`: what a carrier has not answered. `halt`: take back what was dealt to
        its binds and is not written. `clock` tells seconds that only rise, `now_ms` the time of day."""
        self._store = store
        self._tierings = tierings
        self._alarms = alarms
        self._waiting = waiting
        self._halt = halt
        self._clock = clock
        self._now_ms = now_ms
        self._breakers: dict[str, Breaker] = {}
        self._told: dict[str, Standing] = {}
        self._taken: dict[str, int] = {}
        self._receipts: dict[str, int] = {}
        self._held: set[str] = set()
        self._is_tried: set[str] = set()
        """Carriers whose half-open breaker was told of since it opened."""
        self.measured = Measured(settings.routes)
        self._take(settings.carriers)

    def reconfigure(self, settings: Settings) -> None:
        """Other carriers or terms; what was learned stays."""
        self.measured.reconfigure(settings.routes)
        self._take(settings.carriers)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled."""
        task_status.started()
        rank_at = self._clock()
        while True:
            self.tick()
            if self._clock() >= rank_at:
                self.measured.rank(self._tierings(), self._now_ms())
                rank_at = self._clock() + RANK_SECONDS
            await trio.sleep(TICK_SECONDS)

    def tick(self) -> None:
        """Look at the clock, for all carriers."""
        now = self._clock()
        for carrier, breaker in self._breakers.items():
            waiting = self._waiting(carrier)
            if not self._look(carrier, breaker, waiting, now) and breaker.wants_telling(waiting, now):
                self._tell(carrier, breaker)

    def _look(self, carrier: str, breaker: Breaker, waiting: Waiting, now: float) -> bool:
        """Whether its state has changed."""
        change = breaker.tick(waiting, now)
        if change is not None:
            self._changed(carrier, breaker, change)
        return change is not None

    # --- what operators want

    def hold(self, carrier: str) -> None:
        """Nothing is dealt to it from now on, and nobody waits for it; to be followed by `take_back` or `resume`."""
        self._held.add(carrier)
        self._store.carrier_standing(carrier, HELD)

    def take_back(self, carrier: str) -> None:
        """What was dealt to it before and is not written; and its breaker is off."""
        self._let_go(carrier)
        self._halt(carrier)

    def resume(self, carrier: str) -> None:
        """It has its whole share again, and its breaker begins anew; one that was not off yet is as it was."""
        self._held.discard(carrier)
        self._store.carrier_standing(carrier, None)
        self._take(self._carriers)
        if carrier in self._breakers:
            self._tell(carrier, self._breakers[carrier])

    # --- what is heard

    def heard(self, carrier: str, taken: int, errors: int, slowest: float, quickest: float, others: int = 0) -> None:
        """Answers of one read."""
        if taken:
            self._taken[carrier] = self._taken.get(carrier, 0) + taken
        breaker = self._breakers.get(carrier)
        if breaker is not None:
            now = self._clock()
            breaker.answered(taken, errors, slowest, quickest, now, others)
            if errors:
                # A quick carrier could fail hundreds until the clock is looked at.
                self._look(carrier, breaker, Waiting(), now)

    def unanswered(self, carrier: str, count: int, waited: float = 0.0) -> None:
        """Answers that never came."""
        breaker = self._breakers.get(carrier)
        if breaker is not None:
            breaker.unanswered(count, self._clock(), waited)

    def received(self, carrier: str, count: int) -> None:
        """Receipts of one read."""
        self._receipts[carrier] = self._receipts.get(carrier, 0) + count
        breaker = self._breakers.get(carrier)
        if breaker is not None:
            breaker.receipts(count, self._clock())

    def stop(self, carrier: str, status: str) -> None:
        """It answered a status after which nothing more should go there."""
        breaker = self._breakers.get(carrier)
        if breaker is None:
            if carrier not in self._held:
                _log.warning("carrier=%s status=%s stops nothing: its breaker is off", carrier, status)
        elif (change := breaker.stopped(status, self._clock())) is not None:
            self._changed(carrier, breaker, change)

    def able(self, carrier: str, able: bool) -> None:
        """Whether any bind of it can send; the store is told, of its standing first."""
        breaker = self._breakers.get(carrier)
        # Whether it is lost then, or throttles have paused it, shows when the clock is looked at.
        if able and breaker is not None and (change := breaker.regained(self._clock())) is not None:
            self._changed(carrier, breaker, change)
        self._store.carrier_able(carrier, able)

    def probe(self, carrier: str) -> None:
        """An operator wants it tried now, if its breaker is open."""
        breaker = self._breakers.get(carrier)
        if breaker is not None and (change := breaker.probe(self._clock())) is not None:
            self._changed(carrier, breaker, change)

    def ended(self, ends: Sequence[Ended]) -> None:
        """Messages that ended; those that a carrier answers for tell how good it is."""
        self.measured.add(ends)

    # --- what is known

    def view(self, carrier: str) -> BreakerView | None:
        """How its breaker stands; None: it has none."""
        breaker = self._breakers.get(carrier)
        return None if breaker is None else breaker.view(self._clock())

    def counted(self) -> Mapping[str, tuple[int, int]]:
        """By carrier: messages' parts that it took, and receipts, since the start."""
        return {name: (taken, self._receipts.get(name, 0)) for name, taken in self._taken.items()}

    def qualities(self) -> Iterable[tuple[tuple[str, str], float]]:
        """Scores by carrier and country."""
        return self.measured.scores(self._now_ms())

    # --- what follows

    def _changed(self, carrier: str, breaker: Breaker, change: Change) -> None:
        state = change.state
        level = logging.WARNING if state is BreakerState.OPEN else logging.INFO
        cause = change.cause.value if change.cause is not None else "away"
        _log.log(level, "carrier=%s breaker=%s cause=%s detail=%s", carrier, state.value, cause, quoted(change.detail))
        self._tell(carrier, breaker)
        if state is BreakerState.OPEN:
            self._halt(carrier)
        if change.cause is not None:
            self._tell_operators(carrier, breaker, change)

    def _tell(self, carrier: str, breaker: Breaker) -> None:
        if carrier in self._held:
            return
        standing = breaker.standing(self._clock())
        if standing is not None:
            self._told[carrier] = standing
            self._store.carrier_standing(carrier, standing)
        elif self._told.pop(carrier, None) is not None:
            self._store.carrier_standing(carrier, None)

    def _tell_operators(self, carrier: str, breaker: Breaker, change: Change) -> None:
        if self._alarms is None or change.cause is None:
            return
        figures: dict[str, object] = {"cause": change.cause.value, "detail": change.detail}
        match change.state:
            case BreakerState.OPEN:
                retry_at = breaker.retry_at
                retry_in = None if retry_at is None else round(retry_at - self._clock(), 1)
                figures["retry_in_seconds"] = retry_in
                self._alarms.judge(OperatorEvent.BREAKER_OPENED, carrier, True, figures)
            case BreakerState.HALF_OPEN if carrier not in self._is_tried:
                self._is_tried.add(carrier)
                self._alarms.tell(OperatorEvent.BREAKER_HALF_OPEN, carrier, figures)
            case BreakerState.CLOSED:
                self._is_tried.discard(carrier)
                self._alarms.judge(OperatorEvent.BREAKER_OPENED, carrier, False, figures)

    def _take(self, carriers: Mapping[str, Carrier]) -> None:
        self._carriers = carriers
        for name in self._breakers.keys() - carriers.keys():
            self._let_go(name)
        for name, carrier in carriers.items():
            terms = BreakerTerms.of(carrier)
            breaker = self._breakers.get(name)
            if terms is None or name in self._held:
                self._let_go(name)
            elif breaker is None:
                self._breakers[name] = Breaker(terms, self._clock())
            else:
                breaker.retune(terms)

    def _let_go(self, carrier: str) -> None:
        """It is gone, or has no breaker any more: whatever standing that gave it, it is as usual."""
        breaker = self._breakers.pop(carrier, None)
        if self._told.pop(carrier, None) is not None and carrier not in self._held:
            self._store.carrier_standing(carrier, None)
        self._is_tried.discard(carrier)
        if self._alarms is not None and breaker is not None and breaker.state is not BreakerState.CLOSED:
            self._alarms.judge(OperatorEvent.BREAKER_OPENED, carrier, False, {"cause": None, "detail": "it was let go"})
