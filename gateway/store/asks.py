"""The standing asks of binds, as the Trio side holds them between transactions."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.rules.deal import Ask, Turns, could_deal
from gateway.rules.taking import TIER_PATIENCE_MS, Queue, Standing
from gateway.store.interface import Claim
from gateway.store.transaction import AnswersIn


@dataclass(slots=True)
class Window:
    """One bind's standing ask."""

    carrier: str
    take: Callable[[list[Claim]], None]
    room: int = 0
    """In PDUs; negative after an overdraft."""


class Asks:
    def __init__(self) -> None:
        self.windows: dict[str, Window] = {}
        self.unable_since: dict[str, int] = {}
        """Carriers without any bind able to send, and since when (ms)."""
        self.standings: dict[str, Standing] = {}
        """Carriers that are not as usual."""

    def add_room(self, bind: str, room: int) -> None:
        """So many more PDUs, unless the bind is gone."""
        window = self.windows.get(bind)
        if window is not None:
            window.room += room

    def standing(self, answers: list[AnswersIn]) -> list[Ask]:
        """Asks with room as they stand once these answers are recorded, the emptiest bind first."""
        rooms = {bind: window.room for bind, window in self.windows.items()}
        for told in answers:
            if told.bind in rooms:
                rooms[told.bind] += told.room
        asks = [Ask(bind, self.windows[bind].carrier, room) for bind, room in rooms.items() if room > 0]
        return sorted(asks, key=lambda ask: -ask.room)

    def dealt(self, carrier: str, slots: int) -> None:
        """A carrier was given so many of the slots that it may have."""
        standing = self.standings.get(carrier)
        if standing is not None and standing.slots:
            self.standings[carrier] = standing._replace(slots=max(0, standing.slots - slots))

    def could_be_served(self, queues: Iterable[Queue], turns: Turns, now: int) -> bool:
        """Whether a transaction would deal anything: no fsync is spent on asking in vain."""
        carriers = {window.carrier for window in self.windows.values() if window.room > 0}
        return bool(carriers) and could_deal(
            carriers, queues, self.unable_since, turns, now=now, standings=self.standings
        )

    def clock_set_back(self, now: int) -> None:
        """Nobody has been unable since a moment that is still to come."""
        self.unable_since = {carrier: min(since, now) for carrier, since in self.unable_since.items()}

    def patience_ends_at(self, turns: Turns, now: int) -> int | None:
        """When others may take what an unable carrier leaves, or one that does not keep up; None: nobody waits so."""
        ends = [since + TIER_PATIENCE_MS for since in self.unable_since.values()]
        yields_at = turns.patience_ends_at()
        if yields_at is not None:
            ends.append(yields_at)
        return min((end for end in ends if end > now), default=None)
