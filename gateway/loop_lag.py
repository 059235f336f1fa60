"""How late the event loop is: one task sleeps, and tells by how much it was woken too late."""

from collections.abc import Callable

import trio

EVERY_SECONDS = 0.5


async def watch(observe: Callable[[float], None]) -> None:
    """Tell the lag in seconds until cancelled. Whatever holds the loop, or the processor, shows in it."""
    while True:
        due = trio.current_time() + EVERY_SECONDS
        await trio.sleep_until(due)
        observe(max(0.0, trio.current_time() - due))
