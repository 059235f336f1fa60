"""`sluice check`: the configuration as the gateway would run with it, or everything that is wrong with it.

Nothing is connected to and nothing is written.
"""

import argparse
import math
import os
import sys
from pathlib import Path

from gateway.cli.toml_text import settings_text
from gateway.settings import Carrier, CarrierMode, ConfigurationError, ignored_variables, load
from gateway.settings.cautions import cautions
from gateway.settings.countries import country_cautions

NAME = "check"
HELP = "print the effective configuration, secrets masked, and what each carrier can take at most"

# A carrier in the next town, and one on another continent or behind a slow SMSC.
_ROUND_TRIPS_MS = (50, 200)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", default=Path("/etc/sluice/sluice.toml"), help="default: %(default)s"
    )


def run(arguments: argparse.Namespace) -> int:
    """0 with the configuration on standard output, which is TOML again; 1 with every problem on standard error.

    Cautions, which are no problems, are told there too.
    """
    try:
        settings = load(arguments.config)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 1
    print(settings_text(settings))
    print("# What each carrier can take at most: binds x window / round trip, and the rate.")
    for carrier in settings.carriers.values():
        print(ceiling(carrier))
    for carrier in settings.carriers.values():
        for caution in cautions(carrier):
            print(f"caution: carriers.{carrier.name}.{caution}", file=sys.stderr)
    for caution in country_cautions(settings):
        print(f"caution: {caution}", file=sys.stderr)
    for name in ignored_variables(os.environ):
        print(f"# The environment variable {name} sets nothing here.")
    return 0


def ceiling(carrier: Carrier) -> str:
    """What a carrier can take at most, as TOML comments. A message takes as many PDUs as it has parts."""
    binds = f"{carrier.binds} bind{'s' if carrier.binds > 1 else ''}"
    if carrier.mode is CarrierMode.TRANSMITTER_AND_RECEIVER:
        binds += " (a transmitter and a receiver each)"
    under_way = carrier.binds * carrier.window
    lines = [f"# {carrier.name}: {binds} x window {carrier.window} = {under_way} PDUs under way; {_rates(carrier)}"]
    for round_trip_ms in _ROUND_TRIPS_MS:
        by_window = under_way * 1000 / round_trip_ms
        limit = _rate_limit(carrier)
        by = "the rate" if limit < by_window else "the window"
        lines.append(f"#   at {round_trip_ms} ms round trip: {min(by_window, limit):_.10g} PDU/s, held by {by}")
    return "\n".join(lines)


def _rate_limit(carrier: Carrier) -> float:
    """PDU/s of all binds together; infinite without a rate."""
    return min(carrier.submit_rate or math.inf, carrier.submit_rate_per_bind * carrier.binds or math.inf)


def _rates(carrier: Carrier) -> str:
    rates = []
    if carrier.submit_rate:
        rates.append(f"submit_rate {carrier.submit_rate:g}")
    if carrier.submit_rate_per_bind:
        rates.append(f"submit_rate_per_bind {carrier.submit_rate_per_bind:g}")
    return " and ".join(rates) if rates else "no rate is set"
