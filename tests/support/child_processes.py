"""One process beside the test: its lines are read as they come, and it never outlives the test."""

import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from arrivals import PATIENCE_SECONDS, Arrivals


class ChildProcess:
    """A process whose standard output and standard error arrive as lines."""

    def __init__(
        self,
        arguments: Sequence[str | Path],
        *,
        folder: Path,
        environment: dict[str, str],
        on_output: Callable[[str], None] = lambda line: None,
        on_end: Callable[[], None] = lambda: None,
        pass_fds: Sequence[int] = (),
        spawn: Callable[[], Any] | None = None,
    ) -> None:
        """`on_output` gets each line of standard output, in the thread that reads it; `on_end` is told of its end.

        `spawn` starts it in another way than subprocess.Popen, and gives what can do the same.
        """
        name = Path(arguments[0]).name
        self.output: Arrivals[str] = Arrivals(f"output of {name}")
        self.errors: Arrivals[str] = Arrivals(f"errors of {name}")
        self._process = spawn() if spawn else _started(arguments, folder, environment, pass_fds)
        self._pumps = [
            threading.Thread(target=_pump, args=(self._process.stdout, self.output, on_output, on_end), daemon=True),
            threading.Thread(target=_pump, args=(self._process.stderr, self.errors), daemon=True),
        ]
        for pump in self._pumps:
            pump.start()

    @property
    def pid(self) -> int:
        pid: int = self._process.pid
        return pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def say(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Its exit status, once it has ended and all it said was read."""
        status: int = self._process.wait(seconds)
        for pump in self._pumps:
            pump.join(seconds)
        if self._process.stdin is not None and not self._process.stdin.closed:
            with suppress(BrokenPipeError):  # what was still to be written has no reader any more
                self._process.stdin.close()
        return status

    def end(self) -> None:
        """SIGKILL, unless it has ended by itself."""
        if self.is_running:
            self._process.kill()
        self.wait()


def _started(
    arguments: Sequence[str | Path], folder: Path, environment: dict[str, str], pass_fds: Sequence[int]
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(argument) for argument in arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=environment,
        pass_fds=pass_fds,
        text=True,
        encoding="utf-8",
        errors="replace",
    )


def _pump(
    stream: IO[str],
    lines: Arrivals[str],
    on_line: Callable[[str], None] = lambda line: None,
    on_end: Callable[[], None] = lambda: None,
) -> None:
    with stream:
        for line in stream:
            lines.add(line.rstrip("\n"))
            on_line(line)
    lines.end()
    on_end()
