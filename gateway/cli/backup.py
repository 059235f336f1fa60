"""`sluice backup`: a copy of the store as it stands at one moment, checked, whether the gateway runs or not.

It reads the store's file itself, as the user that the gateway runs as, and neither stops nor slows it.
"""

import argparse
import json
import os
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from gateway.cli import calls
from gateway.cli.calls import OPERATORS, CallError
from gateway.cli.timeline_lines import span_text
from gateway.identifiers import now_ms
from gateway.rules.timestamps import rfc3339
from gateway.settings import ConfigurationError, load_store
from gateway.store.backups import copying, places
from gateway.store.backups.copying import Backup
from gateway.store.backups.places import BackupFailed
from gateway.store.connection import migrations

NAME = "backup"
HELP = "copy the store while the gateway runs, and check the copy"
_NICENESS = 10
_MIB = 2**20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", default=Path("/etc/sluice/sluice.toml"), help="default: %(default)s"
    )
    parser.add_argument(
        "--to", type=Path, metavar="PATH", help="a file, or a folder; default: backups beside the store"
    )
    parser.add_argument(
        "--keep", type=_count, metavar="N", help="in a folder: then delete all but its newest N backups"
    )
    parser.add_argument("--json", action="store_true", help="what was done as one JSON object, for programs")
    calls.add_arguments(parser, OPERATORS)


def run(arguments: argparse.Namespace) -> int:
    """0 with a checked backup; 1 without one, and nothing left of it, or where older ones can't be deleted; 2 for a
    configuration that is wrong."""
    try:
        settings = load_store(arguments.config)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    with suppress(OSError):  # where the unit forbids it, it has seen to that
        os.nice(_NICENESS)
    store, newest = settings.path, migrations()[-1][0]
    try:
        if not store.exists():
            raise BackupFailed(f"there is no store {store}; see store.url in {arguments.config}")
        folder = _folder(store, arguments.to)
        path = arguments.to.absolute() if folder is None else places.usual_name(folder, now_ms())
        done = copying.take(store, path, newest, room_left=settings.disk_reserve)
        deleted = places.prune(folder, arguments.keep) if folder is not None and arguments.keep else []
    except BackupFailed as error:
        print(f"sluice: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("sluice: the backup was given up; nothing is left of it", file=sys.stderr)
        return 1
    untold = _tell(arguments, done)
    told = {**_figures(done), "deleted": [str(one) for one in deleted], "audited": untold is None}
    print(json.dumps(told) if arguments.json else _words(told, untold))
    return 0


def _folder(store: Path, to: Path | None) -> Path | None:
    """Where backups gather under names of their own; None: a file is named. Raises BackupFailed."""
    if to is not None and not to.is_dir():
        return None
    folder = store.parent / places.FOLDER if to is None else to.absolute()
    if to is None:
        places.make_folder(folder)
        places.give_to_owner_of(store, folder)
    places.clear_partial(folder)
    return folder


def _figures(done: Backup) -> dict[str, Any]:
    return {
        "path": str(done.path),
        "bytes": done.octets,
        "sha256": done.sha256,
        "at": rfc3339(done.content.at),
        "messages": done.content.messages,
        "open": done.content.open,
        "version": done.content.version,
        "seconds": round(done.seconds, 3),
    }


def _words(told: dict[str, Any], untold: str | None) -> str:
    lines = [
        told["path"],
        f"{told['bytes'] / _MIB:,.1f} MiB, checked, in {span_text(told['seconds'])}",
        f"SHA-256 {told['sha256']}",
        f"{told['messages']:,} messages, {told['open']:,} of them still to be sent",
        *(f"deleted {path}" for path in told["deleted"]),
    ]
    return "\n".join(lines if untold is None else [*lines, f"Not in the audit: {untold}"])


def _tell(arguments: argparse.Namespace, done: Backup) -> str | None:
    """Have the gateway write it into its audit; why it did not, if so. The backup is as good without."""
    try:
        with closing(calls.caller_for(arguments, OPERATORS, timeout_seconds=5.0)) as caller:
            caller.post("/admin/backups", {"name": done.path.name, "sha256": done.sha256})
    except CallError as failure:
        return str(failure)
    return None


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)
