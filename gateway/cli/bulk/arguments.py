"""The arguments of `sluice bulk`, and the fields of a message that they stand for."""

import argparse
from pathlib import Path
from typing import Any

from gateway.cli import calls
from gateway.cli.bulk.job import Options
from gateway.cli.bulk.rows import Format
from gateway.cli.calls import CALLERS

_MOST_AT_ONCE = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", type=Path, help="CSV with a header, or NDJSON; `to` or `phone` is the number"
    )
    _add_wording(parser)
    _add_fields(parser)
    sending = parser.add_argument_group("sending")
    sending.add_argument("--batch", type=_whole(1, 100_000), default=500, metavar="N", help="rows a batch (500)")
    at_once = _whole(1, _MOST_AT_ONCE)
    sending.add_argument("--concurrency", type=at_once, default=4, metavar="N", help="batches under way (4)")
    sending.add_argument(
        "--run", dest="run_name", default="", metavar="NAME", help="sends the same file again as another run"
    )
    patience = "how long an absent gateway is waited for (120)"
    sending.add_argument("--patience", type=_seconds, default=120.0, metavar="SECONDS", help=patience)
    sending.add_argument(
        "--format", type=Format, choices=list(Format), metavar="csv|ndjson", help="default: by its name"
    )
    sending.add_argument("--dry-run", action="store_true", help="show what the first rows would become; send nothing")
    telling = parser.add_argument_group("telling")
    telling.add_argument("--wait", action="store_true", help="wait until every accepted message has ended")
    at_most = "wait so long at most (implies --wait)"
    telling.add_argument("--wait-at-most", type=_seconds, metavar="SECONDS", help=at_most)
    telling.add_argument(
        "--errors", type=Path, metavar="FILE.csv", help="write refused rows there, with line and reason"
    )
    telling.add_argument("--json", action="store_true", help="the end as one line of JSON, and no progress")
    calls.add_arguments(parser, CALLERS)


def _add_wording(parser: argparse.ArgumentParser) -> None:
    wording = parser.add_argument_group("text (default: the file's column `text`, as it stands)")
    either = wording.add_mutually_exclusive_group()
    either.add_argument("--template", metavar="TEXT", help="with fields: 'Hi {first_name:there}, your code is {code}.'")
    either.add_argument("--template-name", metavar="NAME", help="a template that the account has")
    wording.add_argument("--locale", metavar="LOCALE", help="the language of a named template")
    wording.add_argument("--spintax", action="store_true", help="{Hello|Hi} in --template is a choice")
    wording.add_argument("--allow-unicode", action="store_true", help="take texts that GSM 03.38 cannot carry")


def _add_fields(parser: argparse.ArgumentParser) -> None:
    fields = parser.add_argument_group("of every message")
    fields.add_argument("--from", dest="sender", metavar="SENDER", help="default: the account's default_sender")
    fields.add_argument("--lane", metavar="LANE", help="default: the account's default_lane")
    fields.add_argument("--tag", metavar="TAG", help="kept with the messages and told in their events")
    fields.add_argument("--schedule", metavar="TIME", help="when to send them: 2027-05-24T09:00:00-05:00")
    fields.add_argument(
        "--validity", type=_whole(1, 10_000_000), metavar="SECONDS", help="how long they may wait to be sent"
    )


def options_of(arguments: argparse.Namespace) -> Options:
    """What the arguments say of every row."""
    fields: dict[str, Any] = {
        "from": arguments.sender,
        "lane": arguments.lane,
        "tag": arguments.tag,
        "schedule": arguments.schedule,
        "validity": arguments.validity,
        "locale": arguments.locale,
        "spintax": arguments.spintax or None,
        "allow_unicode": arguments.allow_unicode or None,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    return Options(arguments.template, arguments.template_name, given, arguments.run_name, arguments.batch)


class _whole:  # noqa: N801 - argparse shows its name
    """A whole number within bounds."""

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most

    def __call__(self, text: str) -> int:
        if text.isdecimal() and self._least <= int(text) <= self._most:
            return int(text)
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {self._least} to {self._most:,}")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if 0 <= seconds < float("inf"):
        return seconds
    raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
