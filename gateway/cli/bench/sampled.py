"""The gateway with a sampler in it: `python -m gateway.cli.bench.sampled run --config FILE`, for a profile by stage.

For where py-spy is not installed. A thread looks at the stacks of the others; control lines `go` and `stop` come on
standard input, samples go to standard output: each thread's CPU seconds meanwhile, and its stacks with their counts.
"""

import json
import os
import sys
import threading
import time
from collections import Counter
from types import FrameType

from gateway.cli import main as sluice
from gateway.cli.bench.control import say
from gateway.cli.bench.processes import thread_seconds

_EVERY_SECONDS = 0.003


def stack_of(frame: FrameType | None) -> tuple[str, ...]:
    """`FILE:FUNCTION`, the outermost first."""
    frames = []
    while frame is not None:
        frames.append(f"{frame.f_code.co_filename}:{frame.f_code.co_name}")
        frame = frame.f_back
    return tuple(reversed(frames))


class Sampler:
    """All threads but its own, from `go` to `stop`."""

    def __init__(self) -> None:
        self._stacks: dict[int, Counter[tuple[str, ...]]] = {}
        self._is_on = threading.Event()

    def start(self) -> None:
        for work in (self._look, self._obey):
            threading.Thread(target=work, daemon=True).start()

    def _obey(self) -> None:
        before: dict[int, float] = {}
        for line in sys.stdin:
            if line.strip() == "go":
                before = thread_seconds(os.getpid())
                self._is_on.set()
                say("{}")
            else:
                self._is_on.clear()
                after = thread_seconds(os.getpid())
                say(json.dumps([self._told(ident, before, after) for ident in list(self._stacks)]))

    def _told(self, ident: int, before: dict[int, float], after: dict[int, float]) -> dict[str, object]:
        native = next((t.native_id for t in threading.enumerate() if t.ident == ident), None) or 0
        cpu = after.get(native, 0.0) - before.get(native, 0.0)
        return {"cpu_seconds": cpu, "stacks": [[list(stack), n] for stack, n in self._stacks[ident].items()]}

    def _look(self) -> None:
        own = threading.get_ident()
        while True:
            self._is_on.wait()
            time.sleep(_EVERY_SECONDS)
            for ident, frame in sys._current_frames().items():
                if ident != own:
                    self._stacks.setdefault(ident, Counter())[stack_of(frame)] += 1


def main() -> int:
    """As `sluice`."""
    Sampler().start()
    return sluice(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
