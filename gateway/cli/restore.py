"""`sluice restore`: a backup becomes the store, and what was open in it is held until an operator releases it.

The gateway must be down. What it had sent after the backup would otherwise be sent again by its next start.
"""

import argparse
import json
import sys
from pathlib import Path

from gateway.rules.timestamps import rfc3339
from gateway.settings import ConfigurationError, load_store
from gateway.store.backups import restoring
from gateway.store.backups.places import BackupFailed
from gateway.store.backups.restoring import Restored
from gateway.store.connection import NewerStore, StoreLocked

NAME = "restore"
HELP = "make a backup the store, and hold what was open in it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("backup", type=Path, metavar="BACKUP", help="a file that `sluice backup` wrote")
    parser.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="the configuration; it names the store"
    )
    parser.add_argument("--replace", action="store_true", help="lay a store that is there aside, under another name")
    parser.add_argument("--json", action="store_true", help="what was done as one JSON object, for programs")


def run(arguments: argparse.Namespace) -> int:
    """0 with the store restored; 1 with everything as it was; 2 for a configuration that is wrong."""
    try:
        settings = load_store(arguments.config)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        done = restoring.restore(
            arguments.backup, settings.path, replace=arguments.replace, room_left=settings.disk_reserve
        )
    except StoreLocked as error:
        print(f"sluice: {error}. Stop it first: nothing can be restored under a running gateway.", file=sys.stderr)
        return 1
    except (BackupFailed, NewerStore) as error:
        print(f"sluice: {error}", file=sys.stderr)
        return 1
    print(json.dumps(_figures(done)) if arguments.json else _words(done))
    return 0


def _figures(done: Restored) -> dict[str, object]:
    return {
        "store": str(done.store),
        "at": rfc3339(done.content.at),
        "messages": done.content.messages,
        "held": done.held._asdict(),
        "replaced": None if done.replaced is None else str(done.replaced),
    }


def _words(done: Restored) -> str:
    held = done.held
    lines = [
        f"{done.store} is as it was at {rfc3339(done.content.at)}: {done.content.messages:,} messages.",
        f"Held until released: {held.messages:,} messages, {held.campaigns:,} campaigns, {held.events:,} events.",
        "Start the gateway: new messages flow at once. Then `sluice held` shows what would be sent again.",
    ]
    if done.replaced is not None:
        lines.insert(1, f"What was there is now {done.replaced}.")
    return "\n".join(lines)
