"""Child processes that are really separate, and are gone when the demo is gone: started, watched, killed, ended.

What they run is told by stage.py.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import trio

END_SECONDS = 3.0
_TAIL_LINES = 12


class DemoFailed(Exception):
    """Something did not go as it must; the text tells what, `log` is the file that may tell why."""

    def __init__(self, text: str, log: Path | None = None) -> None:
        super().__init__(text)
        self.log = log

    def log_tail(self) -> list[str]:
        """The last lines of the log."""
        if self.log is None or not self.log.exists():
            return []
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]


class Child:
    """One `sluice` subcommand as a process of its own, in a session of its own: Ctrl-C reaches the demo alone, which ends it."""

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
        # The demo's configuration is the whole one: nothing of the user's own environment may change it.
        environment = {name: value for name, value in os.environ.items() if not name.upper().startswith("SLUICE_")}
        with self.log.open("ab") as log:
            self._process = await trio.lowlevel.open_process(
                [sys.executable, "-m", "gateway", *self._arguments],
                stdin=subprocess.PIPE if self._speaks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if self._speaks else log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        self._is_wanted = True
        self._heard = b""

    async def watch(self) -> None:
        """Until it is killed or ended by us; raises DemoFailed if it ends by itself."""
        status = await self._running().wait()
        if self._is_wanted:
            raise DemoFailed(f"The {self.name} ended by itself, with status {status}.", self.log)

    async def tell(self, line: str) -> str:
        """Its reply to a control line."""
        stdin = self._running().stdin
        if stdin is None:
            raise DemoFailed(f"The {self.name} takes no lines.")
        try:
            await stdin.send_all(line.encode() + b"\n")
        except trio.BrokenResourceError:
            raise DemoFailed(f"The {self.name} is gone.", self.log) from None
        return await self.hear()

    async def hear(self) -> str:
        """The next line that it prints. Raises DemoFailed when it ends before."""
        stdout = self._running().stdout
        while b"\n" not in self._heard:
            octets = b"" if stdout is None else await stdout.receive_some()
            if not octets:
                raise DemoFailed(f"The {self.name} ended before it said what was waited for.", self.log)
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
            raise DemoFailed(f"The {self.name} was not started.")
        return self._process
