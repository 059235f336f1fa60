"""The standing asks of binds, as the Trio side holds them between transactions."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.rules.deal import TIER_PATIENCE_MS, Ask, Queue, may_take
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

    def could_be_served(self, queues: Iterable[Queue], now: int) -> bool:
        """Whether a transaction would deal anything: no fsync is spent on asking in vain."""
        carriers = {window.carrier for window in self.windows.values() if window.room > 0}
        return bool(carriers) and any(
            may_take(queue, carrier, self.unable_since, now) for queue in queues for carrier in carriers
        )

    def patience_ends_at(self, now: int) -> int | None:
        """When lower tiers may take what an unable carrier leaves; None: no carrier has just become unable."""
        ends = [since + TIER_PATIENCE_MS for since in self.unable_since.values()]
        return min((end for end in ends if end > now), default=None)
