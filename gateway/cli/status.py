"""`sluice status`: how a running gateway stands: what is wrong, what flows, what waits, its carriers and binds."""

import argparse
import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from rich.console import RenderableType
from rich.live import Live
from rich.text import Text

from gateway.cli import tables
from gateway.cli.calls import Caller, NotReachableError, RefusedError
from gateway.cli.flowing import Figures, Flow
from gateway.cli.status_picture import Standing, picture

NAME = "status"
HELP = "carriers, binds, queues and doubts of a running gateway"

_LOOK_EVERY_SECONDS = 1.0
_DOUBTS_SHOWN = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--watch", action="store_true", help="look again each second, until Ctrl-C")
    tables.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with the state on standard output; 1 when no gateway told it."""
    return tables.asked(arguments, lambda caller: _run(caller, arguments))


def _run(caller: Caller, arguments: argparse.Namespace) -> int:
    if arguments.watch:
        return _watch(caller, as_json=arguments.json)
    standing = standing_of(caller)
    if arguments.json:
        print(json.dumps(standing))
    else:
        tables.console().print(picture(standing))
    return 0


def standing_of(caller: Caller) -> Standing:
    """All that is shown, in one object. Raises CallError."""
    doubts = caller.get(f"/admin/doubts?limit={_DOUBTS_SHOWN}")
    standing: dict[str, Any] = {
        **caller.get("/admin/status"),
        "queues": caller.get("/admin/queues")["entities"],
        "doubts": len(doubts["entities"]),
        "more_doubts": doubts["next_cursor"] is not None,
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    return standing


def _watch(caller: Caller, *, as_json: bool) -> int:
    """Goes on while the gateway is away: it may be restarting."""
    console = tables.console()
    now = _Now(caller)
    try:
        if as_json:
            while True:
                print(json.dumps(standing_of(caller)), flush=True)
                time.sleep(_LOOK_EVERY_SECONDS)
        if not console.is_terminal or console.is_dumb_terminal:
            while True:
                console.print(now.picture(), end="\n\n")
                time.sleep(_LOOK_EVERY_SECONDS)
        with Live(now.picture(), console=console, auto_refresh=False) as live:
            while True:
                time.sleep(_LOOK_EVERY_SECONDS)
                live.update(now.picture(), refresh=True)
    except KeyboardInterrupt:
        return 0


class _Now:
    """The picture of the moment, with what flowed since the last ones."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._flow = Flow()

    def picture(self) -> RenderableType:
        try:
            return picture(standing_of(self._caller), self._figures())
        except NotReachableError as failure:
            return Text(str(failure), style="red")

    def _figures(self) -> Figures | None:
        """None: what answers has no metrics, for example behind a proxy that hides them."""
        with suppress(RefusedError):
            return self._flow.look(self._caller.text("/metrics"), time.monotonic())
        return None
