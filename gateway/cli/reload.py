"""`sluice reload`: the running gateway reads its configuration again, as on SIGHUP, and says what has changed."""

import argparse
import json
import sys
from contextlib import closing

from gateway.cli import calls
from gateway.cli.calls import OPERATORS, CallError, RefusedError

NAME = "reload"
HELP = "let the running gateway read its configuration again"

_TIMEOUT_SECONDS = 120.0
"""Ten thousand routes are read and checked in some seconds, and reloads wait for each other."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="what changed as one JSON object, for programs")
    calls.add_arguments(parser, OPERATORS)


def run(arguments: argparse.Namespace) -> int:
    """0 when the configuration is in force; 1 when it is wrong and nothing has changed, or no gateway answered."""
    try:
        with closing(calls.caller_for(arguments, OPERATORS, timeout_seconds=_TIMEOUT_SECONDS)) as caller:
            done = caller.post("/admin/reload", {})
    except CallError as failure:
        print(failure, file=sys.stderr)
        for problem in failure.problem.get("problems", ()) if isinstance(failure, RefusedError) else ():
            print(f"- {problem}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(done))
        return 0
    for line in done["changed"]:
        print(line)
    for line in done["needs_restart"]:
        print(f"needs a restart: {line}")
    if not done["changed"] and not done["needs_restart"]:
        print("Nothing has changed.")
    return 0
