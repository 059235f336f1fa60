"""`sluice simulator`: runs the simulator as a process, with its control lines, signals and figures."""

import argparse
import gc
import os
import signal
import ssl
import sys

import trio

from gateway.simulator.arguments import add_arguments as add_option_arguments
from gateway.simulator.arguments import options_from
from gateway.simulator.control import USAGE, obey
from gateway.simulator.options import Options, OptionsError
from gateway.simulator.simulator import Simulator

NAME = "simulator"
HELP = "a carrier to try against, with the faults you ask for"

_GC_THRESHOLD = 50_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments; docs/simulator.md explains each."""
    parser.description = "An SMSC that takes binds and messages and sends receipts, with the faults you ask for."
    parser.epilog = f"Control lines on standard input: {USAGE}. SIGUSR1 sends one inbound message."
    parser.add_argument("--listen", default="127.0.0.1:2775", metavar="HOST:PORT", help="default %(default)s")
    help_text = "meet every connection with TLS: a certificate and its key (PEM)"
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"), help=help_text)
    parser.add_argument("--figures", action="store_true", help="print the counts as one line of JSON at the end")
    add_option_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 after SIGTERM or SIGINT, 1 if it could not listen or record, 2 for options that do not go together."""
    host, colon, port = arguments.listen.rpartition(":")
    try:
        options = options_from(arguments, Options())
        if not colon or not 0 <= int(port) <= 65_535:
            raise OptionsError(f"--listen: {arguments.listen!r} is not HOST:PORT")
    except ValueError as fault:
        print(f"sluice simulator: {fault}", file=sys.stderr)
        return 2
    # Receipts that wait are many and never in cycles: looking through them again and again is a third of the work.
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD, 20, 100)
    exit_status = 0
    try:
        simulator = Simulator(options)
        trio.run(_run, simulator, host.strip("[]"), int(port), _tls(arguments.tls))
        if arguments.figures:
            print(simulator.figures.as_line(), flush=True)
    except* OSError as faults:
        print(f"sluice simulator: {_first(faults)}", file=sys.stderr)
        exit_status = 1
    return exit_status


def _tls(files: list[str] | None) -> ssl.SSLContext | None:
    """Raises OSError for files that hold no certificate and key."""
    if files is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)
    return context


async def _run(simulator: Simulator, host: str, port: int, tls: ssl.SSLContext | None) -> None:
    async with trio.open_nursery() as nursery:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGUSR1) as signals:
            bound_port = await nursery.start(simulator.serve, host, port, tls)
            print(f"listening on {host}:{bound_port}", flush=True)
            nursery.start_soon(_obey_lines, simulator)
            async for number in signals:
                if number != signal.SIGUSR1:
                    nursery.cancel_scope.cancel()
                    return
                options = simulator.options
                simulator.inbound(options.inbound_from, options.inbound_to, options.inbound_text)


async def _obey_lines(simulator: Simulator) -> None:
    """Reads in a thread: a non-blocking standard input would stay so for the shell that shares it."""
    while _may_read():
        line = await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
        if not line:
            return
        reply = obey(simulator, line)
        if reply:
            print(reply, flush=True)


def _may_read() -> bool:
    """Whether reading standard input would stop this process, as a terminal stops what runs in its background."""
    if not sys.stdin.isatty():
        return True
    return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()


def _first(faults: BaseExceptionGroup[OSError]) -> BaseException:
    fault: BaseException = faults
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return fault
