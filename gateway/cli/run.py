"""Run the gateway in the foreground; logs go to standard error; SIGTERM drains and ends it with 0.

A second SIGTERM ends it at once, with STOPPED_EARLY.
"""

import argparse
import logging
import signal
import sys
from functools import partial
from pathlib import Path

import trio

from gateway import daemon, logs, processors
from gateway.logs import quoted
from gateway.settings import ConfigurationError, load
from gateway.store import sqlite_mutexes
from gateway.store.backups.places import BackupFailed
from gateway.store.connection import NewerStore, StoreLocked
from gateway.store.faults import DiskUnsure
from gateway.store.opening import StoreUnopened

NAME = "run"
HELP = "run the gateway"
STOPPED_EARLY = 3
"""Exit status when a second signal ended the drain."""

log = logging.getLogger("sluice.store")
_KNOWN = (OSError, StoreLocked, StoreUnopened, NewerStore, BackupFailed, DiskUnsure, daemon.StoppedEarly)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the configuration")
    parser.add_argument("--log-level", choices=logs.LEVELS, default="info", help="how much is logged (info)")


def run(arguments: argparse.Namespace) -> int:
    """0 once drained; 1 when it could not start or had to end; 2 for a configuration that is wrong; STOPPED_EARLY."""
    # Before the daemon listens for it and after, it must not end what starts and what stops.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        settings = load(arguments.config)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    refusal = processors.keep_to(settings.process.cpus)
    if refusal is not None:
        print(f"{arguments.config}: process.cpus {refusal}", file=sys.stderr)
        return 2
    logs.set_up(arguments.log_level)
    _leave_mutexes_out()
    try:
        trio.run(partial(daemon.run, settings, path=arguments.config))
    except BaseExceptionGroup as group:
        known, others = group.split(_KNOWN)
        if known is None or others is not None:
            raise
        return _told(_leaves(known))
    except _KNOWN as error:
        return _told([error])
    return 0


def _leave_mutexes_out() -> None:
    left_out = sqlite_mutexes.leave_out()
    if not all(left_out):
        kept = " ".join(name for name, is_out in left_out._asdict().items() if not is_out)
        log.info("SQLite keeps what it could do without, which costs some speed reason=%s", quoted(kept))


def _told(errors: list[BaseException]) -> int:
    for error in errors:
        print(f"sluice: {error}", file=sys.stderr)
    return STOPPED_EARLY if all(isinstance(error, daemon.StoppedEarly) for error in errors) else 1


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for one in error.exceptions for leaf in _leaves(one)]
    return [error]
