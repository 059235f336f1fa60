"""How long one step of a task holds the loop: while it lasts, nobody else is served."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

import trio


class Holds(trio.abc.Instrument):
    """The longest step of any task."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._began: float | None = None

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._began = time.thread_time()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if self._began is not None:
            self.longest = max(self.longest, time.thread_time() - self._began)


@contextmanager
def watched() -> Iterator[Holds]:
    holds = Holds()
    gc.collect()
    gc.freeze()  # as the daemon does when it has started: what the test run holds is not looked through again
    trio.lowlevel.add_instrument(holds)
    try:
        yield holds
    finally:
        trio.lowlevel.remove_instrument(holds)
        gc.unfreeze()
