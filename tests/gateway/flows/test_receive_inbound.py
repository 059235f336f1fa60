from collections.abc import Callable
from typing import Any

import pytest

from gateway.flows.receive_inbound import MOST_PART_OCTETS, read_inbound
from gateway.rules.senders import NumberOwners
from gateway.store.interface import InboundIn
from protocol.concatenation import ReferenceKind
from protocol.numbers import Tlv
from protocol.pdus import DataSm, DeliverSm

OWNERS = NumberOwners({"shop": ["34600*"]})
UDHI = 0x40


@pytest.fixture
def read(carrier_settings: Callable[..., Any]) -> Callable[..., InboundIn]:
    def read(octets: bytes, *, settings: dict[str, Any] | None = None, **changes: Any) -> InboundIn:
        pdu = DeliverSm(**{"source_addr": "34611", "destination_addr": "34600", "short_message": octets, **changes})
        return read_inbound(carrier_settings(**(settings or {})), pdu, OWNERS, 1, 2)

    return read


def test_trap_4_a_text_in_message_payload_beside_a_blank_short_message_is_read(read: Callable[..., InboundIn]) -> None:
    for beside in (b"", b"\0", b" "):
        assert read(beside, tlvs={int(Tlv.MESSAGE_PAYLOAD): b"the text"}).text == "the text"
    assert read(b" ").text == " "
    assert read(b"short", tlvs={int(Tlv.MESSAGE_PAYLOAD): b"the text"}).text == "short"


def test_pain_38_the_carriers_alphabet_says_what_data_coding_0_is(read: Callable[..., InboundIn]) -> None:
    assert read(b"\0 ma\x7dana").text == "@ mañana"
    assert read("mañana".encode("latin-1"), settings={"alphabet": "latin1"}).text == "mañana"
    assert read("5 €".encode("iso8859-15"), settings={"alphabet": "latin9"}).text == "5 €"


def test_pain_39_utf_16_with_a_mark_or_little_endian_is_read(read: Callable[..., InboundIn]) -> None:
    for octets in ("jā🙂".encode("utf-16-be"), b"\xfe\xff" + "jā🙂".encode("utf-16-be"), "jā🙂".encode("utf-16")):
        inbound = read(octets, data_coding=8)
        assert (inbound.text, inbound.encoding) == ("jā🙂", "ucs2")


@pytest.mark.parametrize(
    ("octets", "changes", "kind", "reference"),
    [
        (b"\5\0\3\x07\2\1text", {"esm_class": UDHI}, ReferenceKind.UDH8, 7),
        (b"\6\x08\4\x01\x07\2\1text", {"esm_class": UDHI}, ReferenceKind.UDH16, 263),
        (b"text", {"tlvs": {0x020C: b"\1\7", 0x020E: b"\2", 0x020F: b"\1"}}, ReferenceKind.SAR, 263),
    ],
    ids=["udh8", "udh16", "sar"],
)
def test_a_part_is_known_by_a_header_of_8_or_16_bits_and_by_sar(
    read: Callable[..., InboundIn], octets: bytes, changes: dict[str, Any], kind: ReferenceKind, reference: int
) -> None:
    inbound = read(octets, **changes)
    assert inbound.part is not None
    assert inbound.part[:4] == (kind, reference, 1, 2)
    assert inbound.part.octets == octets


def test_parts_may_come_as_data_sm(carrier_settings: Callable[..., Any]) -> None:
    pdu = DataSm(esm_class=UDHI, tlvs={int(Tlv.MESSAGE_PAYLOAD): b"\5\0\3\x07\2\1text"})
    inbound = read_inbound(carrier_settings(), pdu, OWNERS, 1, 2)
    assert inbound.part is not None
    assert inbound.part.part == 1


@pytest.mark.parametrize(
    "tlvs",
    [
        {0x020C: b"\1\7"},
        {0x020C: b"\1\7", 0x020E: b"\2", 0x020F: b"\3"},
        {0x020C: b"\1\7", 0x020E: b"\2", 0x020F: b"\0"},
        {0x020C: b"\1\7", 0x020E: b"\1", 0x020F: b"\1"},
        {0x020C: b"", 0x020E: b"", 0x020F: b""},
        {0x020C: b"\1\7\7", 0x020E: b"\2", 0x020F: b"\1"},
        {0x020C: b"\1\7", 0x020E: b"\1\2", 0x020F: b"\1"},
    ],
)
def test_a_part_that_cannot_be_is_a_message_of_its_own(read: Callable[..., InboundIn], tlvs: dict[int, bytes]) -> None:
    inbound = read(b"text", tlvs=tlvs)
    assert (inbound.part, inbound.text, inbound.parts, inbound.complete) == (None, "text", 1, True)


def test_a_part_of_one_is_a_message_of_its_own_without_the_header(read: Callable[..., InboundIn]) -> None:
    inbound = read(b"\5\0\3\x07\1\1text", esm_class=UDHI)
    assert (inbound.part, inbound.text) == (None, "text")


def test_udhi_without_a_header_leaves_the_text_whole(read: Callable[..., InboundIn]) -> None:
    assert read(b"Hello", esm_class=UDHI).text == "Hello"


def test_a_part_too_long_to_be_one_is_told_as_it_stands(read: Callable[..., InboundIn]) -> None:
    octets = b"\5\0\3\x07\2\1" + b"x" * MOST_PART_OCTETS
    inbound = read(b"", esm_class=UDHI, tlvs={int(Tlv.MESSAGE_PAYLOAD): octets})
    assert (inbound.part, inbound.parts, inbound.complete) == (None, 2, False)
    assert inbound.text == "x" * MOST_PART_OCTETS
