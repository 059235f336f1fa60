"""Who gets the free slots: one pure function from asks and queues to grants.

Which carrier may take what is taking.py's matter, in what turns that of turns.py, how much by weight that of shares.py.
Nothing here knows messages, SQL or time beyond what it is given, so it stays flat at any backlog.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from gateway.rules.shares import Shares
from gateway.rules.taking import ALL_AS_USUAL, Standings, may_take, may_take_as_others, may_take_beyond
from gateway.rules.taking import TIER_PATIENCE_MS as TIER_PATIENCE_MS
from gateway.rules.taking import Queue as Queue
from gateway.rules.taking import Standing as Standing
from gateway.rules.turns import FIRST_PRIORITY as FIRST_PRIORITY
from gateway.rules.turns import Kind, Table
from gateway.rules.turns import Turns as Turns

NO_LIMIT: Mapping[str, int] = {}


class Ask(NamedTuple):
    """A bind's room, in PDUs."""

    bind: str
    carrier: str
    room: int


class Grant(NamedTuple):
    """Up to `slots` PDUs of a queue for a bind."""

    bind: str
    carrier: str
    queue: int
    slots: int


def deal(
    asks: Sequence[Ask],
    queues: Iterable[Queue],
    unable_since: Mapping[str, int],
    turns: Turns,
    *,
    now: int,
    share: int,
    lane_slots: Mapping[str, int] = NO_LIMIT,
    standings: Standings = ALL_AS_USUAL,
) -> tuple[list[Grant], Turns]:
    """Grants for these asks, and the turns after them.

    `share`: while a lower lane waits, one slot in so many goes to it; never a slot that priority 1 wants. 0: strict
    priority only. `now` in milliseconds. `lane_slots`: the most that these lanes get now, which have a rate.
    """
    waiting = [queue for queue in queues if queue.ready > 0]
    if not waiting or not asks:
        return [], turns.nobody_owes()
    turns = turns.copy()
    table = Table(waiting, turns, share, lane_slots, now)
    if turns.shares.owing or any(kind.one.is_weighted for kind in table.kinds):
        turns.shares = turns.shares.copy()
        table.shares = Shares(turns.shares, unable_since, standings, now)
    takers = _Takers(table.kinds, unable_since, now, standings)
    if takers.slots and len(asks) > 1:
        asks = sorted(asks, key=takers.is_usual)
    if table.shares is None:
        return [grant for ask in asks for grant in _serve(ask, takers, table)], turns
    return _serve_in_rounds(asks, takers, table, table.shares), turns


def could_deal(
    carriers: Iterable[str],
    queues: Iterable[Queue],
    unable_since: Mapping[str, int],
    turns: Turns,
    *,
    now: int,
    standings: Standings = ALL_AS_USUAL,
) -> bool:
    """Whether a deal with room at these carriers would grant anything.

    Where it would not since others are behind in their shares, it is noted in the turns since when.
    """
    held: list[tuple[Queue, str]] = []
    shares: Shares | None = None
    for queue in queues:
        for carrier in carriers:
            if not may_take(queue, carrier, unable_since, now, standings):
                continue
            if not queue.is_weighted:
                return True
            if shares is None:
                shares = Shares(turns.shares.copy(), unable_since, standings, now)
            if shares.allowance(queue, carrier) != 0:
                return True
            held.append((queue, carrier))
    if shares is not None:
        for queue, carrier in held:
            shares.held_back(queue, carrier)
        shares.settle(())
        turns.shares = shares.ledger
    return False


class _Takers:
    """What each carrier may take, found out once a deal, and the slots that are left to those who have a limit."""

    __slots__ = ("_kinds", "_known", "_now", "_standings", "_unable_since", "slots")

    def __init__(self, kinds: list[Kind], unable_since: Mapping[str, int], now: int, standings: Standings) -> None:
        self._kinds = kinds
        self._unable_since = unable_since
        self._now = now
        self._standings = standings
        self._known: dict[tuple[str, bool], list[Kind]] = {}
        self.slots = {
            carrier: standing.slots or 0
            for carrier, standing in standings.items()
            if standing.slots is not None or standing.last_resort
        }

    def is_usual(self, ask: Ask) -> bool:
        """Who is not goes first: where little waits, others with more room would leave it nothing to be tried by."""
        return ask.carrier not in self.slots

    def turns_of(self, carrier: str, room: int) -> Iterator[tuple[int, list[Kind]]]:
        """The room that a carrier has, and of what: as others do, and beyond its slots."""
        slots = self.slots.get(carrier)
        if slots is None or slots > 0:
            yield (room if slots is None else min(room, slots)), self._takeable(carrier, is_beyond=False)
        if slots is not None and self._standings[carrier].last_resort:
            yield room, self._takeable(carrier, is_beyond=True)

    def _takeable(self, carrier: str, *, is_beyond: bool) -> list[Kind]:
        known = self._known.get((carrier, is_beyond))
        if known is None:
            takes = may_take_beyond if is_beyond else may_take_as_others
            known = self._known[carrier, is_beyond] = [
                kind for kind in self._kinds if takes(kind.one, carrier, self._unable_since, self._now, self._standings)
            ]
        return known


def _serve(ask: Ask, takers: _Takers, table: Table) -> list[Grant]:
    """All that this ask gets at once."""
    found: list[Grant] = []
    left = ask.room
    for most, takeable in takers.turns_of(ask.carrier, ask.room) if left > 0 else ():
        room = min(most, left)
        kinds = [kind for kind in takeable if table.may_give(kind, ask.carrier)] if room > 0 else []
        if kinds:
            given = table.serve(ask.carrier, room, kinds)
            found += [Grant(ask.bind, ask.carrier, queue, slots) for queue, slots in given.items()]
            left -= sum(given.values())
            if ask.carrier in takers.slots:
                takers.slots[ask.carrier] -= sum(given.values())
    return found


def _serve_in_rounds(asks: Sequence[Ask], takers: _Takers, table: Table, shares: Shares) -> list[Grant]:
    """Those who are least ahead first, round after round, so that those who share go forward together."""
    found: dict[tuple[str, int], Grant] = {}
    rooms = list(asks)
    is_given = True
    while is_given:
        is_given = False
        if len(rooms) > 1:
            rooms.sort(key=lambda ask: (takers.is_usual(ask), shares.lead(ask.carrier)))
        for place, ask in enumerate(rooms):
            if ask.room <= 0:
                continue
            for grant in _serve(ask, takers, table):
                is_given = True
                rooms[place] = ask = ask._replace(room=ask.room - grant.slots)
                before = found.get((grant.bind, grant.queue))
                slots = grant.slots + (before.slots if before else 0)
                found[grant.bind, grant.queue] = grant._replace(slots=slots)
    # Held back is also who used its room for others' messages: else those would wait for ever for one without room.
    for (_, carrier), kind in table.refused.items():
        if table.has_more(kind) and shares.allowance(kind.one, carrier) == 0:
            shares.held_back(kind.one, carrier)
    shares.settle(ask.carrier for ask in rooms if ask.room > 0)
    return list(found.values())
