"""A gateway whose lives are forks of one runner (crashing_gateway.py), and which may end itself at a chosen point."""

import os
import re
import signal
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from arrivals import wait_until
from callers import Caller
from child_processes import ChildProcess
from daemons import TOKEN, environment, faults_in, to_toml
from quiet_logs import private_in

_LISTENING = re.compile(r"listening http=(\S+)")
_LOADING_SECONDS = 60.0
"""All of the gateway, on a machine that may be busy."""
_KILLED = str(-signal.SIGKILL.value)


class CrashingGateway(Caller):
    """Its port changes with each life."""

    def __init__(self, folder: Path) -> None:
        super().__init__("", TOKEN)
        self._folder = folder
        self._file = folder / "none"
        self.deaths = 0
        """Since the last `start`."""
        self._pid = 0
        self._since = 0
        arguments = [sys.executable, Path(__file__).with_name("crashing_gateway.py")]
        self._runner = ChildProcess(arguments, folder=folder, environment=environment())
        self._runner.output.wait(lambda line: line == "ready", seconds=_LOADING_SECONDS)

    def configure(self, settings: dict[str, Any], name: str) -> None:
        self._file = self._folder / f"{name}.toml"
        self._file.write_text(to_toml(settings), encoding="utf-8")

    def start(self, plan: str) -> None:
        """A first life. Returns once it listens, or has ended before."""
        self.deaths = 0
        self._start(plan)

    def start_again(self) -> None:
        """Without a plan, if it is dead; it has to have died by its plan."""
        if not self.is_alive:
            assert self.ended == _KILLED, (self.ended, self._runner.errors.all()[-20:])
            self.deaths += 1
            self._start("none")

    def _start(self, plan: str) -> None:
        self._since, said = len(self._runner.output), len(self._runner.errors)
        self._runner.say(f"{plan} {self._file}")
        self._pid = int(self._runner.output.wait(lambda line: line.startswith("started "), after=self._since)[8:])

        def is_up() -> bool:
            found = next(filter(None, map(_LISTENING.search, self._runner.errors.all()[said:])), None)
            self.url = found[1] if found else ""
            return found is not None or not self.is_alive

        wait_until(is_up, f"a gateway under {plan} listens")

    @property
    def ended(self) -> str | None:
        """The exit status of the latest life, if it is over."""
        lines = self._runner.output.all()[self._since :]
        return next((line[6:] for line in lines if line.startswith("ended ")), None)

    @property
    def is_alive(self) -> bool:
        return self.ended is None

    def points(self) -> Counter[str]:
        """What the latest life has counted so far."""
        lines = [line.split() for line in self._runner.output.all()[self._since :] if line.startswith("point ")]
        return Counter(kind for _, kind, _ in lines)

    def faults(self) -> list[str]:
        return faults_in(self._runner.errors.all())

    def kill(self) -> None:
        if self._pid and self.is_alive:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            wait_until(lambda: not self.is_alive, "the gateway is dead")

    def close(self) -> None:
        self.kill()
        self._runner.end()
        assert not (private := private_in(self._runner.errors.all())), "\n".join(private[:20])
