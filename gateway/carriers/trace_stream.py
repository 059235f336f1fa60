"""A watch turned into lines or into a capture file, piece by piece, and written to a file where the settings say so."""

import logging
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import Enum
from typing import BinaryIO

import trio

from gateway.carriers.trace import Batch, Watch, Wire
from gateway.carriers.trace_lines import line
from gateway.carriers.trace_pcap import FILE_HEADER, Packets, note
from gateway.identifiers import now_ms
from gateway.logs import quoted
from gateway.rules.timestamps import rfc3339

PIECE = 16
"""PDUs put into words before others have their turn."""

_log = logging.getLogger("sluice.carriers")


class Format(Enum):
    """How a trace is written down."""

    LINES = "lines"
    PCAP = "pcap"


class Renderer:
    """Writes one trace down, in one format."""

    def __init__(self, carrier: str, form: Format, *, show: bool) -> None:
        self._carrier = carrier
        self._packets = Packets() if form is Format.PCAP else None
        self._show = show

    def beginning(self) -> bytes:
        """What stands before the first PDU."""
        if self._packets is not None:
            return FILE_HEADER
        how = "numbers and texts shown" if self._show else "numbers and texts redacted"
        return f"# {rfc3339(now_ms())} trace of {self._carrier}; {how}\n".encode()

    def pieces(self, batch: Batch) -> Iterator[bytes]:
        """A batch, a few PDUs at a time."""
        for at in range(0, len(batch.seen), PIECE):
            some = batch.seen[at : at + PIECE]
            if self._packets is not None:
                yield b"".join([self._packets.record(seen, show=self._show) for seen in some])
            else:
                yield "".join([line(seen, show=self._show) + "\n" for seen in some]).encode("utf-8", "replace")
        if batch.dropped:
            yield self._said(f"{batch.dropped} PDUs are not in the trace: they came faster than they were taken")

    def _said(self, words: str) -> bytes:
        if self._packets is not None:
            return note(time.time_ns(), words)
        return f"# {rfc3339(now_ms())} {words}\n".encode()


async def stream(watch: Watch, renderer: Renderer) -> AsyncGenerator[bytes, None]:
    """The trace from now on, until cancelled."""
    yield renderer.beginning()
    while True:
        for piece in renderer.pieces(await watch.next()):
            yield piece
            await trio.lowlevel.checkpoint()


@asynccontextmanager
async def recorded(wire: Wire, path: str | None) -> AsyncIterator[None]:
    """Write what passes into this file, if any, while the block runs. A file that fails ends the trace alone."""
    if path is None:
        yield
        return
    async with trio.open_nursery() as nursery:
        await nursery.start(_record, wire, path)
        try:
            yield
        finally:
            nursery.cancel_scope.cancel()


async def _record(wire: Wire, path: str, *, task_status: trio.TaskStatus[None]) -> None:
    form = Format.PCAP if path.endswith(".pcap") else Format.LINES
    renderer = Renderer(wire.carrier, form, show=False)
    try:
        with _opened(path) as (file, is_new), wire.watched() as watch:
            if is_new or form is Format.LINES:
                await trio.to_thread.run_sync(_put, file, renderer.beginning())
            task_status.started()
            try:
                while True:
                    await _write(file, renderer, await watch.next())
            finally:
                await _write(file, renderer, watch.rest())
    except OSError as error:
        _log.error("carrier=%s trace=ended file=%s detail=%s", wire.carrier, quoted(path), quoted(str(error.strerror)))
        task_status.started()


async def _write(file: BinaryIO, renderer: Renderer, batch: Batch) -> None:
    # What was taken out of the watch is written, though the carrier may be stopped meanwhile.
    with trio.CancelScope(shield=True):
        for piece in renderer.pieces(batch):
            await trio.to_thread.run_sync(_put, file, piece)


def _put(file: BinaryIO, piece: bytes) -> None:
    """At once: what was traced is in the file, though the process may end the next moment."""
    file.write(piece)
    file.flush()


@contextmanager
def _opened(path: str) -> Iterator[tuple[BinaryIO, bool]]:
    """The file to add to, for its owner's eyes alone, and whether it is new."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        yield file, file.tell() == 0
