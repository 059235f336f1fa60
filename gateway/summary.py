"""One line a minute, at info level, of what passed through; none when nothing did.

The figures are those of /metrics since the last line; docs/logs.md says what each counts.
"""

import logging
from collections.abc import Collection
from typing import Protocol

import trio
from prometheus_client import Counter

from gateway.carriers.bind_states import BindState
from gateway.desk.carriers_view import CarriersView
from gateway.metrics import ACCEPTED, ANSWERS, DOUBTED, INBOUND, POSTS, RECEIPTS, REFUSED
from gateway.rules.retrying import Verdict

log = logging.getLogger("sluice.daemon")

EVERY_SECONDS = 60.0
_FAILED = ("undeliverable", "expired", "rejected", "deleted", "skipped")
"""States of receipts."""


class Waiting(Protocol):
    """What of the store is shown."""

    def backlog(self) -> int: ...


class Summary:
    """Tells until cancelled."""

    def __init__(self, carriers: CarriersView, store: Waiting) -> None:
        self._carriers = carriers
        self._store = store
        self._before = _so_far()

    async def run(self) -> None:
        while True:
            await trio.sleep(EVERY_SECONDS)
            self.tell()

    def tell(self) -> None:
        """The line for what passed since the last one."""
        now = _so_far()
        passed = {key: count - self._before[key] for key, count in now.items()}
        self._before = now
        backlog = self._store.backlog()
        if not backlog and not any(passed.values()):
            return
        binds = [bind for carrier in self._carriers.carriers() for bind in carrier.binds]
        log.info(
            "minute accepted=%d refused=%d sent=%d delivered=%d failed=%d in_doubt=%d inbound=%d webhooks=%d "
            "backlog=%d binds=%d/%d",
            *passed.values(),
            backlog,
            sum(bind.state == BindState.BOUND.value for bind in binds),
            len(binds),
        )


def _so_far() -> dict[str, int]:
    """Since the start of the process, in the order of the line."""
    return {
        "accepted": sum(ACCEPTED.of.values()),
        "refused": _total(REFUSED),
        "sent": _total(ANSWERS, "outcome", (Verdict.SENT.value,)),
        "delivered": _total(RECEIPTS, "state", ("delivered",)),
        "failed": _total(ANSWERS, "outcome", (Verdict.REFUSED.value,)) + _total(RECEIPTS, "state", _FAILED),
        "in_doubt": _total(DOUBTED),
        "inbound": _total(INBOUND),
        "webhooks": _total(POSTS, "outcome", ("taken",)),
    }


def _total(counter: Counter, label: str = "", values: Collection[str] = ()) -> int:
    return round(
        sum(
            sample.value
            for family in counter.collect()
            for sample in family.samples
            if sample.name.endswith("_total") and (not label or sample.labels[label] in values)
        )
    )
