"""How many messages are in doubt, looked up now and then, so that no scrape of the metrics asks the disk."""

import logging
import sqlite3
from collections.abc import Awaitable, Callable

import trio

from gateway.logs import quoted
from gateway.store import faults

log = logging.getLogger("sluice.store")
EVERY_SECONDS = 5.0


class DoubtsSeen:
    """As of the last look."""

    def __init__(self) -> None:
        self.count = 0

    async def watch(self, look: Callable[[], Awaitable[int]]) -> None:
        """Look until cancelled; while it can't be, the count stays."""
        while True:
            try:
                self.count = await look()
            except sqlite3.Error as error:
                log.warning("messages in doubt can't be counted fault=%s", quoted(faults.described(error)))
            await trio.sleep(EVERY_SECONDS)
