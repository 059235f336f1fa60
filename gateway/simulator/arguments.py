"""The options as command-line arguments, and back: the same for `sluice simulator` and for its control line `set`."""

import argparse
from collections.abc import Callable
from dataclasses import fields, replace
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from gateway.simulator.message_ids import IdFormat
from gateway.simulator.options import (
    Options,
    OptionsError,
    ReceiptParts,
    ReceiptShape,
    part_numbers,
    share,
    state_share,
    status,
    status_share,
)
from gateway.simulator.receipt_stat import ReceiptStat
from gateway.simulator.spans import seconds, span
from protocol.segments import LongMessages

E = TypeVar("E", bound=Enum)
T = TypeVar("T")

_NAMES = [field.name for field in fields(Options)]
_ABSENT = argparse.SUPPRESS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds every option; one that is not given leaves no trace in the namespace."""
    _add_bind_arguments(parser.add_argument_group("binds"))
    _add_answer_arguments(parser.add_argument_group("answers to submit_sm"))
    _add_receipt_arguments(parser.add_argument_group("receipts"))
    _add_other_arguments(parser.add_argument_group("inbound messages and the rest"))


def options_from(arguments: argparse.Namespace, base: Options) -> Options:
    """`base` with what was given. Raises OptionsError for values that do not go together."""
    given: dict[str, Any] = {name: getattr(arguments, name) for name in _NAMES if hasattr(arguments, name)}
    if hasattr(arguments, "undelivered_share"):
        others = given.get("receipt_states", base.receipt_states)
        kept = [(state, amount) for state, amount in others if state is not ReceiptStat.UNDELIV]
        given["receipt_states"] = [*kept, (ReceiptStat.UNDELIV, arguments.undelivered_share)]
    for name in ("errors", "receipt_states"):
        if name in given:
            given[name] = tuple(given[name])
    return replace(base, **given)


def _add_bind_arguments(group: "argparse._ArgumentGroup") -> None:
    add = _adder(group)
    add("--system-id", help="the only one that may bind; anyone by default")
    add("--password", help="the only one that is right; any by default")
    add("--bind-status", type=_told(status), metavar="STATUS", help="refuse every bind with this command_status")
    add("--never-bind", action=argparse.BooleanOptionalAction, help="never answer a bind")
    add("--silent", action=argparse.BooleanOptionalAction, help="take connections, read, and never say a word")
    add("--unbind-after", type=_told(seconds), metavar="TIME", help="unbind each session so long after its bind")
    add("--enquire-link-idle", type=_told(seconds), metavar="TIME", help="silence before an enquire_link (30s)")
    add("--response-timeout", type=_told(seconds), metavar="TIME", help="how long a deliver_sm waits (60s)")


def _add_answer_arguments(group: "argparse._ArgumentGroup") -> None:
    add = _adder(group)
    add("--latency", type=_told(span), metavar="TIME[-TIME]", help="from a submit_sm to its answer (0)")
    add("--reorder", action=argparse.BooleanOptionalAction, help="let answers leave in another order, within 20 ms")
    add("--max-rate", type=_told(float), metavar="N", help="answers per second and bind: slow, but no throttling")
    add("--throttle-over", type=_told(int), metavar="N", help="submit_sm per second before ESME_RTHROTTLED")
    add("--throttle-share", type=_told(share), metavar="SHARE", help="this share gets ESME_RTHROTTLED")
    help_text = "this share gets that command_status; may be repeated"
    add("--error", dest="errors", action="append", type=_told(status_share), metavar="STATUS=SHARE", help=help_text)
    add("--drop-every", type=_told(int), metavar="N", help="cut each connection at its Nth submit_sm")
    add("--drop-share", type=_told(share), metavar="SHARE", help="cut the connection at this share of submit_sm")
    help_text = "whether the submit_sm that meets the cut was taken (it was)"
    add("--drop-takes", action=argparse.BooleanOptionalAction, help=help_text)
    add("--swallow-share", type=_told(share), metavar="SHARE", help="take this share and never answer it")
    add("--late-answer", type=_told(seconds), metavar="TIME", help="when numbers ending in 000504 are answered (65s)")
    help_text = "let certain endings of numbers choose their outcome (they do)"
    add("--number-outcomes", action=argparse.BooleanOptionalAction, help=help_text)
    add("--id-format", type=_named(IdFormat), metavar="FORMAT", help=_choices(IdFormat))
    add("--first-id", type=_told(int), metavar="N", help="the first message id (1 with --seed, else from the clock)")


def _add_receipt_arguments(group: "argparse._ArgumentGroup") -> None:
    add = _adder(group)
    add("--receipt-delay", type=_told(span), metavar="TIME[-TIME]", help="from the answer to the receipt (0)")
    add("--receipt-share", type=_told(share), metavar="SHARE", help="only this share has receipts")
    help_text = "no receipts at all"
    add("--no-receipts", dest="receipt_share", action="store_const", const=0.0, help=help_text)
    help_text = "this share ends in that state, the rest in DELIVRD; may be repeated"
    repeated: dict[str, Any] = {"action": "append", "metavar": "STATE=SHARE", "help": help_text}
    add("--receipt-state", dest="receipt_states", type=_told(state_share), **repeated)
    add("--undelivered-share", type=_told(share), metavar="SHARE", help="short for --receipt-state UNDELIV=SHARE")
    optional: dict[str, Any] = {"nargs": "?", "const": 1.0, "metavar": "SHARE"}
    add("--receipt-first", type=_told(share), help="receipt before the answer: for all, or this share", **optional)
    add("--duplicate-receipts", type=_told(share), metavar="SHARE", help="this share has its receipt twice")
    add("--receipt-shape", type=_named(ReceiptShape), metavar="SHAPE", help=_choices(ReceiptShape))
    add("--receipt-parts", type=_named(ReceiptParts), metavar="WHICH", help=_choices(ReceiptParts))
    add("--receipt-retry", type=_told(seconds), metavar="TIME", help="until an unacknowledged one comes again (1s)")
    add("--receipt-limit", type=_told(int), metavar="N", help="deliveries kept for one system_id (1000000)")
    add("--deliver-window", type=_told(int), metavar="N", help="unacknowledged deliver_sm on one bind (100)")


def _add_other_arguments(group: "argparse._ArgumentGroup") -> None:
    add = _adder(group)
    add("--inbound", type=_told(int), metavar="N", help="inbound messages to each bind once it is bound")
    add("--inbound-from", metavar="NUMBER", help="their sender")
    add("--inbound-to", metavar="NUMBER", help="their recipient")
    add("--inbound-text", metavar="TEXT", help="their text")
    ways = _choices(LongMessages)
    add("--inbound-long", type=_named(LongMessages), metavar="WAY", help=f"how parts of long ones are joined: {ways}")
    add("--inbound-reference", type=_told(int), metavar="N", help="what joins the parts of all long ones")
    add("--inbound-parts", type=_told(part_numbers), metavar="LIST", help="the parts that come, such as 2,1,1 (all)")
    add("--record", type=Path, metavar="FILE", help="append a JSON line for each segment taken")
    add("--remember", type=_told(int), metavar="N", help="messages remembered to tell the doubled (1000000)")
    add("--seed", type=_told(int), metavar="N", help="make what is left to chance come out the same each time")


def _adder(group: "argparse._ArgumentGroup") -> Callable[..., argparse.Action]:
    def add(flag: str, **keywords: Any) -> argparse.Action:
        return group.add_argument(flag, default=_ABSENT, **keywords)

    return add


def _told(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Lets the user see what a parser says; argparse hides the text of a ValueError."""

    def parse_and_tell(text: str) -> T:
        try:
            return parse(text)
        except (ValueError, OptionsError) as fault:
            raise argparse.ArgumentTypeError(str(fault)) from None

    return parse_and_tell


def _named(enum: type[E]) -> Callable[[str], E]:
    def parse(text: str) -> E:
        try:
            return enum(text)
        except ValueError:
            raise ValueError(f"{text!r} is none of {_choices(enum)}") from None

    return _told(parse)


def _choices(enum: type[Enum]) -> str:
    return ", ".join(str(member.value) for member in enum)
