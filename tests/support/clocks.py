"""The wall clock of a gateway's process, which a test moves between two starts of it (tests/preload/clock.c)."""

import time
from datetime import datetime
from pathlib import Path

from disks import compiled

SOURCE = Path(__file__).parents[1] / "preload" / "clock.c"


class Clock:
    """A clock for the processes that are started with `environment`."""

    def __init__(self) -> None:
        """Without a compiler for the library that moves it the test is skipped."""
        self._library = compiled(SOURCE)
        self.ahead_seconds = 0
        """Of this machine's clock."""

    def set(self, moment: datetime) -> None:
        """For processes that are started from now on."""
        self.ahead_seconds = int(moment.timestamp() - time.time())

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self._library), "CLOCK_AHEAD_SECONDS": str(self.ahead_seconds)}
