"""Kannel between the same callers, carrier and sink: bearerbox and smsbox, where they are installed.

Singles by GET, as its callers send them; a dlr-url call for each receipt. Its store is a file or a spool.
"""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.cli.bench.configuration import DELIVERED, Ports
from gateway.cli.bench.latency import paced
from gateway.cli.bench.processes import Child
from gateway.cli.bench.relays import Relay, wait_for_ports
from gateway.cli.bench.requests import Posts, Way
from gateway.cli.bench.row import Context, Figures, Named
from gateway.cli.bench.stage import RECEIPT_SECONDS, free_ports, staged
from gateway.cli.bench.throughput import through

_SENDSMS = "/cgi-bin/sendsms"
_PATHS = ("/usr/sbin", "/usr/local/sbin", "/usr/bin")
KANNEL = Way(_SENDSMS, 1, "front", 32)
_TEXT = """\
group = core
admin-port = {admin}
admin-password = bench
smsbox-port = {boxes}
store-type = {store_type}
store-location = "{store}"
dlr-storage = internal
log-file = "{folder}/bearerbox.out"
log-level = 4

group = smsc
smsc = smpp
smsc-id = telco
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
smsc-username = bench
smsc-password = bench
system-type = ""
max-pending-submits = {window}

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {front}
sendsms-interface = "127.0.0.1"
log-file = "{folder}/smsbox.out"
log-level = 4

group = sendsms-user
username = bench
password = bench
"""


class Kannel(Relay):
    """Both boxes as one relay."""

    def __init__(self, store_type: str, *, receipts: bool, window: int = 50) -> None:
        self.binds = 1
        self.fronts = {}
        self._store_type = store_type
        self._receipts = receipts
        self._window = window
        self._folder = Path()
        self._boxes_port = 0
        self._sink = 0
        self._children: dict[str, Child] = {}

    def write(self, folder: Path, ports: Ports) -> None:
        self._folder, self._sink, self._boxes_port = folder, ports.sink, ports.lean
        self.fronts = {"front": ports.front}
        store = folder / "kannel.store"
        if self._store_type == "spool":
            store.mkdir()
        (admin,) = free_ports(1)
        (folder / "kannel.conf").write_text(
            _TEXT.format(
                admin=admin,
                boxes=ports.lean,
                store_type=self._store_type,
                store=store,
                folder=folder,
                smsc=ports.smsc,
                front=ports.front,
                window=self._window,
            )
        )

    def start(self) -> float:
        began = time.monotonic()
        for name, port in (("bearerbox", self._boxes_port), ("smsbox", self.fronts["front"])):
            child = Child(name, [_program(name) or name, str(self._folder / "kannel.conf")], self._folder)
            self._children[name] = child
            wait_for_ports(child, [port])
        return time.monotonic() - began

    def processes(self) -> dict[str, Child]:
        return self._children

    def posts(self, way: Way, count: int, first: int, **how: Any) -> Posts:
        told = f"http://127.0.0.1:{self._sink}/?type=%d" if self._receipts else ""
        return Posts(way.path, count, first, dlr_url=told)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfKannel(Named):
    """Its singles, as fast as they go, or at a pace where `per_second` is given."""

    store_type: str
    receipts: bool = True
    per_second: int = 0

    def lacks(self) -> str | None:
        return None if all(map(_program, ("bearerbox", "smsbox"))) else "Kannel (bearerbox and smsbox) is not installed"

    def measure(self, context: Context) -> Figures:
        relay, scale = Kannel(self.store_type, receipts=self.receipts), context.scale
        with staged(relay, receipt_seconds=RECEIPT_SECONDS if self.receipts else None) as stage:
            if self.per_second:
                return paced(stage, KANNEL, self.per_second, scale.seconds, scale.warm_up)
            events = DELIVERED if self.receipts else ()
            return through(stage, KANNEL, scale.warm_up, scale.singles, events=events, client_ids=False)


def _program(name: str) -> str | None:
    """Where it is; system folders may not be on a user's path."""
    return shutil.which(name) or next((str(p) for place in _PATHS if (p := Path(place, name)).exists()), None)
