"""`sluice drain`: the gateway takes no new messages and finishes what it has; wait for that, and stop it then.

Callers get 503 `draining` and send again later, or elsewhere. Nothing depends on the wait: what is left is on the disk,
and goes on after the next start.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from gateway.cli import calls
from gateway.cli.calls import OPERATORS, Caller, CallError, NotReachableError, SilentError
from gateway.cli.durations import duration
from gateway.settings.types import format_duration

NAME = "drain"
HELP = "take no new messages and finish what there is; then stop, if asked to"

_LOOK_EVERY_SECONDS = 0.5
_LOOK_AT_RECEIPTS_SECONDS = 5.0
_STOP_SECONDS = 60.0
"""A stop takes 35 s at the worst."""
_LEFT = {
    "queued": "queued",
    "in_flight": "in flight",
    "events_pending": "webhook events to tell",
    "receipts_awaited": "receipts awaited",
}

State = Mapping[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--wait", action="store_true", help="return once nothing is left to do")
    parser.add_argument("--stop", action="store_true", help="end the gateway as SIGTERM does; with --wait, after it")
    parser.add_argument("--undo", action="store_true", help="take messages again")
    parser.add_argument("--receipts", action="store_true", help="wait for the receipts of what was sent, too")
    parser.add_argument(
        "--timeout", type=duration, default=600.0, metavar="TIME", help='wait no longer (default "10m")'
    )
    parser.add_argument("--json", action="store_true", help="what is left as one JSON object, for programs")
    calls.add_arguments(parser, OPERATORS)


def run(arguments: argparse.Namespace) -> int:
    """0 when it is as it was asked for; 1 when the wait ended before, then the gateway goes on draining, or no gateway
    did as it was told."""
    if arguments.undo and (arguments.wait or arguments.stop):
        print("--undo takes messages again: give it without --wait and --stop.", file=sys.stderr)
        return 2
    try:
        with closing(calls.caller_for(arguments, OPERATORS)) as caller:
            return _run(caller, arguments)
    except CallError as failure:
        print(failure, file=sys.stderr)
        return 1


def _run(caller: Caller, arguments: argparse.Namespace) -> int:
    if arguments.undo:
        _tell(caller.delete("/admin/drain"), arguments)
        return 0
    state = caller.post("/admin/drain", {})
    is_done = True
    if arguments.wait:
        state, is_done = _wait(caller, arguments)
    _tell(state, arguments)
    if not is_done:
        waited = format_duration(arguments.timeout)
        print(f"Not done within {waited}. It goes on draining; `sluice drain --undo` ends that.", file=sys.stderr)
        return 1
    return _stop(caller) if arguments.stop else 0


def _wait(caller: Caller, arguments: argparse.Namespace) -> tuple[State, bool]:
    """Until nothing is left, or for so long; what was seen last, and whether nothing is left."""
    ends_at = time.monotonic() + arguments.timeout
    every = _LOOK_AT_RECEIPTS_SECONDS if arguments.receipts else _LOOK_EVERY_SECONDS
    query = "?receipts=true" if arguments.receipts else ""
    is_shown = sys.stderr.isatty() and not arguments.json
    while True:
        state = caller.get(f"/admin/drain{query}")
        left = left_of(state)
        if is_shown:
            print(f"\r\x1b[K{in_words(left)}", end="" if left else "\n", file=sys.stderr, flush=True)
        if not left or time.monotonic() >= ends_at:
            return state, not left
        time.sleep(min(every, max(0.0, ends_at - time.monotonic())))


def left_of(state: State) -> dict[str, int]:
    """What is still to be done; events of endpoints that are not tried stay, whatever is waited for."""
    counts = {name: int(state.get(name, 0)) for name in _LEFT}
    counts["events_pending"] = max(0, counts["events_pending"] - int(state["events_disabled"]))
    return {name: count for name, count in counts.items() if count}


def in_words(left: Mapping[str, int]) -> str:
    """`queued 1,204, in flight 10`."""
    return ", ".join(f"{_LEFT[name]} {count:,}" for name, count in left.items()) or "nothing is left"


def _tell(state: State, arguments: argparse.Namespace) -> None:
    if arguments.json:
        print(json.dumps(state))
    elif not state["draining"]:
        print("The gateway takes messages again.")
    else:
        print(f"The gateway takes no new messages; {in_words(left_of(state))}.")
        if state["in_doubt"]:
            print(f"In doubt: {state['in_doubt']:,}; `sluice doubts` lists them.")


def _stop(caller: Caller) -> int:
    """End it, and wait until it is gone: until nobody answers operators any more."""
    caller.post("/admin/stop", {})
    ends_at = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < ends_at:
        try:
            caller.get("/admin/drain")
        except SilentError:
            continue
        except NotReachableError:
            print("It has stopped.", file=sys.stderr)
            return 0
        time.sleep(_LOOK_EVERY_SECONDS)
    print(f"It has not ended within {_STOP_SECONDS:g} s; its log says what it waits for.", file=sys.stderr)
    return 1
