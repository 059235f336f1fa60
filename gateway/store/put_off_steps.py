"""Steps of the store's own that failed for a fault of ours: each is put off alone, for longer each time.

What others ask for is written meanwhile, and the other steps go on. Times are wall-clock milliseconds.
"""

import logging
from typing import NamedTuple

from gateway.logs import quoted
from gateway.store import faults
from gateway.store.transaction import Own, Step

log = logging.getLogger("sluice.store")
FIRST_MS = 1_000
MOST_MS = 60_000


class _PutOff(NamedTuple):
    since: int
    delay: int


class PutOffSteps:
    """True while there are any, also those that may be tried again but have not yet succeeded."""

    def __init__(self) -> None:
        self._put_off: dict[Step, _PutOff] = {}

    def __bool__(self) -> bool:
        return bool(self._put_off)

    def failed(self, step: Step, error: Exception, now: int) -> None:
        """It is tried again after a second, and after twice as long each time, up to a minute."""
        before = self._put_off.get(step)
        delay = FIRST_MS if before is None else min(2 * before.delay, MOST_MS)
        self._put_off[step] = _PutOff(now, delay)
        fault = quoted(faults.described(error))
        log.error("failed and is put off step=%s seconds=%d fault=%s", quoted(step.value), delay // 1000, fault)

    def ran(self, own: Own) -> None:
        """A transaction with these steps was written."""
        steps = {
            Step.SWEEP: own.sweep,
            Step.LOST: own.look_for_lost,
            Step.CAMPAIGNS: own.campaigns,
            Step.REFILE: own.refile,
            Step.HELD: own.held,
            Step.AGES: own.look_at_ages,
            Step.DEAL: bool(own.asks),
            Step.EVENTS: own.claim_events,
            Step.ERASE: own.erase,
            Step.PLAN: own.plan,
        }
        for step, has_run in (*steps.items(), (Step.ALL, any(steps.values()))):
            if has_run and self._put_off.pop(step, None) is not None:
                log.warning("no longer fails step=%s", quoted(step.value))

    def may_run(self, step: Step, now: int) -> bool:
        return not self._put_off or self._ends_at(step, now) is None

    def wake_at(self, at: int | None, now: int) -> int | None:
        """When the writer looks again, that would at `at`: not for rows whose sweep waits."""
        if self._ends_at(Step.PLAN, now) is not None:
            # When a row is due next is not known.
            at = now + FIRST_MS if at is None else min(at, now + FIRST_MS)
        ends_at = self._ends_at(Step.SWEEP, now)
        return at if ends_at is None else max(at or 0, ends_at)

    def _ends_at(self, step: Step, now: int) -> int | None:
        put_off = [self._put_off[one] for one in (step, Step.ALL) if one in self._put_off]
        # A clock that was set back holds nothing for longer than it was meant.
        ends = [since + delay for since, delay in put_off if since <= now < since + delay]
        return max(ends, default=None)
