"""What stays of contents in a redacted trace: headers of parts and what receipts say, and no octet of a text."""

import pytest

from gateway.carriers.trace_lines import line
from gateway.carriers.trace_pcap import Packets
from gateway.carriers.trace_seen import Seen
from protocol.codec import encode
from protocol.pdus import DeliverSm, SubmitSm

RECEIPT = b"id:5F3A sub:001 dlvrd:001 submit date:2611221804 done date:2611221805 stat:DELIVRD err:000"
TOLD = RECEIPT.decode()
TEXT = b"Your code is 4711"


def traced(frame: bytes, *, show: bool = False) -> tuple[str, bytes]:
    """As a line and as packets."""
    seen = Seen(1_795_284_245_123_456_789, "telco/1", 1, False, frame)
    return line(seen, show=show), Packets().record(seen, show=show)


def with_header(octets: bytes) -> bytes:
    return encode(SubmitSm(esm_class=0x40, short_message=octets))


def receipt(octets: bytes, *, esm_class: int = 4) -> bytes:
    return encode(DeliverSm(esm_class=esm_class, short_message=octets))


@pytest.mark.parametrize(
    ("rest", "secret"),
    [
        (b"|TXT:secret", "secret"),
        (b",msg:secret4711", "secret4711"),
        (b";secret", "secret"),
        (b"&body=secret", "secret"),
        (b"/secret", "secret"),
        (b" content:id:secret", "secret"),
        (b" message: stat:secret", "secret"),
        (b" text:id:secret", "secret"),
    ],
)
def test_a_text_that_follows_a_receipt_without_a_blank_is_not_taken_for_its_value(rest: bytes, secret: str) -> None:
    told, packets = traced(receipt(RECEIPT + rest))
    assert "id:5F3A sub:001 dlvrd:001 submit date:2611221804 done date:2611221805 stat:DELIVRD" in told
    assert secret not in told
    assert RECEIPT[:40] in packets
    assert secret.encode() not in packets


@pytest.mark.parametrize(
    "pair",
    [b"id:code:4711", b"stat:4711", b"sub:4711secret", b"done date:4711secret", b"err:4711-secret", b"err: hello4711"],
)
def test_a_value_that_no_receipt_has_is_content(pair: bytes) -> None:
    told, packets = traced(receipt(b"id:5F3A stat:DELIVRD " + pair))
    assert 'receipt="id:5F3A stat:DELIVRD' in told
    for secret in ("4711", "secret", "hello"):
        assert secret not in told
        assert secret.encode() not in packets


@pytest.mark.parametrize("between", [b",", b"; ", b"|", b"&"])
def test_pairs_may_have_other_signs_between_them(between: bytes) -> None:
    octets = between.join((b"id:5F3A", b"stat: UNDELIV", b"err: 0045"))
    assert f'receipt="{octets.decode()}"' in traced(receipt(octets))[0]


@pytest.mark.parametrize("octets", [TEXT, b"\x05Your code is 4711", b"\x00" + TEXT, b"\x10" + TEXT, b"\x04Yo\x01u4711"])
def test_a_text_behind_the_flag_of_a_header_is_no_header(octets: bytes) -> None:
    told, packets = traced(with_header(octets))
    assert told.endswith(f" text=({len(octets)} octets)")
    assert "udh=" not in told
    for secret in (b"4711", octets[:6]):
        assert secret not in packets


def test_of_a_header_only_what_joins_parts_and_names_tables_is_shown() -> None:
    header = bytes.fromhex("0f 0003a70201 24010d 7005") + b"47110"
    told, packets = traced(with_header(header + TEXT))
    assert f"udh=0f0003a7020124010d{'xx' * 7} text=(17 octets)" in told
    assert header[:9] + b"x" * (7 + len(TEXT)) in packets
    assert f"udh={header.hex()} text=" in traced(with_header(header + TEXT), show=True)[0]


def test_a_header_whose_elements_do_not_end_with_it_is_text() -> None:
    for header in ("06 0003a70201", "05 0004a70201", "05 0003a70203", "05 080312ab01"):
        octets = bytes.fromhex(header) + TEXT
        told, packets = traced(with_header(octets))
        assert f"text=({len(octets)} octets)" in told
        assert octets[:6] not in packets


def test_a_receipt_with_the_flag_of_a_header_shows_no_text() -> None:
    told, packets = traced(receipt(RECEIPT + b" text:" + TEXT * 2, esm_class=0x44))
    assert f'receipt="{TOLD}"' in told
    assert "udh=" not in told
    for secret in (b"Your", b"4711"):
        assert secret not in packets
    assert TEXT.hex() not in told
    told, packets = traced(receipt(bytes.fromhex("050003a70201") + RECEIPT + b" text:" + TEXT, esm_class=0x44))
    assert f'udh=050003a70201 receipt="{TOLD}"' in told
    assert b"4711" not in packets
