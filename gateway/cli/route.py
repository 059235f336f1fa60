"""`sluice route`: where a message to a number would go, and why, line by line.

It asks a running gateway, which knows how its carriers stand; with `--config` it tells by a configuration alone.
"""

import argparse
import json
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import trio

from gateway.cli import calls
from gateway.cli.calls import OPERATORS, CallError
from gateway.flows.explain import Explainer, RouteQuestion, all_able
from gateway.flows.number_facts import NumberFacts
from gateway.rules.faults import ItemErrors
from gateway.settings import ConfigurationError, load

NAME = "route"
HELP = "explain which carrier a message to a number would go to, and why"
_FACTS = ("account", "lane", "sender", "tag", "campaign")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", metavar="NUMBER", help="as a caller writes it: +34600000001")
    parser.add_argument("--account", help="whose message it is; needed where there are several")
    parser.add_argument("--lane", help="default: the account's default lane")
    parser.add_argument("--sender", help="default: the account's default sender")
    parser.add_argument("--tag", help="default: none")
    parser.add_argument("--campaign", help="name of a campaign; default: none")
    parser.add_argument("--json", action="store_true", help="an object, for programs")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="tell by this configuration, all carriers taken as able"
    )
    calls.add_arguments(parser, OPERATORS)


def run(arguments: argparse.Namespace) -> int:
    """0 where a route takes it; 1 where none does or something is wrong with what was asked."""
    given = {name: value for name in _FACTS if (value := getattr(arguments, name)) is not None}
    if arguments.config is not None:
        return _offline(arguments, given)
    query = urlencode({"number": arguments.number, **given})
    try:
        with closing(calls.caller_for(arguments, OPERATORS)) as caller:
            said = caller.get(f"/admin/route?{query}")
    except CallError as failure:
        print(failure, file=sys.stderr)
        return 1
    return _shown(said["route"], said["lines"], as_json=arguments.json)


def _offline(arguments: argparse.Namespace, given: dict[str, str]) -> int:
    try:
        settings = load(arguments.config)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 1
    explainer = Explainer(settings, NumberFacts(settings.lookup), all_able)
    found = trio.run(explainer.explain, RouteQuestion(arguments.number, **given))
    if isinstance(found, ItemErrors):
        for field, reasons in found.fields.items():
            for reason in reasons:
                print(f"{field} {reason}", file=sys.stderr)
        return 1
    return _shown(found.route, found.lines, as_json=arguments.json)


def _shown(route: str | None, lines: list[str], *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"route": route, "lines": lines}))
    else:
        print("\n".join(lines))
    return 0 if route is not None else 1
