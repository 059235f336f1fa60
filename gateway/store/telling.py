"""Who is told of a commit, and of asks that can't be written: binds, callers, takers of deliveries.

What is told is on disk, or never will be as it was asked; what must not be lost is asked for again here.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from gateway.identifiers import MESSAGE, public
from gateway.logs import quoted
from gateway.metrics.ends import count_events, count_unmatched
from gateway.store import faults, outcomes
from gateway.store.asks import Asks
from gateway.store.ends import Ended
from gateway.store.interface import AttemptName, Claim, Delivery, StoreBusy, StoreFull
from gateway.store.pending import Pending, rows_of
from gateway.store.policy import shown
from gateway.store.transaction import AnswersIn, Batch, Done, Order

log = logging.getLogger("sluice.store")
_KEPT = itemgetter(1)


class Telling:
    """Hands out between two transactions; nothing here waits."""

    def __init__(self, path: Path, pending: Pending, asks: Asks, is_closing: Callable[[], bool]) -> None:
        self.take_deliveries: Callable[[list[Delivery]], None] | None = None
        self.observe: Callable[[float, int], None] = lambda seconds, rows: None
        self.tell_enquiries: Callable[[str], None] = lambda carrier: None
        self.tell_expansions: Callable[[int], None] = lambda campaign: None
        self.tell_ends: list[Callable[[Sequence[Ended]], None]] = []
        self._path = path
        self._pending = pending
        self._asks = asks
        self._is_closing = is_closing

    def committed(self, batch: Batch, done: Done) -> None:
        """Hand out everything that waited for this commit."""
        rows = rows_of(batch)
        self._pending.learn(rows, done.seconds)
        self._tell(self.observe, done.seconds, rows)
        for told in batch.answers:
            self.settle(told, True)
        self._tell_received(batch, True)
        # Before callers are answered, which may be hundreds: each of them waits for one answer, a claim for the wire.
        for bind, claims in done.claims.items():
            self._give(bind, claims)
        for order, result in done.results:
            if isinstance(result, Exception):
                self._tell(order.done, None, result)
            else:
                self._tell(order.done, result, None)
        for carrier in done.to_ask:
            self._tell(self.tell_enquiries, carrier)
        for campaign in done.to_expand:
            self._tell(self.tell_expansions, campaign)
        self._tell_ends(done)
        take = self.take_deliveries
        if done.deliveries and (take is None or not self._tell(take, done.deliveries)):
            for delivery in done.deliveries:
                self._put_off(delivery.id, delivery.endpoint)

    def _tell_ends(self, done: Done) -> None:
        if done.ends:
            for tell in self.tell_ends:
                self._tell(tell, done.ends)
        for account, is_told, events, waited_ms in done.events_ended:
            count_events(shown(account), is_told=is_told, count=events, waited_seconds=waited_ms / 1000)
        if done.unmatched:
            count_unmatched(done.unmatched)

    def refused(self, batch: Batch, error: Exception) -> None:
        """It can't be written now, or, where that will not change, never."""
        is_passing = faults.is_passing(error)
        for told in batch.answers:
            if is_passing:
                self.settle(told, False)
            else:
                self._record_quietly(told, error)
        self._tell_received(batch, False)
        for order in batch.by_hand + batch.accepts:
            self._tell(order.done, None, faults.translated(error, self._path))
        if is_passing:
            self._pending.put_back(batch)
            return
        fault = quoted(faults.described(error))
        for name in batch.released + batch.doubted:
            log.error(
                "what became of it is left to the sweep message=%s fault=%s", public(MESSAGE, name.message), fault
            )
        for outcome in batch.outcomes:
            log.error("the outcome of a POST can't be written delivery=%d fault=%s", outcome.id, fault)
            self._put_off(outcome.id, outcome.endpoint)

    def settle(self, told: AnswersIn, is_kept: bool) -> None:
        """Tell whether answers are kept; the room of those that are is asked for again."""
        if is_kept:
            self._asks.add_room(told.bind, told.room)
        self._tell(told.kept, is_kept)

    def _tell_received(self, batch: Batch, is_kept: bool) -> None:
        for kept, together in groupby(batch.receipts, key=_KEPT):
            self._tell(kept, is_kept, len(list(together)))
        for _, inbound_kept in batch.inbound:
            self._tell(inbound_kept, is_kept)

    def _give(self, bind: str, claims: list[Claim]) -> None:
        window = self._asks.windows.get(bind)
        if window is None:
            self._pending.released += _names(claims)
            return
        slots = sum([len(claim.segments) for claim in claims])
        window.room -= slots
        self._asks.dealt(window.carrier, slots)
        if not self._tell(window.take, claims):
            # How much of it was written nobody knows: to release it all might send some of it twice.
            self._pending.doubted += _names(claims)

    def _tell(self, callback: Callable[..., None], *said: Any) -> bool:
        """Whether who waited took it: their faults are theirs alone."""
        try:
            callback(*said)
        except Exception as error:  # noqa: BLE001 what is on disk stays so, and the others are told
            log.error("who was told of a commit failed fault=%s", quoted(faults.described(error)))
            return False
        return True

    def _record_quietly(self, told: AnswersIn, error: Exception) -> None:
        """What a carrier took must not be sent again because an event can't be told: now without the event."""
        messages = ",".join(public(MESSAGE, answer.message) for answer in told.answers)
        fault = quoted(faults.described(error))
        if told.quiet:
            log.error("an answer is left to the sweep message=%s fault=%s", messages, fault)
            self.settle(told, True)
        else:
            log.error("an answer is recorded without telling message=%s fault=%s", messages, fault)
            self._pending.answers.append(replace(told, quiet=True))

    def _put_off(self, delivery: int, endpoint: int) -> None:
        """A POST whose outcome is lost is made again, in a while."""

        def done(result: Any, error: BaseException | None) -> None:
            if isinstance(error, StoreBusy | StoreFull) and not self._is_closing():
                self._put_off(delivery, endpoint)
            elif error is not None:
                log.error(
                    "a POST is made again after the next start delivery=%d fault=%s",
                    delivery,
                    quoted(faults.described(error)),
                )

        self._pending.by_hand.append(Order(partial(outcomes.put_off, delivery=delivery, endpoint=endpoint), 1, done))


def _names(claims: list[Claim]) -> list[AttemptName]:
    return [AttemptName(c.message, s.segment.part, s.attempt) for c in claims for s in c.segments]
