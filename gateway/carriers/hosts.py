"""Which of a carrier's hosts a link connects to next. Pure."""

from collections.abc import Iterator, Sequence

from gateway.settings.types import HostsOrder


class Hosts:
    """Of one link."""

    def __init__(self, hosts: Sequence[str], order: HostsOrder, turns: Iterator[int]) -> None:
        """`turns`: counts up, shared by the links of the carrier, so that in turn each begins with the next host."""
        self._hosts = hosts
        self._turns = turns
        self._in_turn = order is HostsOrder.ROUND_ROBIN
        self._failures = 0
        self._at = self._next_turn() if self._in_turn else 0

    @property
    def current(self) -> str:
        """Connected to, or next to be tried."""
        return self._hosts[self._at]

    def lost(self) -> None:
        """It was bound there: the preferred one is the first again."""
        self._failures = 0
        self._at = self._next_turn() if self._in_turn else 0

    def failed(self) -> bool:
        """It did not take us, or was of no use; whether the next has yet to be tried since the last bind."""
        self._failures += 1
        self._at = self._next_turn() if self._in_turn else (self._at + 1) % len(self._hosts)
        return self._failures % len(self._hosts) != 0

    def _next_turn(self) -> int:
        return next(self._turns) % len(self._hosts)
