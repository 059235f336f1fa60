"""How much memory a process takes, each second, over all its lives."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_EVERY_SECONDS = 1.0


class MemoryLog:
    """RSS in MiB; a list for each process."""

    def __init__(self) -> None:
        self.lives: dict[int, list[float]] = {}

    @contextmanager
    def watching(self, pid: Callable[[], int | None]) -> Iterator[None]:
        """`pid`: of the process that runs now, if any does."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(_EVERY_SECONDS):
                running = pid()
                rss = None if running is None else rss_mib(running)
                if running is not None and rss is not None:
                    self.lives.setdefault(running, []).append(rss)

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def lasts(self) -> list[int]:
        """What each process took when it was looked at last."""
        return [round(samples[-1]) for samples in self.lives.values()]

    def most(self) -> int:
        """By any of them, at any time."""
        return round(max(max(samples) for samples in self.lives.values()))


def rss_mib(pid: int) -> float | None:
    """Resident memory (proc(5), VmRSS); None once the process is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    found = next((line for line in status.splitlines() if line.startswith("VmRSS:")), None)
    return None if found is None else int(found.split()[1]) / 1024
