from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import trio
import trio.testing

from gateway.carriers.bind import Bind
from gateway.carriers.traffic import NOBODY_HEARS, Hearing, NobodyHears, Traffic
from gateway.flows.receive import Receive
from gateway.flows.receive_receipts import utc_ms
from gateway.identifiers import Identifiers
from gateway.messages import ErrorCode
from gateway.metrics import INBOUND_UNTOLD
from gateway.rules.senders import NumberOwners
from gateway.settings.causes import ReceiptCause
from gateway.store.interface import InboundIn, ReceiptIn
from protocol.command_status import CommandStatus
from protocol.numbers import BindMode, Tlv
from protocol.pdus import BindRequest, DataSm, DeliverSm
from protocol.receipts import ReceiptState

NOW = 1_750_000_000_000
RECEIPT = (
    b"id:5F3A sub:001 dlvrd:001 submit date:2506151200 done date:2506151201 stat:DELIVRD err:000 text:Your code is 1"
)


class RecordingStore:
    def __init__(self) -> None:
        self.filed: list[ReceiptIn] = []
        self.inbounds: list[InboundIn] = []
        self.kept: list[Callable[[bool], None]] = []

    def receipt(self, receipt: ReceiptIn, kept: Callable[[bool], None]) -> None:
        self.filed.append(receipt)
        self.kept.append(kept)

    def receipts(self, receipts: list[ReceiptIn], kept: Callable[[bool, int], None]) -> None:
        for receipt in receipts:
            self.receipt(receipt, lambda is_kept: kept(is_kept, 1))

    def inbound(self, inbound: InboundIn, kept: Callable[[bool], None]) -> None:
        self.inbounds.append(inbound)
        self.kept.append(kept)


class Setup:
    def __init__(self, smsc: Any, settings: Any, hearing: Hearing) -> None:
        self.smsc = smsc
        self.store = RecordingStore()
        owners = NumberOwners({"shop": ["SHOP", "34600*"], "bank": ["34700000001"]})
        ids = Identifiers(clock=lambda: NOW)
        receive = Receive(self.store, owners, ids, told={"shop"}, hearing=hearing, clock=lambda: NOW)  # type: ignore[arg-type]
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
    async def run(hearing: Hearing = NOBODY_HEARS, **given: Any) -> AsyncIterator[Setup]:
        setup = Setup(scripted_smsc(), carrier_settings(**given), hearing)
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
        assert len(it.store.filed) == 1
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
        assert sorted(it.smsc.delivered) == [(0, CommandStatus.ESME_RX_T_APPN), (1, CommandStatus.ESME_RX_T_APPN)]


async def test_a_receipt_carries_its_dates_in_utc_by_the_carriers_zone(receiving: Any) -> None:
    async with receiving(receipt_timezone="Europe/Madrid") as it:
        await it.deliver(a_receipt())
        (receipt,) = it.store.filed
        assert (receipt.carrier, receipt.bind, receipt.at) == ("telco", "telco/1/receiver", NOW)
        assert receipt.receipt.message_id == "5F3A"
        assert receipt.receipt.state is ReceiptState.DELIVERED
        assert receipt.submitted_at == 1_749_981_600_000, "12:00 in Madrid is 10:00 UTC in June"
        assert receipt.done_at == 1_749_981_660_000
        assert receipt.error is None


@pytest.mark.parametrize(
    ("at", "done_at"),
    [
        ("2026-10-25T00:45:00Z", "2026-10-25T00:30:00Z"),
        ("2026-10-25T01:31:00Z", "2026-10-25T01:30:00Z"),
        ("2026-10-25T06:00:00Z", "2026-10-25T01:30:00Z"),
    ],
)
def test_a_date_in_the_hour_that_comes_twice_is_the_later_unless_that_is_still_to_come(at: str, done_at: str) -> None:
    """Pain 16: at 03:00 of that Sunday clocks in Madrid go back to 02:00, and a receipt says 02:30."""

    def ms(text: str) -> int:
        return int(datetime.fromisoformat(text).timestamp() * 1000)

    assert utc_ms(datetime(2026, 10, 25, 2, 30), ZoneInfo("Europe/Madrid"), ms(at)) == ms(done_at)


async def test_a_date_that_names_its_zone_is_not_moved_by_the_carriers(receiving: Any) -> None:
    async with receiving(receipt_timezone="Asia/Kolkata") as it:
        await it.deliver(a_receipt(b"id:1 done date:250615120100000+ stat:DELIVRD"))
        assert it.store.filed[0].done_at == 1_749_988_860_000


async def test_an_end_that_is_not_delivered_has_its_cause(receiving: Any) -> None:
    async with receiving() as it:
        await it.deliver(
            a_receipt(
                b"id:1 stat:UNDELIV err:001",
                tlvs={int(Tlv.NETWORK_ERROR_CODE): b"\x03\x00\x01"},
            ),
            a_receipt(b"id:1 stat:ENROUTE err:000"),
        )
        assert [receipt.error for receipt in it.store.filed] == [ErrorCode.UNKNOWN_SUBSCRIBER, None]


async def test_pain_15_a_carriers_own_codes_mean_what_the_operator_says_they_do(receiving: Any) -> None:
    tlvs = {int(Tlv.NETWORK_ERROR_CODE): b"\x03\x00\x01"}
    async with receiving(receipt_errors={"0B1": "inbox_full", "77": "spam_filtered"}) as it:
        await it.deliver(
            a_receipt(b"id:1 stat:UNDELIV err:0B1", tlvs=tlvs),
            a_receipt(b"id:1 stat:REJECTD err:77"),
            a_receipt(b"id:1 stat:UNDELIV err:0b1"),
            a_receipt(b"id:1 stat:EXPIRED err:12"),
            a_receipt(b"id:1 stat:DELIVRD err:77"),
            a_receipt(b"id:1 stat:UNDELIV"),
        )
        assert [receipt.error for receipt in it.store.filed] == [
            ErrorCode.INBOX_FULL,
            ErrorCode.SPAM_FILTERED,
            ErrorCode.UNMAPPED,
            ErrorCode.EXPIRED,
            None,
            ErrorCode.UNMAPPED,
        ]


async def test_who_listens_hears_of_the_receipts_of_each_read_and_not_of_messages(receiving: Any) -> None:
    class Listener(NobodyHears):
        def received(self, carrier: str, count: int) -> None:
            heard.append((carrier, count))

    heard: list[tuple[str, int]] = []
    async with receiving(text_receipts=True, hearing=Listener()) as it:
        await it.deliver(a_receipt(b"id:1 stat:DELIVRD"), a_receipt(b"id:2 stat:UNDELIV"))
        await it.deliver(DeliverSm(source_addr="34600000001", destination_addr="34600", short_message=b"Hello"))
        await it.deliver(DeliverSm(source_addr="34600000001", destination_addr="34600", short_message=RECEIPT))
        assert heard == [("telco", 2)]
        # What only looks like a receipt is one once the store has found its message.
        it.store.kept[-1](True)
    assert heard == [("telco", 2), ("telco", 1)]


async def test_a_receipt_that_stops_its_carrier_is_kept_and_says_so(receiving: Any) -> None:
    class Listener(NobodyHears):
        def stop(self, carrier: str, status: str) -> None:
            stopped.append((carrier, status))

    stopped: list[tuple[str, str]] = []
    async with receiving(on_receipt={"0B1": "stop", "spam_filtered": "stop"}, hearing=Listener()) as it:
        await it.deliver(
            a_receipt(b"id:1 stat:UNDELIV err:0B1"),
            a_receipt(b"id:2 stat:UNDELIV err:0B2"),
            a_receipt(b"id:3 stat:DELIVRD err:0B1"),
            a_receipt(b"id:4 stat:ENROUTE err:0B1"),
        )
        assert len(it.store.filed) == 4
    assert stopped == [("telco", "by receipt UNDELIV 0B1")]


async def test_a_receipt_that_stops_a_carrier_is_named_by_the_state_that_decided(receiving: Any) -> None:
    class Listener(NobodyHears):
        def stop(self, carrier: str, status: str) -> None:
            stopped.append(status)

    stopped: list[str] = []
    async with receiving(on_receipt={"0B1": "stop"}, hearing=Listener()) as it:
        await it.deliver(a_receipt(b"id:1 stat:DELIVRD err:0B1", tlvs={int(Tlv.MESSAGE_STATE): b"\x08"}))
    assert stopped == ["by receipt REJECTD 0B1"]


def test_every_cause_that_the_settings_know_is_one_that_callers_see() -> None:
    assert {cause.value for cause in ReceiptCause} <= {code.value for code in ErrorCode}


async def test_a_receipt_without_an_id_is_kept_all_the_same(receiving: Any) -> None:
    async with receiving() as it:
        await it.deliver(a_receipt(b"stat:DELIVRD"))
        assert it.store.filed[0].receipt.message_id is None


async def test_a_receipt_may_come_as_data_sm_and_is_answered_as_one(receiving: Any) -> None:
    async with receiving() as it:
        pdu = DataSm(
            source_addr="34600000001",
            esm_class=4,
            tlvs={int(Tlv.RECEIPTED_MESSAGE_ID): b"5F3A\0", int(Tlv.MESSAGE_STATE): b"\x02"},
        )
        await it.deliver(pdu)
        assert it.store.filed[0].receipt.message_id == "5F3A"
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
        await it.deliver(a_receipt(esm_class=0), a_receipt())
        guessed, marked = it.store.filed
        assert (guessed.receipt.is_guess, marked.receipt.is_guess) == (True, False)
        assert guessed.otherwise is not None
        assert guessed.otherwise.text == RECEIPT.decode(), "what it is unless it names a message of ours"
        assert marked.otherwise is None


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


async def test_a_part_of_a_long_inbound_message_is_acknowledged_only_when_it_is_kept(receiving: Any) -> None:
    async with receiving() as it:
        await it.deliver(an_inbound(b"\x05\x00\x03\x07\x02\x01first half", esm_class=0x40))
        (inbound,) = it.store.inbounds
        assert inbound.part is not None
        assert (inbound.part.part, inbound.part.total, inbound.text) == (1, 2, "")
        assert it.smsc.delivered == []
        it.store.kept[0](True)
        await trio.testing.wait_all_tasks_blocked()
        assert it.smsc.delivered == [(0, 0)]


async def test_pain_44_an_inbound_message_that_nobody_is_told_of_is_refused_where_the_carrier_is_said_to_be(
    receiving: Any,
) -> None:
    nobodys = {"dest_addr_ton": 3, "dest_addr_npi": 0, "destination_addr": "12345"}
    async with receiving(unroutable_inbound="refuse") as it:
        await it.deliver(
            an_inbound(b"hi", **nobodys),
            an_inbound(b"\x05\x00\x03\x07\x02\x01a part", esm_class=0x40, **nobodys),
            an_inbound(b"hello", destination_addr="34700000001"),
            an_inbound(b"hello"),
            an_inbound(b"stop", **nobodys),
        )
        assert it.smsc.delivered == [], "whose they are the store finds out"
        assert [inbound.is_refused for inbound in it.store.inbounds] == [True, True, True, False, True]
        it.store.inbounds[4].is_refused = False
        for kept in it.store.kept:
            kept(True)
        await trio.testing.wait_all_tasks_blocked()
        refused = [(token, CommandStatus.ESME_RX_R_APPN) for token in (0, 1, 2)]
        assert it.smsc.delivered == [*refused, (3, 0), (4, 0)], "the bank's webhook takes none"


async def test_pain_44_an_inbound_message_that_nobody_is_told_of_is_kept_and_counted_by_default(receiving: Any) -> None:
    before = INBOUND_UNTOLD.labels("telco")._value.get()
    async with receiving() as it:
        await it.deliver(an_inbound(b"hi", destination_addr="99"), an_inbound(b"hello", destination_addr="34700000001"))
        assert len(it.store.inbounds) == 2
        for kept in it.store.kept:
            kept(True)
        assert INBOUND_UNTOLD.labels("telco")._value.get() - before == 2


@pytest.mark.parametrize(
    ("unroutable", "destination", "was_inbound", "answer", "untold"),
    [
        ("refuse", "12345", True, CommandStatus.ESME_RX_R_APPN, 1),
        ("refuse", "34700000001", True, CommandStatus.ESME_RX_R_APPN, 1),
        ("refuse", "34600123456", True, CommandStatus.ESME_ROK, 0),
        ("refuse", "12345", False, CommandStatus.ESME_ROK, 0),
        ("accept", "12345", True, CommandStatus.ESME_ROK, 1),
    ],
)
async def test_pains_18_and_44_what_only_looked_like_a_receipt_is_refused_and_counted_as_any_inbound_message(
    receiving: Any, unroutable: str, destination: str, was_inbound: bool, answer: CommandStatus, untold: int
) -> None:
    before = INBOUND_UNTOLD.labels("telco")._value.get()
    async with receiving(text_receipts=True, unroutable_inbound=unroutable) as it:
        await it.deliver(a_receipt(esm_class=0, destination_addr=destination))
        (guess,) = it.store.filed
        assert it.smsc.delivered == [], "whether it is a receipt the store finds out"
        guess.was_inbound = was_inbound
        it.store.kept[0](True)
        await trio.testing.wait_all_tasks_blocked()
        assert it.smsc.delivered == [(0, answer)]
        assert INBOUND_UNTOLD.labels("telco")._value.get() - before == untold


async def test_a_guess_that_could_not_be_kept_is_answered_with_a_temporary_error(receiving: Any) -> None:
    async with receiving(text_receipts=True, unroutable_inbound="refuse") as it:
        await it.deliver(a_receipt(esm_class=0, destination_addr="12345"))
        it.store.filed[0].was_inbound = True
        it.store.kept[0](False)
        await trio.testing.wait_all_tasks_blocked()
        assert it.smsc.delivered == [(0, CommandStatus.ESME_RX_T_APPN)]


async def test_trap_3_an_ordinary_inbound_message_with_receipted_message_id_stays_one(receiving: Any) -> None:
    async with receiving() as it:
        await it.deliver(an_inbound(b"hello", tlvs={int(Tlv.RECEIPTED_MESSAGE_ID): b"5F3A\0"}))
        assert it.store.filed == []
        assert it.store.inbounds[0].text == "hello"


async def test_an_inbound_message_may_come_as_data_sm_and_is_answered_as_one(receiving: Any) -> None:
    async with receiving() as it:
        await it.deliver(
            DataSm(
                source_addr="34611111111",
                destination_addr="34600123456",
                dest_addr_ton=1,
                tlvs={int(Tlv.MESSAGE_PAYLOAD): b"from a phone"},
            )
        )
        assert (it.store.inbounds[0].text, it.store.inbounds[0].account) == ("from a phone", "shop")
        it.store.kept[0](True)
        await trio.testing.wait_all_tasks_blocked()
        assert it.smsc.delivered == [(0, 0)]


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


async def test_receipts_of_one_read_are_answered_as_they_were_kept(receiving: Any) -> None:
    async with receiving() as it:
        await it.deliver(
            a_receipt(), a_receipt(), DataSm(esm_class=4, tlvs={Tlv.MESSAGE_PAYLOAD: RECEIPT}), a_receipt()
        )
        for kept, is_kept in zip(it.store.kept, (True, True, False, True), strict=True):
            kept(is_kept)
        await trio.testing.wait_all_tasks_blocked()
        assert it.smsc.delivered == [(0, 0), (1, 0), (2, CommandStatus.ESME_RX_T_APPN), (3, 0)]
