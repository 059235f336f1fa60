from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from gateway.carriers.bind import Bind
from gateway.carriers.traffic import Traffic
from gateway.flows.receive import Receive
from gateway.identifiers import Identifiers
from gateway.messages import ErrorCode
from gateway.rules.senders import NumberOwners
from gateway.store.interface import InboundIn, ReceiptIn
from protocol.command_status import CommandStatus
from protocol.pdus import BindMode, BindRequest, DataSm, DeliverSm, Tlv
from protocol.receipts import ReceiptState

NOW = 1_750_000_000_000
RECEIPT = (
    b"id:5F3A sub:001 dlvrd:001 submit date:2506151200 done date:2506151201 stat:DELIVRD err:000 text:Your code is 1"
)


class RecordingStore:
    def __init__(self) -> None:
        self.receipts: list[ReceiptIn] = []
        self.inbounds: list[InboundIn] = []
        self.kept: list[Callable[[bool], None]] = []

    def receipt(self, receipt: ReceiptIn, kept: Callable[[bool], None]) -> None:
        self.receipts.append(receipt)
        self.kept.append(kept)

    def inbound(self, inbound: InboundIn, kept: Callable[[bool], None]) -> None:
        self.inbounds.append(inbound)
        self.kept.append(kept)


class Setup:
    def __init__(self, smsc: Any, settings: Any) -> None:
        self.smsc = smsc
        self.store = RecordingStore()
        owners = NumberOwners({"shop": ["SHOP", "34600*"], "bank": ["34700000001"]})
        receive = Receive(self.store, owners, Identifiers(clock=lambda: NOW), clock=lambda: NOW)  # type: ignore[arg-type]
        traffic = Traffic(open_feed=lambda bind: None, deliver=receive.deliver)  # type: ignore[arg-type, return-value]
        self.bind = Bind("telco/1/receiver", BindMode.RECEIVER, settings, smsc.near, traffic)

    async def deliver(self, *pdus: Any) -> None:
        for token, pdu in enumerate(pdus):
            self.smsc.deliver(pdu, token)
        await self.smsc.flush()
        await trio.testing.wait_all_tasks_blocked()


@pytest.fixture
def receiving(scripted_smsc: type[Any], carrier_settings: Callable[..., Any]) -> Callable[..., Any]:
    @asynccontextmanager
    async def run(**given: Any) -> AsyncIterator[Setup]:
        setup = Setup(scripted_smsc(), carrier_settings(**given))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(setup.smsc.run)
            nursery.start_soon(setup.bind.run, BindRequest(BindMode.RECEIVER, "acme", "secret"))
            await trio.testing.wait_all_tasks_blocked()
            yield setup
            nursery.cancel_scope.cancel()

    return run


def a_receipt(text: bytes = RECEIPT, **changes: Any) -> DeliverSm:
    values = {"source_addr": "34600000001", "destination_addr": "SHOP", "esm_class": 4, "short_message": text}
    return DeliverSm(**{**values, **changes})


def an_inbound(text: bytes, **changes: Any) -> DeliverSm:
    values = {
        "source_addr_ton": 1,
        "source_addr_npi": 1,
        "source_addr": "34611111111",
        "dest_addr_ton": 1,
        "dest_addr_npi": 1,
        "destination_addr": "34600123456",
        "short_message": text,
    }
    return DeliverSm(**{**values, **changes})


async def test_deliver_sm_resp_goes_out_only_after_the_receipt_is_kept(receiving: Any) -> None:
    async with receiving() as it:
        await it.deliver(a_receipt())
        assert len(it.store.receipts) == 1
        assert it.smsc.delivered == []
        it.store.kept[0](True)
        await trio.testing.wait_all_tasks_blocked()
        assert it.smsc.delivered == [(0, 0)]


async def test_what_could_not_be_kept_is_answered_with_a_temporary_error(receiving: Any) -> None:
    async with receiving() as it:
        await it.deliver(a_receipt(), an_inbound(b"hello"))
        it.store.kept[0](False)
        it.store.kept[1](False)
        await trio.testing.wait_all_tasks_blocked()
        assert it.smsc.delivered == [(0, CommandStatus.ESME_RX_T_APPN), (1, CommandStatus.ESME_RX_T_APPN)]


async def test_a_receipt_carries_its_dates_in_utc_by_the_carriers_zone(receiving: Any) -> None:
    async with receiving(receipt_timezone="Europe/Madrid") as it:
        await it.deliver(a_receipt())
        (receipt,) = it.store.receipts
        assert (receipt.carrier, receipt.bind, receipt.at) == ("telco", "telco/1/receiver", NOW)
        assert receipt.receipt.message_id == "5F3A"
        assert receipt.receipt.state is ReceiptState.DELIVERED
        assert receipt.submitted_at == 1_749_981_600_000, "12:00 in Madrid is 10:00 UTC in June"
        assert receipt.done_at == 1_749_981_660_000
        assert receipt.error is None


async def test_an_end_that_is_not_delivered_has_its_cause(receiving: Any) -> None:
    async with receiving() as it:
        await it.deliver(
            a_receipt(
                b"id:1 stat:UNDELIV err:001",
                tlvs={int(Tlv.NETWORK_ERROR_CODE): b"\x03\x00\x01"},
            ),
            a_receipt(b"id:1 stat:ENROUTE err:000"),
        )
        assert [receipt.error for receipt in it.store.receipts] == [ErrorCode.UNKNOWN_SUBSCRIBER, None]


async def test_a_receipt_without_an_id_is_kept_all_the_same(receiving: Any) -> None:
    async with receiving() as it:
        await it.deliver(a_receipt(b"stat:DELIVRD"))
        assert it.store.receipts[0].receipt.message_id is None


async def test_a_receipt_may_come_as_data_sm_and_is_answered_as_one(receiving: Any) -> None:
    async with receiving() as it:
        pdu = DataSm(
            source_addr="34600000001",
            esm_class=4,
            tlvs={int(Tlv.RECEIPTED_MESSAGE_ID): b"5F3A\0", int(Tlv.MESSAGE_STATE): b"\x02"},
        )
        await it.deliver(pdu)
        assert it.store.receipts[0].receipt.message_id == "5F3A"
        it.store.kept[0](True)
        await trio.testing.wait_all_tasks_blocked()
        assert it.smsc.delivered == [(0, 0)]


async def test_a_text_that_looks_like_a_receipt_is_one_only_where_the_carrier_is_said_to_send_such(
    receiving: Any,
) -> None:
    async with receiving() as it:
        await it.deliver(a_receipt(esm_class=0))
        assert len(it.store.inbounds) == 1
    async with receiving(text_receipts=True) as it:
        await it.deliver(a_receipt(esm_class=0))
        assert len(it.store.receipts) == 1


async def test_an_inbound_message_has_its_text_numbers_and_account(receiving: Any) -> None:
    async with receiving() as it:
        await it.deliver(an_inbound(b"STOP"), an_inbound("jā".encode("utf-16-be"), data_coding=8))
        first, second = it.store.inbounds
        assert (first.carrier, first.account) == ("telco", "shop")
        assert (first.sender, first.recipient) == ("+34611111111", "+34600123456")
        assert (first.text, first.encoding, first.at) == ("STOP", "gsm7", NOW)
        assert (second.text, second.encoding) == ("jā", "ucs2")
        assert first.id < second.id


async def test_an_inbound_message_to_nobodys_number_is_kept_without_an_account(receiving: Any) -> None:
    async with receiving() as it:
        await it.deliver(an_inbound(b"hi", dest_addr_ton=3, dest_addr_npi=0, destination_addr="12345"))
        assert it.store.inbounds[0].account is None
        assert it.store.inbounds[0].recipient == "12345"


async def test_a_part_of_a_long_inbound_message_is_its_own_text_without_the_header(receiving: Any) -> None:
    async with receiving() as it:
        await it.deliver(an_inbound(b"\x05\x00\x03\x07\x02\x01first half", esm_class=0x40))
        assert it.store.inbounds[0].text == "first half"


async def test_an_inbound_text_never_holds_a_nul(receiving: Any) -> None:
    async with receiving() as it:
        await it.deliver(an_inbound(b"\0h\0i\0\0", data_coding=8))
        assert it.store.inbounds[0].text == "hi"


async def test_a_kept_receipt_of_a_lost_bind_is_simply_not_answered(receiving: Any) -> None:
    async with receiving() as it:
        await it.deliver(a_receipt())
        await it.smsc.hang_up()
        await trio.testing.wait_all_tasks_blocked()
        it.store.kept[0](True)
        assert it.smsc.delivered == []
