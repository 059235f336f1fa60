"""`sluice demo`: a carrier, a gateway and a customer on this machine, and what the gateway does for them, in four acts.

It stays up on a terminal, so that its commands can be tried; otherwise, or with --once, it ends after one pass.
"""

import argparse
import os
import signal
import sys
import time

import trio

from gateway.cli.demo import afterwards, bulk, crash, figures, one_message
from gateway.cli.demo.children import DemoError
from gateway.cli.demo.receiver import Receiver
from gateway.cli.demo.screen import Screen
from gateway.cli.demo.setting import HOST, LATENCY, RECEIPT_DELAY, a_setting
from gateway.cli.demo.stage import Stage

NAME = "demo"
HELP = "see a gateway work: one message, a bulk, a kill -9, figures"

_INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="end after one pass, also on a terminal")


def run(arguments: argparse.Namespace) -> int:
    """0 when all went as it must; 1 when anything did not, saying what; 130 when interrupted before the end."""
    screen = Screen()
    demo = _Demo(screen, stays=screen.is_terminal and not arguments.once)
    try:
        trio.run(demo.play)
    except* (DemoError, OSError) as group:
        demo.failed(_first(group))
    finally:
        if demo.stage is not None:
            demo.stage.kill_now()
    if demo.is_interrupted:
        screen.blank()
        screen.say("Ended, and its folder is removed.")
    return demo.exit_status


class _Demo:
    """One pass, and the staying afterwards."""

    def __init__(self, screen: Screen, *, stays: bool) -> None:
        self.exit_status = _INTERRUPTED
        self.is_interrupted = False
        self.stage: Stage | None = None
        self._screen = screen
        self._stays = stays

    async def play(self) -> None:
        """Until the end, or until a signal."""
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._play_through, nursery)
                async for _ in signals:
                    self.is_interrupted = True
                    break
                nursery.cancel_scope.cancel()

    def failed(self, error: BaseException) -> None:
        """Say what went wrong, with the end of the log that may tell why."""
        self.exit_status = 1
        if isinstance(error, BrokenPipeError):
            # Whoever read our output has gone: there is nobody to tell, and the interpreter's last flush must not fail.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        self._screen.failure(str(error), error.log_tail if isinstance(error, DemoError) else ())

    async def _play_through(self, outer: trio.Nursery) -> None:
        receiver = Receiver()
        async with trio.open_nursery() as nursery:
            webhook_port = await nursery.start(receiver.serve)
            with a_setting(webhook_port) as setting:
                receiver.expect(setting.webhook_key)
                stage = self.stage = Stage(setting, self._screen, receiver)
                try:
                    await self._acts(stage, nursery)
                finally:
                    await stage.end()
            nursery.cancel_scope.cancel()
        outer.cancel_scope.cancel()

    async def _acts(self, stage: Stage, nursery: trio.Nursery) -> None:
        begun_at = time.monotonic()
        await self._open(stage, nursery)
        message_id = await one_message.play(stage)
        await bulk.play(stage)
        await crash.play(stage, nursery)
        await figures.play(stage)
        if stage.receiver.faults:
            raise DemoError(f"A webhook's signature was wrong: {stage.receiver.faults[0]}", stage.gateway.log)
        self.exit_status = 0
        seconds = time.monotonic() - begun_at
        if not self._stays:
            afterwards.show_for_one_pass(stage)
            self._screen.blank()
            self._screen.good(f"All went as it must, in {seconds:.0f} s.")
            return
        afterwards.show(stage, message_id)
        await trio.sleep_forever()

    async def _open(self, stage: Stage, nursery: trio.Nursery) -> None:
        screen, setting = self._screen, stage.setting
        screen.title("Sluice: HTTP in, SMPP out, receipts back as signed webhooks")
        screen.blank()
        with screen.waiting("starting a carrier, a customer and the gateway between them ..."):
            await stage.start(nursery)
            bind = await stage.until_bound()
        pace = f"answers in {_spaced(LATENCY)}, receipts after {_spaced(RECEIPT_DELAY)}"
        screen.row("simulator", f"{HOST}:{setting.smpp_port}, the carrier: {pace}")
        screen.row("webhook printer", f"{HOST}:{setting.webhook_port}, the customer: checks every signature")
        screen.row("gateway", f"{setting.url}, process {stage.gateway.pid}")
        screen.row("bind", f"{bind['name']} is {bind['state']}, window {bind['window']}")


def _spaced(span: str) -> str:
    """`20-40 ms` for the simulator's `20-40ms`."""
    return span.replace("ms", " ms")


def _first(error: BaseException) -> BaseException:
    """The fault itself, out of the groups that it came in."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
