"""`sluice bench profile`: where the microseconds of a message go, stage by stage, in the whole gateway under load.

By py-spy, which looks from outside: a thread within would see the others mostly where they let the interpreter go.
Shares of the samples, times the CPU that the gateway took, by messages. Stages are told apart in stages.py.
"""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from gateway.cli.bench.configuration import Shape
from gateway.cli.bench.figures import medians
from gateway.cli.bench.processes import BenchError, Child, thread_seconds
from gateway.cli.bench.relays import Sluice
from gateway.cli.bench.requests import Way
from gateway.cli.bench.row import Context, Figures
from gateway.cli.bench.scale import Scale
from gateway.cli.bench.stage import staged
from gateway.cli.bench.stages import REST, STAGES, stage_of
from gateway.cli.bench.throughput import BULK_500, LEAN, SINGLE

_RATE = "200"
_TAIL_CHARACTERS = 500
_SETTLE_SECONDS = 1.0
_IDLE = {"get_events", "_connection_worker_thread", "_work", "wait", "_wait_for_tstate_lock"}
"""Functions in which a thread waits, innermost: their samples are left out."""


class Stages(dict[str, float]):
    """CPU seconds by stage."""

    def add(self, other: "Stages") -> "Stages":
        """Both together, in this one."""
        for stage, seconds in other.items():
            self[stage] = self.get(stage, 0.0) + seconds
        return self


Profile = dict[str, Figures]
"""Stages with their microseconds, by way and gateway."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is looked at."""

    name: str
    way: Way
    count: Callable[[Scale], int]


TRAFFIC = (
    Traffic("bulk of 500", BULK_500, lambda scale: scale.bulk),
    Traffic("singles", SINGLE, lambda scale: scale.singles // 4),
    Traffic("singles, submit_listen", LEAN, lambda scale: scale.singles),
)


def profiled(
    gateways: Sequence[tuple[str, Context]],
    runs: int,
    say: Callable[[str], None],
    kinds: Sequence[Traffic] = TRAFFIC,
) -> Profile:
    """Medians of `runs`, gateways by turns. Raises BenchError where py-spy is absent."""
    spy = py_spy()
    seen: dict[str, list[Figures]] = {}
    for _ in range(runs):
        for traffic in kinds:
            for name, context in gateways:
                try:
                    figures = _once(traffic, context, spy, say)
                except BenchError as failure:
                    say(f"{traffic.name}, {name}: left out, {failure}")
                    continue
                seen.setdefault(f"{traffic.name}, {name}", []).append(figures)
                say(f"{traffic.name}, {name}: {figures['all']:.0f} µs a message")
    return {title: medians(one) for title, one in seen.items()}


def table_of(profile: Profile) -> Table:
    """A stage a line."""
    table = Table("µs a message")
    for title in profile:
        table.add_column(title, justify="right")
    for stage in (*STAGES, REST, "all"):
        values = [figures.get(stage) for figures in profile.values()]
        table.add_row(stage, *("" if value is None else f"{value:.1f}" for value in values))
    return table


def py_spy() -> str:
    """Where it is, on the path or beside this interpreter."""
    spy = shutil.which("py-spy") or shutil.which("py-spy", path=str(Path(sys.executable).parent))
    if spy is None:
        raise BenchError("the profile is py-spy's, which is not installed: `pip install py-spy`, into any environment")
    return spy


def _once(traffic: Traffic, context: Context, spy: str, say: Callable[[str], None]) -> Figures:
    scale = context.scale
    count = traffic.count(scale)
    with staged(Sluice(Shape(), context.tree)) as stage:
        stage.post(traffic.way, scale.warm_up)
        stage.wait_for_events(scale.warm_up)
        gateway = stage.relay.processes()["gateway"]
        call = stage.call(traffic.way, count, scale.warm_up)
        say(f"{traffic.name}: the gateway is process {gateway.pid}")
        end = _spied(spy, gateway, stage.folder)
        before = stage.spent()
        call.begin()
        call.outcome()
        stage.wait_for_events(scale.warm_up + count, 300)
        each = stage.spent().each(before, count)["gateway_us"]
        shares = end()
    total = sum(shares.values()) or 1.0
    return {**{name: weight / total * each for name, weight in shares.items()}, "all": each}


def _spied(spy: str, gateway: Child, folder: Path) -> Callable[[], Stages]:
    """By py-spy, as lines of `frame;frame;frame count`, each `function (file)`. Raises BenchError where it can't."""
    file, log = folder / "stacks.raw", folder / "py-spy.log"
    command = [spy, "record", "--pid", str(gateway.pid), "--rate", _RATE, "--format", "raw", "--nolineno"]
    command += ["--full-filenames", "--duration", "3600", "--output", str(file)]
    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - the py-spy that was found
            command, stdout=said, stderr=said, start_new_session=True
        )
    time.sleep(_SETTLE_SECONDS)
    if process.poll() is not None:  # as where the kernel lets nobody but root look at another's process
        raise BenchError(f"py-spy ended: {log.read_text('utf-8', 'replace')[-_TAIL_CHARACTERS:].strip()}")
    before = thread_seconds(gateway.pid)

    def end() -> Stages:
        after = thread_seconds(gateway.pid)
        process.send_signal(signal.SIGINT)
        process.wait(60)
        main: list[tuple[list[str], int]] = []
        others: list[tuple[list[str], int]] = []
        for line in file.read_text("utf-8").splitlines():
            frames, _, count = line.rpartition(" ")
            stack = [_frame(frame) for frame in frames.split(";")]
            (others if stack[0].endswith("._bootstrap") else main).append((stack, int(count)))
        spent = {thread: seconds - before.get(thread, 0.0) for thread, seconds in after.items()}
        first = spent.pop(gateway.pid)
        return _shares(first, main).add(_shares(sum(spent.values()), others))

    return end


def _shares(cpu_seconds: float, stacks: Iterable[tuple[list[str], int]]) -> Stages:
    """CPU seconds by stage: a thread that waits for the interpreter is seen as often as one that runs, so what counts
    is the CPU that the threads took, shared out by their samples."""
    busy = [(stack, n) for stack, n in stacks if stack[-1].rpartition(":")[2].rpartition(".")[2] not in _IDLE]
    samples = sum(n for _, n in busy) or 1
    shares = Stages()
    for stack, n in busy:
        shares.add(Stages({stage_of(stack): cpu_seconds * n / samples}))
    return shares


def _frame(told: str) -> str:
    """`function (file)` as `file:function`."""
    function, _, file = told.rpartition(" (")
    return f"{file.rstrip(')')}:{function}"
