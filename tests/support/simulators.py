"""Our own SMSC simulator as its users run it: `sluice simulator` in a process of its own on a free port."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from daemons import environment
from sluice_processes import sluice_process


class Simulator:
    """A running simulator, told what to do by control lines."""

    def __init__(self, folder: Path, *options: str, port: int = 0) -> None:
        """`options` as on the command line, such as `"--latency", "20ms"`; port 0 takes any free port."""
        listen = ["--listen", f"127.0.0.1:{port}"]
        self.process = sluice_process(["simulator", *listen, *options], folder=folder, environment=environment())
        line = self.process.output.wait(lambda line: line.startswith("listening on "))
        self.port = int(line.rpartition(":")[2])

    def ask(self, line: str) -> str:
        """What it says to a control line."""
        said = len(self.process.output)
        self.process.say(line)
        return self.process.output.wait(after=said)

    def set(self, option: str, *value: str) -> None:
        """Change an option while it runs: `simulator.set("throttle-share", "0.5")`."""
        reply = self.ask(" ".join(["set", option, *value]))
        assert reply == "set", reply

    def inbound(self, sender: str, recipient: str, text: str) -> None:
        """Send an inbound message to a bind."""
        reply = self.ask(f"inbound {sender} {recipient} {text}")
        assert reply.startswith("inbound to "), reply

    def figures(self) -> dict[str, Any]:
        """Its counts so far."""
        figures: dict[str, Any] = json.loads(self.ask("figures"))
        return figures

    def stop(self) -> None:
        """SIGTERM; it has to end with 0."""
        self.process.signal(signal.SIGTERM)
        status = self.process.wait()
        assert status == 0, (status, self.process.errors.all())


@contextmanager
def simulating(folder: Path, *options: str, port: int = 0) -> Iterator[Simulator]:
    """A simulator, until the end of the block."""
    simulator = Simulator(folder, *options, port=port)
    try:
        yield simulator
        if simulator.process.is_running:
            simulator.stop()
    finally:
        simulator.process.end()
