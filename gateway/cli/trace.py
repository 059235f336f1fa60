"""`sluice trace`: what passes between a running gateway and one of its carriers, as lines or as a capture file.

Numbers and texts are redacted unless --show is given, which the gateway's audit records; passwords are never shown.
"""

import argparse
import os
import sys
import time
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.parse import quote, urlencode

from gateway.cli import calls
from gateway.cli.calls import OPERATORS, CallError
from gateway.cli.configured import operator_token, operators_url
from gateway.settings import ConfigurationError, Operator, load
from gateway.settings.secrets import SecretFiles

NAME = "trace"
HELP = "show the PDUs of a carrier of a running gateway as they pass"

_SILENCE_SECONDS = 5.0
"""How long after its time a trace may take to end."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("carrier", metavar="CARRIER", help="its name in the configuration")
    parser.add_argument("--pcap", type=Path, metavar="FILE", help="write a capture file for Wireshark instead of lines")
    parser.add_argument("--show", action="store_true", help="with numbers and texts; the gateway's audit records it")
    parser.add_argument(
        "--seconds", type=int, metavar="N", help="end after so long, by default 24 h, which is the most"
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="take address and token from the gateway's configuration"
    )
    calls.add_arguments(parser, OPERATORS)


def run(arguments: argparse.Namespace) -> int:
    """0 once ended, by time or Ctrl-C; 1 where no gateway told it or it broke off; 2 for a wrong configuration."""
    try:
        if arguments.config is not None:
            _fill_in(arguments, load(arguments.config).operator)
        caller = calls.caller_for(arguments, OPERATORS)
        limit = None if arguments.seconds is None else arguments.seconds + _SILENCE_SECONDS
        response = caller.open(_path(arguments), timeout=limit)
        _copied(response, arguments.pcap)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    except HTTPException:
        print("The trace broke off: the gateway is gone.", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Who reads has seen enough: main() ends the process as SIGPIPE would, where OSError would be a failure.
        raise
    except (CallError, OSError) as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


def _fill_in(arguments: argparse.Namespace, operator: Operator) -> None:
    """Address and token of the operators' listener, where they are not given otherwise. Raises CallError."""
    if arguments.url is None:
        arguments.url = operators_url(operator)
    if arguments.token is None and os.environ.get(OPERATORS.token_variable) is None:
        arguments.token = operator_token(operator, SecretFiles.of(arguments.config, os.environ))


def _path(arguments: argparse.Namespace) -> str:
    query = {"format": "lines" if arguments.pcap is None else "pcap"}
    if arguments.show:
        query["show"] = "true"
    if arguments.seconds is not None:
        query["seconds"] = str(arguments.seconds)
    return f"/admin/carriers/{quote(arguments.carrier, safe='')}/trace?{urlencode(query)}"


def _copied(response: HTTPResponse, pcap: Path | None) -> None:
    """Until the gateway ends it, or Ctrl-C."""
    began = time.monotonic()
    try:
        calls.copy(response, pcap)
    except KeyboardInterrupt:
        print(file=sys.stderr)
    if pcap is not None:
        print(f"{pcap}: traced for {time.monotonic() - began:.0f} s", file=sys.stderr)
