"""Shares by weight: who of a tier may take how much more, so that each gets its part of what the branch sends.

Start-time fair queueing: what each was given, by its weight, grows together. A carrier may be a little ahead of the
others, since their windows are free at different moments; one that keeps others waiting for a second yields its share.
All lanes and accounts of a branch are one account of it; of what not all of the tier can carry there is one for those
who can. Pure: the ledger is the deal's to keep or to drop.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, heapreplace
from math import ceil, inf
from typing import NamedTuple

from gateway.rules.taking import Queue, Standings, is_waited_for
from gateway.rules.tiers import Tier

AHEAD_PDUS = 50
"""The carrier of the greatest weight may be ahead by so many; the others by as much of theirs. Half a percent of ten
thousand."""
YIELD_MS = 1_000
"""Who holds others back, and in this time is not given AHEAD_PDUS by its weight, is not waited for until it has room to
spare."""
_MOST_ARREARS = 10
"""Of how far one may be ahead. More than this only somebody has who was out of the tier for a while."""
_ROUNDING = 1e-6


class Place(NamedTuple):
    """A carrier in a tier of a branch."""

    branch: str
    """With the names of those who are left out, where not all can carry it."""
    tier: int
    carrier: str

    @property
    def route(self) -> str:
        """What stands before the names."""
        return self.branch.partition(" ")[0]


@dataclass(slots=True)
class Ledger:
    """What was given."""

    given: dict[Place, float] = field(default_factory=dict)
    """PDUs by weight. Who is new or comes back starts with the least that the others were given."""
    owing: dict[Place, tuple[int, float]] = field(default_factory=dict)
    """Those who hold others back: since when (ms), and what they are to be given within YIELD_MS, to be waited for."""
    yielding: set[Place] = field(default_factory=set)

    def copy(self) -> "Ledger":
        return Ledger(dict(self.given), dict(self.owing), set(self.yielding))

    def kept(self, is_there: Callable[[Place], bool]) -> "Ledger":
        """Without the places that are no more."""
        given = {place: amount for place, amount in self.given.items() if is_there(place)}
        owing = {place: told for place, told in self.owing.items() if place in given}
        return Ledger(given, owing, self.yielding & given.keys())


class _Least:
    """The least that any of some places was given. It only grows: what stands in the heap may be too small."""

    __slots__ = ("_given", "_heap")

    def __init__(self, given: Mapping[Place, float], places: Iterable[Place]) -> None:
        self._given = given
        self._heap = [(given[place], place) for place in places]
        heapify(self._heap)

    def of_all(self) -> float:
        """Infinite where there are none."""
        heap, given = self._heap, self._given
        while heap:
            amount, place = heap[0]
            if (now := given[place]) <= amount:
                return amount
            heapreplace(heap, (now, place))
        return inf

    def of_others(self, place: Place) -> float:
        """Of all but this one."""
        least = self.of_all()
        if not self._heap or self._heap[0][1] != place:
            return least
        mine = heappop(self._heap)
        least = self.of_all()
        heappush(self._heap, mine)
        return least


class _Sheet:
    """One tier's account as it is at a moment."""

    __slots__ = ("ahead", "contenders", "least", "least_of_contenders", "places", "weights")

    least: _Least
    least_of_contenders: _Least

    def __init__(self, places: dict[str, Place], weights: dict[str, float]) -> None:
        self.places = places
        self.weights = weights
        self.ahead = AHEAD_PDUS / max(weights.values())
        self.contenders: list[str] = []
        """Those that the others don't get far ahead of."""


class Shares:
    """The shares as one deal sees them; what it gives is noted in the ledger."""

    def __init__(self, ledger: Ledger, unable_since: Mapping[str, int], standings: Standings, now: int) -> None:
        self.ledger = ledger
        self._unable_since = unable_since
        self._standings = standings
        self._now = now
        self._sheets: dict[tuple[str, int, Tier], _Sheet] = {}
        self._sheets_of: dict[str, list[_Sheet]] = {}
        self._known: dict[tuple[int, str], _Sheet | None] = {}
        self._held: dict[Place, float] = {}

    def place(self, queue: Queue, carrier: str) -> tuple[Place, float] | None:
        """To whose account it counts what this carrier is given of a queue, and its weight; None: to nobody's."""
        sheet = self._sheet_of(queue, carrier)
        return None if sheet is None else (sheet.places[carrier], sheet.weights[carrier])

    def allowance(self, queue: Queue, carrier: str) -> int | None:
        """PDUs of this queue that the carrier may be given before others have caught up; None: any number."""
        sheet = self._sheet_of(queue, carrier)
        if sheet is None:
            return None
        place = sheet.places[carrier]
        others = sheet.least_of_contenders.of_others(place)
        if others == inf:
            return None
        given = self.ledger.given[place]
        return max(0, ceil((others + sheet.ahead - given) * sheet.weights[carrier] - _ROUNDING))

    def give(self, place: Place, weight: float, slots: int) -> None:
        self.ledger.given[place] += slots / weight

    def lead(self, carrier: str) -> float:
        """How far ahead a carrier is, in what any may be ahead: who is least so is served first."""
        given = self.ledger.given
        return max(
            [
                (given[sheet.places[carrier]] - sheet.least.of_all()) / sheet.ahead
                for sheet in self._sheets_of.get(carrier, ())
            ],
            default=0.0,
        )

    def held_back(self, queue: Queue, carrier: str) -> None:
        """This carrier has room, and gets nothing of the queue because others are behind."""
        sheet = self._sheet_of(queue, carrier)
        if sheet is None:
            return
        given = self.ledger.given
        leader = given[sheet.places[carrier]]
        for name in sheet.contenders:
            place = sheet.places[name]
            # One PDU of a small weight may be a long way ahead: to keep up is not to catch up with it in a second.
            if (reached := given[place] + sheet.ahead) <= leader + _ROUNDING:
                self._held[place] = reached

    def settle(self, with_room: Iterable[str]) -> None:
        """At the end of a deal: who holds others back, and who yields no longer, since it has room to spare."""
        for sheet in self._sheets.values():
            self._level(sheet)
        old = self.ledger.owing
        self.ledger.owing = {place: old.get(place, (self._now, reached)) for place, reached in self._held.items()}
        if self.ledger.yielding:
            spare = set(with_room)
            seen = {place for sheet in self._sheets.values() for place in sheet.places.values()}
            self.ledger.yielding -= {place for place in seen if place.carrier in spare}

    def _sheet_of(self, queue: Queue, carrier: str) -> _Sheet | None:
        """None: nothing is shared by weight here."""
        try:
            return self._known[queue.id, carrier]
        except KeyError:
            sheet = self._known[queue.id, carrier] = self._find(queue, carrier)
            return sheet

    def _find(self, queue: Queue, carrier: str) -> _Sheet | None:
        if queue.stay:
            return None
        for number, tier in enumerate(queue.tiers):
            if carrier in tier.carriers:
                if not tier.weights or queue.overflows(self._now):
                    return None
                out = [name for name in tier.carriers if name in queue.unfit or name in queue.avoid]
                if carrier in out or len(out) > len(tier.carriers) - 2:
                    return None
                branch = " ".join((queue.branch, *out)) if out else queue.branch
                # The tier too: ranks may change while the queues are looked at.
                sheet = self._sheets.get((branch, number, tier))
                if sheet is None:
                    sheet = self._sheets[branch, number, tier] = self._open(branch, number, tier, out)
                return sheet
        return None

    def _open(self, branch: str, number: int, tier: Tier, out: list[str]) -> _Sheet:
        weights = {name: weight for name, weight in zip(*tier, strict=True) if name not in out}
        sheet = _Sheet({name: Place(branch, number, name) for name in weights}, weights)
        places = sheet.places
        sheet.contenders = [name for name, place in places.items() if self._is_present(name) and self._keeps_up(place)]
        self._level(sheet)
        sheet.least = _Least(self.ledger.given, places.values())
        sheet.least_of_contenders = _Least(self.ledger.given, [places[name] for name in sheet.contenders])
        for name in places:
            self._sheets_of.setdefault(name, []).append(sheet)
        return sheet

    def _level(self, sheet: _Sheet) -> None:
        """Who is not waited for has no arrears, and who is new none either."""
        given, places = self.ledger.given, sheet.places
        known = [given[places[name]] for name in sheet.contenders if places[name] in given]
        # Where nobody is left to compare with, whoever is new has no more to come than those who are away.
        least = min(known) if known else max((given[place] for place in places.values() if place in given), default=0.0)
        for name, place in places.items():
            had = given.get(place, least)
            given[place] = had if name in sheet.contenders else max(had, least)
        bound = max(given[place] for place in places.values()) - _MOST_ARREARS * sheet.ahead
        for place in places.values():
            given[place] = max(given[place], bound)

    def _is_present(self, carrier: str) -> bool:
        standing = self._standings.get(carrier)
        return carrier not in self._unable_since and (standing is None or is_waited_for(standing))

    def _keeps_up(self, place: Place) -> bool:
        ledger = self.ledger
        if place in ledger.yielding:
            return False
        owes = ledger.owing.get(place)
        if owes is not None:
            since, reached = owes
            if ledger.given.get(place, reached) >= reached - _ROUNDING:
                del ledger.owing[place]
            elif self._now - since >= YIELD_MS:
                del ledger.owing[place]
                ledger.yielding.add(place)
                return False
        return True
