"""The `sluice` command: one file for each subcommand, each with NAME, HELP, add_arguments and run."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

COMMANDS = (
    "run", "check", "doctor", "demo", "simulator", "token", "send", "bulk", "status", "message", "messages",
    "carriers", "queues", "doubts", "events", "campaigns", "opt-out", "audit", "route", "reload", "drain",
    "reconcile", "probe", "trace", "bench", "backup", "restore", "held",
)  # fmt: skip
_BROKEN_PIPE = 141
"""As of a process that SIGPIPE ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, run, and return the exit status."""
    parser = argparse.ArgumentParser(prog="sluice", description="A flow-controlled SMPP gateway.")
    parsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    given = sys.argv[1:] if arguments is None else list(arguments)
    # Only the command that was called for is loaded: the daemon takes a second, and `sluice status` needs none of it.
    for name in given[:1] if given and given[0] in COMMANDS else COMMANDS:
        command = importlib.import_module(f"gateway.cli.{name.replace('-', '_')}")
        sub = parsers.add_parser(name, help=command.HELP, description=command.__doc__)
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    chosen = parser.parse_args(given)
    try:
        status = int(chosen.run(chosen))
        sys.stdout.flush()
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Who reads has seen enough (`| head`); what is still to be flushed at the end must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    return status
