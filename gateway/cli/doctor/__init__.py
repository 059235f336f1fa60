"""`sluice doctor`: looks at everything that a gateway needs, and says of each thing what is wrong and what to do.

Nothing is changed and no message is sent. Beside a running gateway it asks that one; it binds only where it is told to.
"""

import argparse
import json
import sys
from pathlib import Path

import trio

from gateway.cli.doctor import configuration, versions
from gateway.cli.doctor.case import Case
from gateway.cli.doctor.findings import Finding, Verdict, as_json, in_lines
from gateway.cli.doctor.rounds import CHECKS, round_of
from gateway.settings import ConfigurationError, load

NAME = "doctor"
HELP = "look at configuration, disk, clock, names, TLS, binds and webhooks, and tell what to do about each finding"
WELL, FAULTS, WRONG_CONFIGURATION = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", default=Path("/etc/sluice/sluice.toml"), help="default: %(default)s"
    )
    parser.add_argument("--json", action="store_true", help="as one line of JSON, for programs")
    parser.add_argument(
        "--bind", action="store_true", help="where no gateway runs: bind once to each carrier, and unbind"
    )
    parser.add_argument(
        "--only", action="append", choices=list(CHECKS), metavar="CHECK", help=f"one of {', '.join(CHECKS)}; repeatable"
    )
    parser.add_argument("--token", metavar="TOKEN", help="of an operator, to ask a running gateway")


def run(arguments: argparse.Namespace) -> int:
    """0 without faults, 1 with some, 2 where the configuration itself is wrong."""
    only = arguments.only or []
    try:
        settings = load(arguments.config)
    except ConfigurationError as error:
        _tell([*configuration.faults(error), *versions.found()], as_one_line=arguments.json)
        return WRONG_CONFIGURATION
    case = Case(
        arguments.config.absolute(),
        settings,
        may_bind=arguments.bind,
        thoroughly=bool(only),
        token=arguments.token,
    )
    found = trio.run(round_of, case, only)
    _tell(found, as_one_line=arguments.json)
    return FAULTS if any(finding.verdict is Verdict.FAULT for finding in found) else WELL


def _tell(found: list[Finding], *, as_one_line: bool) -> None:
    if as_one_line:
        print(json.dumps(as_json(found)))
        return
    for line in in_lines(found):
        print(line)
    faults = sum(finding.verdict is Verdict.FAULT for finding in found)
    warnings = sum(finding.verdict is Verdict.WARNING for finding in found)
    print(f"\n{_count(faults, 'fault')}, {_count(warnings, 'warning')}", file=sys.stderr)


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
