"""Whose POST goes next when all connections are in use, so that accounts with slow endpoints leave room for the others.

How many POSTs one endpoint may have under way is the store's; this bounds all of them together.
"""

from collections import deque

import trio


class Turns:
    """At most `most` turns are held at a time, and by each account at most as many as are free.

    So one greedy account ends at half of all and two at a third each: whoever holds none finds one free. (The dynamic
    thresholds of Choudhury and Hahne, 1998, by which switches share their memory between ports.)
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._held: dict[str, int] = {}
        self._waiting: dict[str, deque[trio.Event]] = {}

    def take_at_once(self, account: str) -> bool:
        """Take a turn if there is one and nobody of the account waits; whether it was taken."""
        if account in self._waiting or not self._may_start(account):
            return False
        self._start(account)
        return True

    async def take(self, account: str) -> None:
        """Wait for a turn; within an account first come, first served. It is given back by `give_back`."""
        if self.take_at_once(account):
            return
        turn = trio.Event()
        self._waiting.setdefault(account, deque()).append(turn)
        try:
            await turn.wait()
        except trio.Cancelled:
            if turn.is_set():
                self.give_back(account)
            else:
                self._remove(account, turn)
            raise

    def give_back(self, account: str) -> None:
        self._free += 1
        self._held[account] -= 1
        if not self._held[account]:
            del self._held[account]
        while self._waiting:
            poorest = min(self._waiting, key=lambda name: self._held.get(name, 0))
            if not self._may_start(poorest):
                return
            turn = self._waiting[poorest][0]
            self._remove(poorest, turn)
            self._start(poorest)
            turn.set()

    def _may_start(self, account: str) -> bool:
        return self._held.get(account, 0) < self._free

    def _start(self, account: str) -> None:
        self._free -= 1
        self._held[account] = self._held.get(account, 0) + 1

    def _remove(self, account: str, turn: trio.Event) -> None:
        waiting = self._waiting[account]
        waiting.remove(turn)
        if not waiting:
            del self._waiting[account]
