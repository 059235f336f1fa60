"""Other settings for the store: the rows that follow them in one transaction, and between two what the writer knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from gateway.store import audit, outcomes
from gateway.store.audit import What
from gateway.store.by import By, by_operator
from gateway.store.face import SqliteFace
from gateway.store.policy import Policy
from gateway.store.reload_interface import nothing
from gateway.store.transaction import Order
from gateway.store.work import Work

MOST_TOLD = 2_000
"""Characters of what changed that are written down."""


class SqliteReload(SqliteFace):
    """Mixed into SqliteStore."""

    policy: Policy

    async def reconfigure(
        self, policy: Policy, told: str, swap: Callable[[], None] = nothing, *, by: By | None = None
    ) -> None:
        merged = with_departed(self.policy, policy)
        # Until the next look at how good carriers are, they are as good as they were.
        merged.tierings.rank(self.policy.tierings.ranks)
        change = partial(_change, policy=merged, told=told, by=by or by_operator(None))

        def then(error: BaseException | None) -> None:
            if error is None:
                self.policy = merged
                self._writer.take(merged)
                swap()
            else:
                self._writer.mirrors.endpoints.policy = self.policy

        await self._writer.order(self._writer.pending.by_hand, change, 1, then)

    async def reload_refused(self, told: str, *, by: By | None = None) -> None:
        await self._order(partial(_refused, told=told, by=by or by_operator(None)))

    def carrier_gone(self, carrier: str) -> None:
        def done(result: None, error: BaseException | None) -> None:
            if error is not None:
                self.carrier_gone(carrier)

        # In a transaction, for no other may run meanwhile; one that fails is asked for again.
        self._writer.pending.by_hand.append(Order(partial(_gone, carrier=carrier), 1, done))
        self._writer.stir()


def with_departed(old: Policy, new: Policy) -> Policy:
    """The new policy, with what the old one said of carriers and lanes that are no longer in the settings."""
    departed = (old.departed | old.carriers.keys()) - new.carriers.keys()
    return replace(
        new,
        carriers={**{name: old.carriers[name] for name in departed}, **new.carriers},
        lanes={**{name: lane for name, lane in old.lanes.items() if name not in new.lanes}, **new.lanes},
        departed=frozenset(departed),
    )


def _change(work: Work, policy: Policy, told: str, by: By) -> None:
    audit.add(work, by, What.RELOAD, outcome=_bounded(told))
    # At once: what the rest of this transaction files for an endpoint is to find the row that there is now.
    outcomes.take_back(work)
    work.endpoints.take(work.connection, policy)


def _gone(work: Work, carrier: str) -> None:
    work.queues.carrier_gone(carrier)


def _refused(work: Work, told: str, by: By) -> None:
    audit.add(work, by, What.RELOAD, outcome=_bounded(f"refused: {told}"))


def _bounded(told: str) -> str:
    return told if len(told) <= MOST_TOLD else told[: MOST_TOLD - 4] + " ..."
