"""The bench's child processes: started, asked, and gone when the bench is; and what a process costs, from /proc.

What runs in them is told by stage.py. CPU is user + system of all threads, those that ended as well, and of children
that ended (proc(5), stat).
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gateway

_TICKS = os.sysconf("SC_CLK_TCK")
_END_SECONDS = 20.0
_TAIL_OCTETS = 1_500
INTERPRETER = (sys.executable, "-P")


class BenchError(Exception):
    """A run did not come to its end: the text tells what happened."""


class Child:
    """One process; what it writes to standard error goes to a file, its lines are read one by one."""

    def __init__(
        self, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - commands of ours
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=dict(environment or our_environment()),
                cwd=folder,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def tell(self, line: str) -> None:
        """Without waiting for the reply."""
        if self._process.stdin is None or self._process.stdin.closed:
            raise BenchError(f"{self.name} is gone: {self.tail()}")
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise BenchError(f"{self.name} is gone: {self.tail()}") from None

    def hear(self) -> str:
        """Its next line. Raises BenchError when it ends before."""
        line = "" if self._process.stdout is None else self._process.stdout.readline()
        if not line:
            raise BenchError(f"{self.name} ended: {self.tail()}")
        return line.rstrip("\n")

    def ask(self, line: str) -> dict[str, Any]:
        """Its reply, an object of JSON."""
        self.tell(line)
        told: dict[str, Any] = json.loads(self.hear())
        return told

    def tail(self) -> str:
        """The end of its log, which may tell why."""
        return self.log.read_text("utf-8", "replace")[-_TAIL_OCTETS:].strip()

    def kill(self) -> None:
        """`kill -9`, and wait until it is dead."""
        self._process.kill()
        self._process.wait()
        self._close()

    def end(self) -> None:
        """SIGTERM, and SIGKILL for one that does not heed it."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close()

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs a module of ours; `name` is gateway's or one of this package's."""
    return [*INTERPRETER, "-m", name, *arguments]


def our_environment(tree: Path | None = None) -> dict[str, str]:
    """With the code that runs here, or that of another checkout; nothing of the user's settings may change a run."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("SLUICE_")}
    root = tree or Path(gateway.__file__).parents[1]
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, [str(root), kept.get("PYTHONPATH")]))}


def cpu_seconds(pids: Iterable[int]) -> float:
    """User + system of these processes so far. Raises BenchError where one is gone."""
    spent = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            raise BenchError(f"process {pid} is gone") from None
        spent += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime
    return spent / _TICKS


def thread_seconds(pid: int) -> dict[int, float]:
    """CPU of each thread that lives, by its number; the first one's is the process's."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {int(task.name): int((task / "schedstat").read_text().split()[0]) / 1e9 for task in tasks}


def waited_seconds(pids: Iterable[int]) -> float:
    """How long the threads that these processes have were ready to run while others had the cores."""
    files = [task / "schedstat" for pid in pids for task in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int(file.read_text().split()[1]) for file in files) / 1e9


def rss_mib(pids: Iterable[int], field: str = "VmRSS") -> float:
    """Resident memory of these processes together; with `VmHWM` the most that each ever had (proc(5), status)."""
    total = 0
    for pid in pids:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        total += next((int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0)
    return total / 1024
