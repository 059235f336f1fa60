"""A traced PDU as one line: what is told of it, what is redacted, and that nothing in it breaks the line."""

import struct
from collections.abc import Callable
from typing import Any

import pytest
from traced_pdus import DELIVER_RECEIPT, NUMBER, PASSWORD, RECEIPT, SUBMIT, TEXT, seen

from gateway.carriers.carrier import Carrier
from gateway.carriers.trace import Batch
from gateway.carriers.trace_fields import redacted, take_apart
from gateway.carriers.trace_lines import line
from gateway.carriers.trace_pcap import Packets
from gateway.carriers.trace_stream import Format, Renderer
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
