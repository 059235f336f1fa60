"""Child processes that are really separate, and are gone when the demo is gone: started, watched, killed, ended.

What they run is told by stage.py.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import trio

import gateway

END_SECONDS = 3.0
_TAIL_LINES = 12


class DemoError(Exception):
    """Something did not go as it must: the text tells what, `log_tail` has the end of the log that may tell why."""

    def __init__(self, text: str, log: Path | None = None) -> None:
        super().__init__(text)
        # Read at once: the log goes with the demo's folder.
        exists = log is not None and log.exists()
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log and exists else []
        self.log_tail = lines[-_TAIL_LINES:]


class Child:
    """One `sluice` subcommand as a process in a session of its own: Ctrl-C reaches the demo alone, which ends it."""

    def __init__(self, name: str, arguments: Sequence[str], log: Path, *, speaks: bool = False) -> None:
        """`speaks`: it takes control lines on standard input and replies; else all that it prints goes to its log."""
        self.name = name
        self.log = log
        self._speaks = speaks
        self._arguments = arguments
        self._process: trio.Process | None = None
        self._is_wanted = False
        self._heard = b""

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        return self._running().pid

    async def start(self) -> None:
        """Start it; what it logs is appended to its log."""
        with self.log.open("ab") as log:
            self._process = await trio.lowlevel.open_process(
                [sys.executable, "-P", "-m", "gateway", *self._arguments],
                stdin=subprocess.PIPE if self._speaks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if self._speaks else log,
                stderr=log,
                env=_environment(),
                start_new_session=True,
            )
        self._is_wanted = True
        self._heard = b""

    async def watch(self) -> None:
        """Until it is killed or ended by us; raises DemoError if it ends by itself."""
        status = await self._running().wait()
        if self._is_wanted:
            raise DemoError(f"The {self.name} ended by itself, with status {status}.", self.log)

    async def tell(self, line: str) -> str:
        """Its reply to a control line."""
        stdin = self._running().stdin
        if stdin is None:
            raise DemoError(f"The {self.name} takes no lines.")
        try:
            await stdin.send_all(line.encode() + b"\n")
        except trio.BrokenResourceError:
            raise DemoError(f"The {self.name} is gone.", self.log) from None
        return await self.hear()

    async def hear(self) -> str:
        """The next line that it prints. Raises DemoError when it ends before."""
        stdout = self._running().stdout
        while b"\n" not in self._heard:
            octets = b"" if stdout is None else await stdout.receive_some()
            if not octets:
                raise DemoError(f"The {self.name} ended before it said what was waited for.", self.log)
            self._heard += octets
        line, _, self._heard = self._heard.partition(b"\n")
        return line.decode(errors="replace")

    async def kill(self) -> None:
        """`kill -9`, and wait until it is dead."""
        self._is_wanted = False
        process = self._running()
        process.kill()
        await process.wait()

    async def end(self) -> None:
        """SIGTERM, and SIGKILL for one that does not heed it in time. Whatever happens, it is dead afterwards."""
        self._is_wanted = False
        process = self._process
        if process is None:
            return
        with trio.CancelScope(shield=True):
            process.terminate()
            with trio.move_on_after(END_SECONDS):
                await process.wait()
            process.kill()
            await process.wait()

    def kill_now(self) -> None:
        """The last resort, without a loop."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    def _running(self) -> trio.Process:
        if self._process is None:
            raise DemoError(f"The {self.name} was not started.")
        return self._process


def _environment() -> dict[str, str]:
    """Ours, so that the very same code runs; but nothing of the user's settings may change the demo's."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("SLUICE_")}
    places = [str(Path(gateway.__file__).parents[1]), *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(places)}
