"""The trace: what is seen of the wire, what is redacted, that it is bounded, and for nothing where nobody looks."""

import os
import re
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from gateway.carriers.carrier import Carrier
from gateway.carriers.trace import MOST_OCTETS, MOST_SEEN, Batch, Tap, Wire
from gateway.carriers.trace_fields import redacted, take_apart
from gateway.carriers.trace_lines import line
from gateway.carriers.trace_pcap import FILE_HEADER, Packets
from gateway.carriers.trace_seen import Seen
from gateway.carriers.trace_stream import LAST_SECONDS, PIECE_SECONDS, WRITE_SECONDS, Format, Renderer, recorded
from gateway.carriers.traffic import Traffic
from gateway.settings.carriers import Carrier as CarrierSettings
from protocol.alphabets import Alphabet, Language
from protocol.codec import encode
from protocol.numbers import BindMode, CommandId, Tlv
from protocol.pdus import (
    BindRequest,
    BindResp,
    DataSm,
    DeliverSm,
    EnquireLink,
    GenericNack,
    Outbind,
    QuerySm,
    SubmitSm,
    SubmitSmResp,
    Unknown,
)
from protocol.text import Encoding
from protocol.writing import TextWay, write

AT_NS = 1_795_284_245_123_456_789
PASSWORD, NUMBER, TEXT = "hunter2h", "34600123987", b"Your code is 4711"
RECEIPT = b"id:5F3A sub:001 dlvrd:001 submit date:2611221804 done date:2611221805 stat:DELIVRD err:000 text:Your code"
RECEIPT_TLVS = {int(Tlv.RECEIPTED_MESSAGE_ID): b"5F3A\0", int(Tlv.MESSAGE_STATE): b"\2"}
SUBMIT = encode(SubmitSm("", 5, 0, "SHOP", 1, 1, NUMBER, registered_delivery=1, short_message=TEXT, sequence=7))
DELIVER_RECEIPT = encode(
    DeliverSm("", 1, 1, NUMBER, 5, 0, "SHOP", esm_class=4, short_message=RECEIPT, tlvs=RECEIPT_TLVS, sequence=9)
)


def seen(frame: bytes, *, sent: bool = True, connection: int = 1) -> Seen:
    return Seen(AT_NS, "telco/1", connection, sent, frame)


def shown(frame: bytes, *, sent: bool = True, show: bool = False) -> str:
    return line(seen(frame, sent=sent), show=show)


def test_a_submit_is_one_line_with_neither_number_nor_text() -> None:
    told = shown(SUBMIT)
    assert told == (
        "2026-11-21T18:04:05.123Z telco/1 -> submit_sm sequence=7 source_addr=5:0:SHOP "
        "destination_addr=1:1:xxxxxxxx987 esm_class=0x00 registered_delivery=1 data_coding=0 text=(17 octets)"
    )


def test_with_show_numbers_and_texts_are_there() -> None:
    told = shown(SUBMIT, show=True)
    assert f"destination_addr=1:1:{NUMBER}" in told
    assert 'text="Your code is 4711"' in told


def test_a_receipt_says_what_it_says_but_for_the_text_that_it_quotes() -> None:
    told = shown(DELIVER_RECEIPT, sent=False)
    assert " <- deliver_sm sequence=9 source_addr=1:1:xxxxxxxx987 " in told
    assert (
        'receipt="id:5F3A sub:001 dlvrd:001 submit date:2611221804 done date:2611221805 stat:DELIVRD err:000"' in told
    )
    assert "receipted_message_id=5F3A message_state=2" in told
    assert "code" not in told.replace("data_coding", "")


def test_a_handset_that_writes_like_a_receipt_is_redacted_all_the_same() -> None:
    told = shown(encode(DeliverSm(source_addr=NUMBER, short_message=b"id:123 stat:DELIVRD call me", sequence=1)))
    assert "text=(27 octets)" in told
    assert "123 " not in told


@pytest.mark.parametrize("pdu", [BindRequest(BindMode.TRANSCEIVER, "acme", PASSWORD), Outbind("smsc", PASSWORD)])
@pytest.mark.parametrize("show", [False, True])
def test_a_password_is_never_shown(pdu: Any, show: bool) -> None:
    frame = encode(pdu)
    assert "password=***" in shown(frame, show=show)
    for cut in range(17, len(frame) + 1):
        odd = struct.pack(">I", cut) + frame[4:cut]
        record = Packets().record(seen(odd), show=show)
        told = shown(odd, show=show)
        for part in (PASSWORD, PASSWORD[:4]):
            assert part.encode() not in record
            assert part not in told
            assert part.encode().hex() not in told


def test_tlvs_are_named_and_those_of_nobody_knows_whom_are_counted() -> None:
    tlvs = {int(Tlv.USER_MESSAGE_REFERENCE): b"\0\7", 0x1400: b"1201159", int(Tlv.CALLBACK_NUM): b"\1\1\x0034600123987"}
    told = shown(encode(SubmitSm(tlvs=tlvs, short_message=TEXT)))
    assert "user_message_reference=7 0x1400=(7 octets) callback_num=(14 octets)" in told
    assert "0x1400=0x31323031313539" in shown(encode(SubmitSm(tlvs=tlvs)), show=True)


def test_the_header_of_a_long_message_is_shown_and_its_text_counted() -> None:
    told = shown(encode(SubmitSm(esm_class=0x40, short_message=bytes.fromhex("050003a70201") + TEXT)))
    assert "udh=050003a70201 text=(17 octets)" in told


def test_a_text_in_message_payload_is_counted_once() -> None:
    told = shown(encode(DataSm(source_addr=NUMBER, data_coding=8, tlvs={int(Tlv.MESSAGE_PAYLOAD): b"\0H\0i"})))
    assert told.endswith("text=(4 octets)")
    told = shown(encode(SubmitSm(data_coding=8, tlvs={int(Tlv.MESSAGE_PAYLOAD): b"\0H\0i"})), show=True)
    assert told.endswith('text="Hi"')


@pytest.mark.parametrize(
    ("way", "octets", "text"),
    [
        (TextWay(Alphabet.LATIN1), b"ol\xe9 @", "olé @"),
        (TextWay(Alphabet.LATIN9, data_coding=3), b"1 \xa4", "1 €"),
        (TextWay(packed=True), bytes.fromhex("E8329BFD4697D9EC37"), "hellohello"),
        (TextWay(), b"\0 \x1be", "@ €"),
    ],
)
@pytest.mark.parametrize("sent", [True, False])
def test_a_text_is_shown_in_the_alphabet_that_the_carriers_settings_name(
    way: TextWay, octets: bytes, text: str, sent: bool
) -> None:
    pdu = SubmitSm if sent else DeliverSm
    frame = encode(pdu(data_coding=way.data_coding, short_message=octets))
    assert line(seen(frame, sent=sent), way, show=True).endswith(f'text="{text}"')


def test_a_part_in_a_national_table_is_shown_behind_its_header() -> None:
    (segment,) = write("ğış" * 40, Encoding.UCS2, TextWay(languages=(Language.TURKISH,)), 1)
    frame = encode(SubmitSm(esm_class=segment.esm_class, short_message=segment.short_message))
    assert shown(frame, show=True).endswith(f'udh=03250101 text="{"ğış" * 40}"')


def test_a_receipt_is_shown_unpacked_though_the_carrier_packs_texts() -> None:
    assert f'text="{RECEIPT.decode()}"' in line(seen(DELIVER_RECEIPT), TextWay(packed=True), show=True)


def test_a_carriers_trace_reads_texts_by_its_settings(carrier_settings: Callable[..., CarrierSettings]) -> None:
    nobody = Traffic(open_feed=lambda bind: pytest.fail("nobody binds"), deliver=lambda bind, pdus: None)
    settings = carrier_settings(alphabet="latin9", data_coding=3)
    carrier = Carrier(settings, nobody, on_able=lambda name, able: None)
    batch = Batch([seen(encode(SubmitSm(data_coding=3, short_message=b"1 \xa4")))], 0)
    (piece,) = Renderer(carrier.wire, Format.LINES, show=True).pieces(batch)
    assert piece.decode().endswith('text="1 €"\n')


def test_a_status_is_told_by_its_name_and_an_error_without_a_body_is_no_trouble() -> None:
    told = shown(bytes.fromhex("00000010 80000004 00000058 00000007"), sent=False)
    assert told.endswith("<- submit_sm_resp sequence=7 status=ESME_RTHROTTLED")
    assert "status=ESME_ROK message_id=5F3A" in shown(encode(SubmitSmResp(0, "5F3A", sequence=7)))
    assert "sc_interface_version=52" in shown(encode(BindResp(BindMode.TRANSCEIVER, 0, "smsc", 0x34)))


def test_an_unknown_pdu_is_counted_and_shown_only_if_asked() -> None:
    frame = encode(Unknown(0x0001_0203, 0, b"34600123987"))
    assert shown(frame).endswith("0x00010203 sequence=0 unread=(11 octets)")
    assert shown(frame, show=True).endswith(f"unread=0x{b'34600123987'.hex()}")


def test_a_text_cannot_break_the_line_or_steer_the_terminal() -> None:
    told = shown(encode(SubmitSm(source_addr="A\r\nB", data_coding=3, short_message=b'\x1b[2J\r\n"x"')), show=True)
    assert told.isprintable()
    assert 'source_addr=0:0:"A\\r\\nB"' in told


@pytest.mark.parametrize("show", [False, True])
def test_any_octets_at_all_are_traced_and_keep_their_length(show: bool) -> None:
    frames = [
        SUBMIT,
        DELIVER_RECEIPT,
        encode(QuerySm("5F3A", 1, 1, NUMBER)),
        encode(GenericNack(3)),
        encode(EnquireLink()),
    ]
    for frame in frames:
        for command in (*CommandId, 0x7777):
            for end in range(16, len(frame) + 1, 3):
                odd = struct.pack(">II", end, command) + frame[8:end]
                assert len(redacted(odd, take_apart(odd), show=show)) == end
                told = line(seen(odd), show=show)
                assert told.isprintable()
                if not show and command in (0x7777, int.from_bytes(frame[4:8], "big")):
                    assert NUMBER not in told
                    assert "4711" not in told


# The capture file, read by a reader of its own


def packets(octets: bytes) -> list[tuple[int, dict[str, Any]]]:
    """Every record: time in nanoseconds, and what its headers say; lengths and checksums must be right."""
    assert struct.unpack_from("<IHHiIII", octets) == (0xA1B23C4D, 2, 4, 0, 0, 65_535, 101)
    at, found = 24, []
    while at < len(octets):
        seconds, nanoseconds, kept, original = struct.unpack_from("<IIII", octets, at)
        packet = octets[at + 16 : at + 16 + kept]
        assert (len(packet), original) == (kept, kept)
        at += 16 + kept
        assert packet[0] == 0x45
        assert int.from_bytes(packet[2:4], "big") == kept
        assert checksum(packet[:20]) == 0
        payload = packet[20:]
        assert checksum(packet[12:20] + struct.pack(">HH", packet[9], len(payload)) + payload) == 0
        if packet[9] == 6:
            source, destination, sequence, acknowledged = struct.unpack_from(">HHII", payload)
            facts = {"ports": (source, destination), "seq": sequence, "ack": acknowledged, "data": payload[20:]}
        else:
            facts = {"note": payload[8:].decode()}
        found.append((seconds * 1_000_000_000 + nanoseconds, facts))
    return found


def checksum(octets: bytes) -> int:
    octets += b"\0" * (len(octets) % 2)
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def test_the_capture_file_is_tcp_to_port_2775_with_sequence_numbers_that_go_on() -> None:
    maker = Packets()
    answer = encode(SubmitSmResp(0, "5F3A", sequence=7))
    frames = [seen(SUBMIT), seen(answer, sent=False), seen(SUBMIT), seen(SUBMIT, connection=2)]
    found = packets(FILE_HEADER + b"".join(maker.record(one, show=False) for one in frames))
    assert {at for at, _ in found} == {AT_NS}
    facts = [one for _, one in found]
    assert [one["ports"] for one in facts] == [(20_001, 2775), (2775, 20_001), (20_001, 2775), (20_002, 2775)]
    length = len(SUBMIT)
    assert [(one["seq"], one["ack"]) for one in facts] == [
        (1, 1),
        (1, 1 + length),
        (1 + length, 1 + len(answer)),
        (1, 1),
    ]
    assert facts[1]["data"] == answer


def test_the_capture_file_has_neither_number_nor_text_unless_shown() -> None:
    record = Packets().record(seen(SUBMIT), show=False)
    assert b"xxxxxxxx987\0" in record
    assert b"SHOP\0" in record
    assert TEXT not in record
    assert TEXT in Packets().record(seen(SUBMIT), show=True)
    receipt = Packets().record(seen(DELIVER_RECEIPT), show=False)
    assert b"id:5F3A sub:001" in receipt
    assert b"Your code" not in receipt


def test_a_pdu_larger_than_a_packet_is_cut_into_several() -> None:
    frame = encode(DataSm(tlvs={int(Tlv.MESSAGE_PAYLOAD): bytes(65_500)}))
    found = packets(FILE_HEADER + Packets().record(seen(frame), show=True))
    assert b"".join(one["data"] for _, one in found) == frame
    assert [one["seq"] for _, one in found] == [1, 65_496]


# Watching binds


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
