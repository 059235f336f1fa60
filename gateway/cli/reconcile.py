"""`sluice reconcile`: what a carrier was handed in a period, as CSV to hold its bill against: by segment, or the sums.

A running gateway is asked. A day is that of --zone; --to names the last day, with all of it.
"""

import argparse
import sys
from contextlib import closing
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.parse import urlencode

from gateway.cli import calls
from gateway.cli.calls import OPERATORS, CallError
from gateway.desk.reconciliation.periods import begin_of, utc
from gateway.rules.timestamps import parse_rfc3339
from gateway.settings.time_zones import zone_named

NAME = "reconcile"
HELP = "write what a carrier was handed in a period as CSV, to hold its bill against"

_SILENCE_SECONDS = 3600.0
"""Without a line: sums come when all is read, and a carrier that was handed little among much is looked for long."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("carrier", metavar="CARRIER", help="its name in the configuration")
    parser.add_argument(
        "--from", dest="after", metavar="DATE", required=True, help="first day, such as 2026-11-01, or a time"
    )
    parser.add_argument("--to", dest="before", metavar="DATE", required=True, help="last day, or a time before which")
    parser.add_argument("--zone", metavar="ZONE", help="of days and times, such as Europe/Madrid (default: UTC)")
    parser.add_argument("--totals", action="store_true", help="sums by day, country and account, not each segment")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where to (default: standard output)")
    calls.add_arguments(parser, OPERATORS)


def run(arguments: argparse.Namespace) -> int:
    """0 with all of it written; 1 when no gateway told it, or not all."""
    try:
        with closing(calls.caller_for(arguments, OPERATORS, timeout_seconds=_SILENCE_SECONDS)) as caller:
            response = caller.open(_path(arguments), timeout=_SILENCE_SECONDS)
            _warn(arguments, response)
            calls.copy(response, arguments.output)
    except HTTPException:
        print("It broke off before its end: what was written is not all. Ask again.", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Who reads has seen enough: main() ends the process as SIGPIPE would, where OSError would be a failure.
        raise
    except (CallError, OSError) as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


def _path(arguments: argparse.Namespace) -> str:
    query = {"carrier": arguments.carrier, "from": arguments.after, "to": arguments.before}
    if arguments.zone:
        query["zone"] = arguments.zone
    query["detail"] = "totals" if arguments.totals else "messages"
    return f"/admin/reconciliation?{urlencode(query)}"


def _warn(arguments: argparse.Namespace, response: HTTPResponse) -> None:
    """Where the period begins before what is kept for certain."""
    complete_from = response.getheader("Complete-From", "")
    edge = parse_rfc3339(complete_from)
    asked = begin_of(arguments.after, zone_named(arguments.zone or "UTC") or utc())
    if edge is not None and asked is not None and asked < edge:
        print(
            f"Not all: messages that ended before {complete_from} are erased (retention.messages), "
            "and what the carrier was handed of them is not in this.",
            file=sys.stderr,
        )
