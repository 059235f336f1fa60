"""A watch turned into lines or into a capture file, piece by piece, and written to a file where the settings say so."""

import logging
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from enum import Enum
from io import FileIO
from itertools import chain

import trio

from gateway.carriers.trace import Batch, Watch, Wire
from gateway.carriers.trace_lines import line
from gateway.carriers.trace_pcap import FILE_HEADER, Packets, note
from gateway.carriers.trace_seen import Seen
from gateway.identifiers import now_ms
from gateway.logs import quoted
from gateway.rules.timestamps import rfc3339

PIECE_SECONDS = 0.001
"""How long PDUs are put into words before others have their turn; the last one may take longer."""
WRITE_SECONDS = 5.0
"""How long a file may take to open, or for one piece, before its trace is given up."""
LAST_SECONDS = 2.0
"""How long what is left may take when the carrier stops."""

_log = logging.getLogger("sluice.carriers")


class Format(Enum):
    """How a trace is written down."""

    LINES = "lines"
    PCAP = "pcap"


class Renderer:
    """Writes one trace down, in one format."""

    def __init__(self, wire: Wire, form: Format, *, show: bool) -> None:
        self._wire = wire
        self._packets = Packets() if form is Format.PCAP else None
        self._show = show

    def beginning(self) -> bytes:
        """What stands before the first PDU."""
        if self._packets is not None:
            return FILE_HEADER
        how = "numbers and texts shown" if self._show else "numbers and texts redacted"
        return f"# {rfc3339(now_ms())} trace of {self._wire.carrier}; {how}\n".encode()

    def pieces(self, batch: Batch) -> Iterator[bytes]:
        """A batch, as many PDUs at a time as PIECE_SECONDS allow."""
        some: list[bytes] = []
        end = time.perf_counter() + PIECE_SECONDS
        for seen in batch.seen:
            some.append(self._written(seen))
            if time.perf_counter() >= end:
                yield b"".join(some)
                some.clear()
                end = time.perf_counter() + PIECE_SECONDS
        if some:
            yield b"".join(some)
        if batch.dropped:
            yield self._said(f"{batch.dropped} PDUs are not in the trace: they came faster than they were taken")

    def _written(self, seen: Seen) -> bytes:
        if self._packets is not None:
            return self._packets.record(seen, show=self._show)
        return f"{line(seen, self._wire.way, show=self._show)}\n".encode("utf-8", "replace")

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
    renderer = Renderer(wire, form, show=False)
    is_started = False
    try:
        async with _opened(path) as (file, is_new):
            with wire.watched() as watch:
                if is_new or form is Format.LINES:
                    await _write(file, renderer.beginning(), trio.current_time() + WRITE_SECONDS)
                is_started = True
                task_status.started()
                await _follow(watch, renderer, file)
    except (OSError, trio.TooSlowError) as error:
        detail = error.strerror if isinstance(error, OSError) else "the file takes too long"
        _log.error("carrier=%s trace=ended file=%s detail=%s", wire.carrier, quoted(path), quoted(str(detail)))
        if not is_started:
            task_status.started()


async def _follow(watch: Watch, renderer: Renderer, file: FileIO) -> None:
    """Write until cancelled, then what is left. Raises OSError, TooSlowError."""
    pieces: Iterable[bytes] = ()
    try:
        while True:
            pieces = renderer.pieces(await watch.next())
            for piece in pieces:
                await _write(file, piece, trio.current_time() + WRITE_SECONDS)
                await trio.lowlevel.checkpoint_if_cancelled()
    except trio.Cancelled:
        # What was taken out of the watch is written, though the carrier is stopped meanwhile.
        end = trio.current_time() + LAST_SECONDS
        for piece in chain(pieces, renderer.pieces(watch.rest())):
            await _write(file, piece, end)
        raise


async def _write(file: FileIO, piece: bytes, end: float) -> None:
    """At once: what was traced is in the file, though the process may end the next moment.

    A disk that hangs keeps its thread, and nobody else. Raises OSError, TooSlowError.
    """
    with trio.fail_at(end, shield=True):
        await trio.to_thread.run_sync(_put, file, piece, abandon_on_cancel=True)


def _put(file: FileIO, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[file.write(left) :]


@asynccontextmanager
async def _opened(path: str) -> AsyncIterator[tuple[FileIO, bool]]:
    """The file to add to, and whether it is new. Raises OSError, TooSlowError."""
    with trio.fail_after(WRITE_SECONDS):
        file, is_new = await trio.to_thread.run_sync(_open, path, abandon_on_cancel=True)
    try:
        yield file, is_new
    finally:
        # Closing may write too, on a disk that is elsewhere.
        with trio.move_on_after(LAST_SECONDS, shield=True):
            await trio.to_thread.run_sync(file.close, abandon_on_cancel=True)


def _open(path: str) -> tuple[FileIO, bool]:
    """For its owner's eyes alone, and unbuffered: a lock around a buffer would wait for a write that hangs."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    return FileIO(descriptor, "ab"), os.fstat(descriptor).st_size == 0
