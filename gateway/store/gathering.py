"""Waiting for asks that are on their way: a transaction of thirty POSTs costs hardly more than one of ten.

While callers come many at a time, each turn of Trio's loop reads some more of them, and would do so beside the
transaction, for the same interpreter. So it is let go on first.
"""

import trio

from gateway.store.pending import Pending

MOST_SECONDS = 0.005
"""That an ask waits for others, however many come; with the turn of the loop that it ends in."""
QUIET_TURNS = 4
QUIET_SECONDS = 0.001
"""Turns of the loop, and a time, without another ask; after the first of the two no more is waited for."""


async def gather(asks: Pending) -> None:
    """Return once no more comes from turn to turn, or all that a transaction takes is there.

    At once where one ask is alone: it comes from no crowd.
    """
    before = asks.count()
    if before < 2:
        return
    now = trio.current_time()
    until, heard, quiet = now + MOST_SECONDS, now, 0
    while quiet < QUIET_TURNS and now < until and now - heard < QUIET_SECONDS and not asks.is_full():
        await trio.lowlevel.checkpoint()
        now, count = trio.current_time(), asks.count()
        if count == before:
            quiet += 1
        else:
            before, heard, quiet = count, now, 0
