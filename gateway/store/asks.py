"""The standing asks of binds, as the Trio side holds them between transactions."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.rules.deal import Ask, Queue, may_take
from gateway.store.interface import Claim


@dataclass(slots=True)
class Window:
    """One bind's standing ask."""

    carrier: str
    take: Callable[[list[Claim]], None]
    room: int = 0


class Asks:
    def __init__(self) -> None:
        self.windows: dict[str, Window] = {}
        self.unable_since: dict[str, int] = {}
        """Carriers without any bind able to send, and since when (ms)."""

    def standing(self) -> list[Ask]:
        """Asks with room, the emptiest bind first so that binds of one carrier share its work."""
        open_asks = [Ask(bind, window.carrier, window.room) for bind, window in self.windows.items() if window.room > 0]
        return sorted(open_asks, key=lambda ask: -ask.room) if len(open_asks) > 1 else open_asks

    def could_be_served(self, queues: list[Queue], now: int) -> bool:
        """Whether a transaction would deal anything: no fsync is spent on asking in vain."""
        carriers = {window.carrier for window in self.windows.values() if window.room > 0}
        return any(may_take(queue, carrier, self.unable_since, now) for queue in queues for carrier in carriers)
