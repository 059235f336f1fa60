import pytest

from gateway.simulator.deliveries import Receipt, ReceiptWriter, Taken, wants
from gateway.simulator.message_ids import IdFormat
from gateway.simulator.options import ReceiptShape
from gateway.simulator.receipt_stat import ReceiptStat
from protocol.numbers import Tlv
from protocol.pdus import DataSm, DeliverSm, SubmitSm
from protocol.receipt_states import ReceiptState
from protocol.receipts import read_receipt

SUBMITTED_AT = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC
DONE_AT = SUBMITTED_AT + 60


def a_receipt(stat: ReceiptStat = ReceiptStat.DELIVRD, **fields: object) -> Receipt:
    values = {"source_addr": "SHOP", "source_addr_ton": 5, "dest_addr_ton": 1, "dest_addr_npi": 1, **fields}
    pdu = SubmitSm(destination_addr="34600111222", short_message=b"Your code is 1234, do not tell it", **values)  # type: ignore[arg-type]
    return Receipt(Taken(24378, pdu, SUBMITTED_AT), stat)


def write(shape: ReceiptShape, receipt: Receipt, id_format: IdFormat = IdFormat.DECIMAL) -> DeliverSm | DataSm:
    return ReceiptWriter(shape, id_format).write(receipt, DONE_AT)


def test_the_text_is_that_of_appendix_b() -> None:
    assert write(ReceiptShape.TEXT, a_receipt()).octets == (
        b"id:24378 sub:001 dlvrd:001 submit date:2609211413 done date:2609211414 stat:DELIVRD err:000 "
        b"text:Your code is 1234, d"
    )


def test_a_receipt_goes_from_the_phone_to_the_sender() -> None:
    pdu = write(ReceiptShape.TEXT_TLV, a_receipt())
    assert (pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi) == ("34600111222", 1, 1)
    assert (pdu.destination_addr, pdu.dest_addr_ton) == ("SHOP", 5)
    assert pdu.esm_class == 0x04


@pytest.mark.parametrize("shape", ReceiptShape)
@pytest.mark.parametrize("stat", [ReceiptStat.DELIVRD, ReceiptStat.UNDELIV, ReceiptStat.EXPIRED, ReceiptStat.REJECTD])
def test_every_shape_is_read_as_what_it_tells(shape: ReceiptShape, stat: ReceiptStat) -> None:
    read = read_receipt(write(shape, a_receipt(stat)))
    assert read is not None
    assert read.message_id == "24378"
    assert read.state is ReceiptState(int(stat))
    assert read.is_final


def test_shapes_differ_where_they_should() -> None:
    assert write(ReceiptShape.TEXT, a_receipt()).tlvs == {}
    assert write(ReceiptShape.TLV, a_receipt()).octets == b""
    assert write(ReceiptShape.MINIMAL, a_receipt()).octets == b"id:24378 stat:DELIVRD"
    assert write(ReceiptShape.BARE, a_receipt()).octets == b"24378 DELIVRD"
    assert write(ReceiptShape.ESM_CLASS_0, a_receipt()).esm_class == 0
    assert write(ReceiptShape.UNSWAPPED, a_receipt()).source_addr == "SHOP"
    assert isinstance(write(ReceiptShape.DATA_SM, a_receipt()), DataSm)
    payload = write(ReceiptShape.PAYLOAD, a_receipt())
    assert isinstance(payload, DeliverSm)
    assert payload.short_message == b""
    assert payload.octets.startswith(b"id:24378 ")
    odd = write(ReceiptShape.ODD_CASE, a_receipt()).octets
    assert odd.startswith(b"ID: 24378 Stat: DELIVRD SubmitDate: 20260921141320 DoneDate: 20260921141420")


def test_failures_carry_a_network_error_code() -> None:
    assert write(ReceiptShape.TEXT_TLV, a_receipt(ReceiptStat.UNDELIV)).tlvs[Tlv.NETWORK_ERROR_CODE] == b"\x03\x00\x01"
    assert Tlv.NETWORK_ERROR_CODE not in write(ReceiptShape.TEXT_TLV, a_receipt()).tlvs


def test_an_empty_id_is_not_in_the_tlvs() -> None:
    pdu = write(ReceiptShape.TEXT_TLV, a_receipt(), IdFormat.EMPTY)
    assert Tlv.RECEIPTED_MESSAGE_ID not in pdu.tlvs
    assert pdu.octets.startswith(b"id: sub:001")


def test_text_and_tlv_may_spell_one_id_differently() -> None:
    pdu = write(ReceiptShape.TEXT_TLV, a_receipt(), IdFormat.HEX_TLV_DECIMAL_TEXT)
    assert pdu.octets.startswith(b"id:24378 ")
    assert pdu.tlvs[Tlv.RECEIPTED_MESSAGE_ID] == b"5F3A\0"


def test_an_intermediate_state_is_told_by_its_esm_class() -> None:
    assert write(ReceiptShape.TEXT_TLV, a_receipt(ReceiptStat.ENROUTE)).esm_class == 0x20


def test_a_text_that_is_no_plain_text_stays_out() -> None:
    for fields in ({"data_coding": 8}, {"esm_class": 0x40}):
        assert write(ReceiptShape.TEXT, a_receipt(**fields)).octets.endswith(b" text:")


@pytest.mark.parametrize(
    ("registered_delivery", "wanted"),
    [
        (0, []),
        (1, [ReceiptStat.DELIVRD, ReceiptStat.UNDELIV]),
        (2, [ReceiptStat.UNDELIV]),
        (3, [ReceiptStat.DELIVRD]),
        (0x11, [ReceiptStat.DELIVRD, ReceiptStat.UNDELIV, ReceiptStat.ENROUTE]),
        (0x10, [ReceiptStat.ENROUTE]),
    ],
)
def test_only_the_receipts_asked_for_are_sent(registered_delivery: int, wanted: list[ReceiptStat]) -> None:
    states = [ReceiptStat.DELIVRD, ReceiptStat.UNDELIV, ReceiptStat.ENROUTE]
    assert [stat for stat in states if wants(registered_delivery, stat)] == wanted
