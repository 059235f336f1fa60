"""What the log says while the store can't write: once when it begins, then now and then, and once when it is over.

Times are seconds of any clock that only goes on. Who is told what of it meanwhile is the writer's.
"""

import logging
from pathlib import Path

from gateway.logs import quoted
from gateway.store import faults

log = logging.getLogger("sluice.store")
EVERY_SECONDS = 10.0


class Outage:
    """The one that lasts, or none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._began_at: float | None = None
        self._failed_at = 0.0
        self._ended_at = float("-inf")
        self._told_at = 0.0
        self._failures = 0
        self._comes_and_goes = False

    @property
    def lasts(self) -> bool:
        return self._began_at is not None

    def failed(self, error: Exception, now: float) -> None:
        """A transaction could not be written, and will be tried again."""
        self._failures += 1
        self._failed_at = now
        fault, path = quoted(faults.described(error)), quoted(self._path)
        if self._began_at is None:
            # Where some of what is asked for fits on the disk and some does not, each would be a beginning and an end.
            self._comes_and_goes = now - self._ended_at < EVERY_SECONDS
            self._began_at = self._told_at = now
            self._failures = 1
            log.error("the store can't write, and tries again fault=%s path=%s", fault, path)
        elif now - self._told_at >= EVERY_SECONDS:
            self._told_at = now
            seconds = now - self._began_at
            log.error(
                "the store still can't write failures=%d seconds=%.0f fault=%s path=%s",
                self._failures,
                seconds,
                fault,
                path,
            )

    def wrote(self, now: float) -> None:
        """A transaction went to the disk."""
        if self._began_at is None or (self._comes_and_goes and now - self._failed_at < EVERY_SECONDS):
            return
        log.warning("the store writes again failures=%d seconds=%.1f", self._failures, now - self._began_at)
        self._began_at, self._ended_at = None, now
