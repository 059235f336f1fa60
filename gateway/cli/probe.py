"""`sluice probe`: binds once with a carrier's settings, sends test messages to a number if given, and tells.

The bind is one of its own, beside those of a running gateway: it can take the place of one of them where the carrier
counts binds. Nothing is written but the profile, where a file is named for it.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import TextIO

import trio

from gateway.cli import probe_alphabets, probe_profile, probe_trials
from gateway.cli.durations import duration
from gateway.cli.probe_lessons import findings, profile, remedy, shown
from gateway.cli.probe_link import ProbeLink, bound
from gateway.cli.probe_observed import Observed, Trial
from gateway.settings import Carrier, ConfigurationError, Settings, load
from gateway.store.examined import owner
from protocol.errors import LocalProtocolError
from protocol.pdus import QuerySm, SubmitSm

NAME = "probe"
HELP = "bind to a carrier once, send test messages if a number is given, and tell what was learned"
LEARNED, NOT_BOUND, USAGE = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("carrier", metavar="CARRIER", help="its name in the configuration")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the configuration")
    parser.add_argument(
        "--to", metavar="NUMBER", help="a phone of your own: test messages are sent to it, and cost money"
    )
    parser.add_argument("--from", dest="sender", metavar="SENDER", default="Sluice", help="their sender (%(default)s)")
    parser.add_argument("--long", action="store_true", help="send a message of two parts too, by each way to join them")
    parser.add_argument("--alphabets", action="store_true", help="send a text that tells with each data_coding too")
    parser.add_argument("--ask", action="store_true", help="ask what the phone shows of those, and learn the alphabet")
    parser.add_argument(
        "--pace", type=int, metavar="N", default=0, help="send up to N more, ever faster, to see when it throttles"
    )
    parser.add_argument("--wait", type=duration, metavar="TIME", default=60.0, help='for receipts (default "60s")')
    parser.add_argument("--toml", type=Path, metavar="FILE", help="write the profile into this file")
    parser.add_argument("--yes", action="store_true", help="do not ask before sending, nor beside a running gateway")


def run(arguments: argparse.Namespace) -> int:
    """0 with what was learned on standard output, 1 when it could not bind, 2 for what was asked wrongly."""
    try:
        settings = load(arguments.config)
        carrier = settings.carriers[arguments.carrier]
        messages = _messages(carrier, arguments)
    except ConfigurationError as error:
        return _refused(str(error))
    except KeyError:
        return _refused(f"There is no carrier {arguments.carrier}; there are {', '.join(sorted(settings.carriers))}.")
    except (LocalProtocolError, ValueError) as error:
        return _refused(f"The test messages do not go to this carrier: {error}")
    if not carrier.hosts:
        return _refused(f"{carrier.name} has no hosts: it only calls, and a probe has nobody to connect to.")
    if (doubt := _doubts(settings, arguments, len(messages) + arguments.pace)) is not None:
        return _refused(doubt)
    try:
        with probe_profile.opened(arguments.toml) as stream:
            return _probed(carrier, messages, arguments, stream)
    except OSError as error:
        return _refused(f"{error.filename or arguments.toml}: {error.strerror}")


def _probed(carrier: Carrier, messages: list[Trial], arguments: argparse.Namespace, stream: TextIO | None) -> int:
    under = probe_profile.present(carrier, arguments.config)
    print(f"Probing {carrier.name} with a bind of its own, as {carrier.system_id} at {', '.join(carrier.hosts)}.")
    observed = trio.run(_probe, carrier, messages, arguments)
    if not observed.is_bound:
        print(remedy(observed), file=sys.stderr)
        return NOT_BOUND
    for line in findings(observed):
        print(f"- {line}")
    print(*shown(messages, observed), sep="\n", end="\n" if messages else "")
    if arguments.ask:
        probe_alphabets.ask(observed, input)
        print(*(f"- {line}" for line in probe_alphabets.findings(observed)), sep="\n")
    learned = profile(observed)
    if not learned:
        print(
            "Nothing differs from profile generic." if observed.receipts else "No receipt was seen to learn more from."
        )
    text = probe_profile.text_of(carrier, under, learned)
    if stream is not None:
        probe_profile.replace(stream, text)
        name = probe_profile.name_of(arguments.toml, arguments.config)
        print(f"The profile is in {arguments.toml}; name it in [carriers.{carrier.name}]: profile = {json.dumps(name)}")
    elif learned:
        print(f"A profile of this carrier, to be written into a file that `profile` names:\n\n{text}", end="")
    return LEARNED


def _refused(reason: str) -> int:
    print(reason, file=sys.stderr)
    return USAGE


async def _probe(carrier: Carrier, messages: list[Trial], arguments: argparse.Namespace) -> Observed:
    observed = Observed(text_receipts=carrier.text_receipts)
    async with bound(carrier, observed) as links:
        if not observed.is_bound:
            return observed
        await links[0].enquire()
        for message in messages:
            await links[0].submit(message)
        if messages:
            await _query(links[0], messages[0].segments[0], observed)
            await links[-1].receipts(arguments.wait)
            if arguments.pace:
                await links[0].pace(probe_trials.hasty(messages[0]), arguments.pace)
    return observed


def _messages(carrier: Carrier, arguments: argparse.Namespace) -> list[Trial]:
    """Raises LocalProtocolError and ValueError for what is asked of a carrier that cannot be."""
    if arguments.ask and not arguments.alphabets:
        raise ValueError("--ask goes with --alphabets")
    if not 0 <= arguments.pace <= probe_trials.MOST_HASTY:
        raise ValueError(f"--pace sends {probe_trials.MOST_HASTY} messages at most")
    if arguments.to:
        return probe_trials.trials(carrier, arguments)
    if arguments.long or arguments.alphabets or arguments.pace:
        raise ValueError("there is no number to send to; name one by --to")
    return []


async def _query(link: ProbeLink, pdu: SubmitSm, observed: Observed) -> None:
    """Ask what became of the first message that has an id; all of them have this one's sender."""
    message_id = next((sent.message_id for sent in observed.sent if sent.message_id), "")
    if message_id:
        await link.query(QuerySm(message_id, pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr))


def _doubts(settings: Settings, arguments: argparse.Namespace, messages: int) -> str | None:
    """Ask before what cannot be taken back; the reason to stop, if there is one."""
    questions = []
    if owner(settings.store.path) is not None:
        questions.append(
            "A gateway runs with this configuration. Where the carrier counts binds, the probe can take the place of "
            "one of its, or be refused with ESME_RALYBND."
        )
    if messages:
        questions.append(
            f"{messages} test messages go to {arguments.to}, from {arguments.sender}, as any others would."
        )
    if arguments.yes or not questions:
        for words in questions:
            print(words, file=sys.stderr)
        return None
    if not sys.stdin.isatty():
        return " ".join([*questions, "Say --yes if that is meant."])
    print(*questions, sep="\n", file=sys.stderr)
    return None if input("Go on? [y/N] ").strip().lower() in ("y", "yes") else "Nothing was done."
