"""Watching binds: bounded, for nothing where nobody looks, and written to a file that may fail or hang."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing
from traced_pdus import DELIVER_RECEIPT, NUMBER, SUBMIT, packets, seen

from gateway.carriers.trace import MOST_OCTETS, MOST_SEEN, Batch, Tap, Wire
from gateway.carriers.trace_lines import line
from gateway.carriers.trace_pcap import FILE_HEADER, Packets
from gateway.carriers.trace_seen import Seen
from gateway.carriers.trace_stream import LAST_SECONDS, PIECE_SECONDS, WRITE_SECONDS, Format, Renderer, recorded
from protocol.codec import encode
from protocol.numbers import Tlv
from protocol.pdus import DataSm, EnquireLink


class ABind:
    def __init__(self, name: str = "telco/1", unread: bytes = b"") -> None:
        self.name = name
        self.tap: Tap | None = None
        self.unread = unread


def test_nothing_is_tapped_until_somebody_watches_and_nothing_after() -> None:
    wire, first, second = Wire("telco"), ABind(), ABind("telco/2")
    with wire.connected(first):
        assert first.tap is None
        with wire.watched() as watch, wire.watched():
            assert first.tap is not None
            with wire.connected(second):
                assert second.tap is not None
                second.tap(True, SUBMIT + SUBMIT)
            assert second.tap is None
            first.tap(False, SUBMIT)
            (one, two, three) = watch.rest().seen
            assert (one.bind, one.sent, one.frame, two.frame) == ("telco/2", True, SUBMIT, SUBMIT)
            assert (three.bind, three.sent) == ("telco/1", False)
            assert one.connection != three.connection
        assert first.tap is None


def test_a_trace_that_begins_in_the_middle_of_a_pdu_sees_it_whole() -> None:
    wire, bind = Wire("telco"), ABind(unread=SUBMIT[:20])
    with wire.connected(bind), wire.watched() as watch:
        assert bind.tap is not None
        bind.tap(False, SUBMIT[20:] + SUBMIT[:5])
        bind.tap(False, SUBMIT[5:])
        assert [one.frame for one in watch.rest().seen] == [SUBMIT, SUBMIT]


def test_what_is_no_smpp_is_said_and_does_not_end_the_bind() -> None:
    wire, bind = Wire("telco"), ABind()
    with wire.connected(bind), wire.watched() as watch:
        assert bind.tap is not None
        bind.tap(False, b"HTTP/1.1 400 Bad Request\r\n")
        (one,) = watch.rest().seen
        assert "(no SMPP: command_length " in line(one, show=False)
        assert "no SMPP" in packets(FILE_HEADER + Packets().record(one, show=False))[0][1]["note"]


def test_a_slow_watcher_loses_pdus_which_are_counted_and_said_and_nobody_waits() -> None:
    wire, bind = Wire("telco"), ABind()
    with wire.connected(bind), wire.watched() as watch:
        assert bind.tap is not None
        for _ in range(MOST_SEEN + 5):
            bind.tap(True, encode(EnquireLink()))
        batch = watch.rest()
        assert (len(batch.seen), batch.dropped, watch.dropped) == (MOST_SEEN, 5, 5)
        *_, last = Renderer(wire, Format.LINES, show=False).pieces(batch)
        assert b"5 PDUs are not in the trace" in last
        *_, last = Renderer(wire, Format.PCAP, show=False).pieces(batch)
        assert "5 PDUs are not in the trace" in packets(FILE_HEADER + last)[0][1]["note"]
        large = encode(DataSm(tlvs={int(Tlv.MESSAGE_PAYLOAD): bytes(60_000)}))
        for _ in range(100):
            bind.tap(True, large)
        assert sum(len(one.frame) for one in watch.rest().seen) <= MOST_OCTETS


async def test_a_trace_file_is_added_to_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    wire, bind, file = Wire("telco"), ABind(), tmp_path / "telco.trace"
    for _ in range(2):
        async with recorded(wire, str(file)):
            with wire.connected(bind):
                assert bind.tap is not None
                bind.tap(True, SUBMIT)
    lines = file.read_text().splitlines()
    assert [bool(re.search(r" -> submit_sm ", one)) for one in lines] == [False, True, False, True]
    assert NUMBER not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert bind.tap is None


async def test_a_trace_file_that_ends_in_pcap_is_one_capture_file_over_restarts(tmp_path: Path) -> None:
    bind, file = ABind(), tmp_path / "telco.pcap"
    for _ in range(2):
        wire = Wire("telco")
        async with recorded(wire, str(file)):
            with wire.connected(bind):
                assert bind.tap is not None
                bind.tap(True, SUBMIT)
                await trio.testing.wait_all_tasks_blocked()
    assert len(packets(file.read_bytes())) == 2


async def test_a_trace_file_that_cannot_be_written_ends_the_trace_and_not_the_carrier(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wire, bind = Wire("telco"), ABind()
    async with recorded(wire, str(tmp_path / "nowhere" / "x")):
        with wire.connected(bind):
            assert bind.tap is None
    assert "trace=ended" in caplog.text


async def test_a_file_that_fails_after_the_trace_began_ends_the_trace_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wire, bind, pipe, went_on = Wire("telco"), ABind(), tmp_path / "telco.trace", False
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    async with recorded(wire, str(pipe)):
        # The first write was well; whatever follows fails as on a full disk.
        os.close(reader)
        with wire.connected(bind):
            assert bind.tap is not None
            bind.tap(True, SUBMIT)
            with trio.fail_after(30):
                while wire.watchers:  # noqa: ASYNC110 - the trace ends by itself and tells nobody
                    await trio.sleep(0.01)
            assert bind.tap is None
            await trio.sleep(0.1)
            went_on = True
    assert went_on
    assert "trace=ended" in caplog.text


async def test_a_file_that_hangs_holds_up_neither_the_carrier_nor_its_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wire, bind, pipe = Wire("telco"), ABind(), tmp_path / "telco.trace"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        began = trio.current_time()
        async with recorded(wire, str(pipe)):
            with wire.connected(bind):
                assert bind.tap is not None
                for _ in range(1_000):
                    bind.tap(True, SUBMIT)
                # The pipe is full by now, and nobody reads it.
                await trio.sleep(0.5)
        assert trio.current_time() - began < 0.5 + WRITE_SECONDS + LAST_SECONDS + 60, "it would hang for ever"
        assert "trace=ended" in caplog.text
        assert wire.watchers == 0
    finally:
        os.close(reader)


class SlowlySeen(list[Seen]):
    """Each of them costs more than a piece may."""

    def __iter__(self) -> Iterator[Seen]:
        for one in super().__iter__():
            time.sleep(2 * PIECE_SECONDS)
            yield one


def test_a_piece_ends_with_the_first_pdu_behind_its_time() -> None:
    for form in Format:
        pieces = list(
            Renderer(Wire("telco"), form, show=False).pieces(Batch(SlowlySeen([seen(DELIVER_RECEIPT)] * 5), 0))
        )
        assert len(pieces) == 5
