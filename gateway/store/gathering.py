"""Waiting for asks that are on their way: a transaction of thirty POSTs costs hardly more than one of ten.

While callers come many at a time, each turn of Trio's loop reads some more of them, and would do so beside the
transaction, for the same interpreter. So it is let go on first.
"""

from collections.abc import Callable

import trio

MOST_SECONDS = 0.005
"""That an ask waits for others, however many come."""
QUIET_TURNS = 4
"""Turns of the loop without another ask, after which no more is waited for; each takes some 20 us."""


async def gather(asked: Callable[[], int]) -> None:
    """Return once no more is asked for from turn to turn. At once where one ask is alone: it comes from no crowd."""
    before = asked()
    if before < 2:
        return
    until, quiet = trio.current_time() + MOST_SECONDS, 0
    while quiet < QUIET_TURNS and trio.current_time() < until:
        await trio.lowlevel.checkpoint()
        now = asked()
        quiet = quiet + 1 if now == before else 0
        before = now
