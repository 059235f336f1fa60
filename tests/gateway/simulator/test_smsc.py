import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.simulator.deliveries import Delivery, Inbound, Receipt
from gateway.simulator.message_ids import IdFormat
from gateway.simulator.options import Options, ReceiptParts
from gateway.simulator.outcomes import Course
from gateway.simulator.receipt_stat import ReceiptStat
from gateway.simulator.smsc import Smsc
from gateway.simulator.spans import Span
from protocol.command_status import CommandStatus
from protocol.numbers import BindMode, Tlv
from protocol.pdus import BindRequest, CancelSm, CancelSmResp, QuerySm, SubmitSm
from protocol.segments import LongMessages

MakeSubmit = Callable[..., SubmitSm]


class Bind:
    """Takes every delivery."""

    room = 1_000_000

    def __init__(self) -> None:
        self.got: list[Delivery] = []

    def deliver(self, delivery: Delivery, now: float) -> None:
        self.got.append(delivery)


def an_smsc(**options: object) -> Smsc:
    return Smsc(Options(**{"seed": 1, **options}), clock=lambda: 1_790_000_000.0)  # type: ignore[arg-type]


def take_and_report(smsc: Smsc, pdu: SubmitSm, now: float = 0.0) -> list[Delivery]:
    """The receipts that the account has ready at once."""
    account, bind = smsc.account("shop"), Bind()
    account.join(bind)
    smsc.report(account, smsc.submit(account, pdu, now), now)
    account.hand_out(now)
    account.leave(bind)
    return bind.got


def test_what_is_taken_has_an_id_and_a_receipt(a_submit: MakeSubmit) -> None:
    smsc = an_smsc()
    verdict = smsc.submit(smsc.account("shop"), a_submit(), 0.0)
    assert (verdict.status, verdict.message_id) == (0, "1")
    (receipt,) = take_and_report(smsc, a_submit())
    assert isinstance(receipt, Receipt)
    assert receipt.state is ReceiptStat.DELIVRD


def test_a_receipt_is_owed_once_however_often_it_is_reported(a_submit: MakeSubmit) -> None:
    smsc = an_smsc()
    account = smsc.account("shop")
    verdict = smsc.submit(account, a_submit(), 0.0)
    smsc.report(account, verdict, 0.0)
    smsc.report(account, verdict, 0.0)
    assert account.open_count == 1


def test_without_a_seed_ids_go_on_from_the_clock() -> None:
    ids = [
        Smsc(Options(), clock=clock).submit(Smsc(Options()).account("shop"), SubmitSm(), 0.0).message_id
        for clock in (lambda: 1_790_000_000.0, lambda: 1_790_000_001.0)
    ]
    assert int(ids[1]) - int(ids[0]) == 1_000_000


def test_ids_begin_where_they_are_told_and_are_spelt_as_told() -> None:
    smsc = an_smsc(first_id=24378, id_format=IdFormat.HEX)
    assert smsc.submit(smsc.account("shop"), SubmitSm(), 0.0).message_id == "5F3A"


@pytest.mark.parametrize(
    ("options", "system_id", "password", "status"),
    [
        ({}, "anyone", "anything", CommandStatus.ESME_ROK),
        ({"system_id": "shop"}, "shop", "x", CommandStatus.ESME_ROK),
        ({"system_id": "shop"}, "other", "x", CommandStatus.ESME_RINVSYSID),
        ({"password": "secret"}, "shop", "secret", CommandStatus.ESME_ROK),
        ({"password": "secret"}, "shop", "wrong", CommandStatus.ESME_RINVPASWD),
        ({"bind_status": CommandStatus.ESME_RALYBND}, "shop", "x", CommandStatus.ESME_RALYBND),
    ],
)
def test_binds_are_let_in_as_told(options: dict[str, object], system_id: str, password: str, status: int) -> None:
    request = BindRequest(BindMode.TRANSCEIVER, system_id, password)
    assert an_smsc(**options).bind_status(request) == status


def test_the_rate_is_counted_by_system_id_and_second(a_submit: MakeSubmit) -> None:
    smsc = an_smsc(throttle_over=2)

    def statuses(system_id: str, now: float) -> list[int]:
        return [smsc.submit(smsc.account(system_id), a_submit(), now).status for _ in range(3)]

    throttled = CommandStatus.ESME_RTHROTTLED
    assert statuses("shop", 10.0) == [0, 0, throttled]
    assert statuses("other", 10.0) == [0, 0, throttled]
    assert statuses("shop", 10.9) == [throttled] * 3
    assert statuses("shop", 11.0) == [0, 0, throttled]
    assert smsc.figures.throttled == 6


def test_a_refused_message_is_counted_and_owes_nothing(a_submit: MakeSubmit) -> None:
    smsc = an_smsc()
    assert take_and_report(smsc, a_submit("34600000400")) == []
    assert (smsc.figures.refused, smsc.figures.taken) == (1, 0)


def test_the_same_part_and_text_to_the_same_number_is_doubled_whatever_its_reference(a_submit: MakeSubmit) -> None:
    smsc = an_smsc()
    account = smsc.account("shop")
    first, second, again = (
        a_submit(text=bytes([5, 0, 3, reference, 2, part]) + b"Hello", esm_class=0x40)
        for reference, part in ((1, 1), (1, 2), (9, 1))
    )
    smsc.submit(account, first, 0.0)
    smsc.submit(account, second, 0.0)
    assert smsc.figures.doubled == 0
    smsc.submit(account, again, 0.0)
    assert smsc.figures.doubled == 1


def test_a_refused_message_that_comes_again_is_not_doubled(a_submit: MakeSubmit) -> None:
    smsc = an_smsc()
    account = smsc.account("shop")
    assert smsc.submit(account, a_submit("34600000503"), 0.0).status == CommandStatus.ESME_RMSGQFUL
    assert smsc.submit(account, a_submit("34600000503"), 0.0).status == 0
    assert (smsc.figures.taken, smsc.figures.doubled) == (1, 0)


def test_a_receipt_waits_for_its_delay(a_submit: MakeSubmit) -> None:
    smsc = an_smsc(receipt_delay=Span(2, 2))
    assert take_and_report(smsc, a_submit(), 10.0) == []
    bind = Bind()
    smsc.account("shop").join(bind)
    assert smsc.next_due == 12.0
    smsc.release(11.9)
    assert bind.got == []
    smsc.release(12.0)
    assert len(bind.got) == 1


def test_an_unacknowledged_receipt_comes_again_until_it_is_acknowledged(a_submit: MakeSubmit) -> None:
    smsc = an_smsc(receipt_retry=5.0)
    account, bind = smsc.account("shop"), Bind()
    (receipt,) = take_and_report(smsc, a_submit())
    account.join(bind)
    smsc.settle(account, receipt, CommandStatus.ESME_RX_T_APPN, 20.0)
    assert smsc.counted().waiting == 1
    smsc.release(25.0)
    assert bind.got == [receipt]
    smsc.settle(account, receipt, 0, 26.0)
    assert smsc.counted().waiting == 0
    assert (smsc.figures.receipts_again, smsc.figures.receipts_acknowledged) == (1, 1)


def test_beyond_the_limit_receipts_are_thrown_away_and_counted(a_submit: MakeSubmit) -> None:
    smsc = an_smsc(receipt_limit=2)
    account = smsc.account("shop")
    for number in range(5):
        smsc.report(account, smsc.submit(account, a_submit(text=b"%d" % number), 0.0), 0.0)
    assert (account.open_count, smsc.figures.receipts_discarded) == (2, 3)


@pytest.mark.parametrize(
    ("wanted", "parts"), [(ReceiptParts.EVERY, [1, 2, 3]), (ReceiptParts.FIRST, [1]), (ReceiptParts.LAST, [3])]
)
def test_only_the_chosen_parts_have_receipts(a_submit: MakeSubmit, wanted: ReceiptParts, parts: list[int]) -> None:
    smsc = an_smsc(receipt_parts=wanted)
    with_receipt = [
        part
        for part in (1, 2, 3)
        if take_and_report(smsc, a_submit(text=bytes([5, 0, 3, 1, 3, part]) + b"Hi", esm_class=0x40))
    ]
    assert with_receipt == parts


def test_a_message_of_one_part_is_its_first_and_last(a_submit: MakeSubmit) -> None:
    for wanted in ReceiptParts:
        assert len(take_and_report(an_smsc(receipt_parts=wanted), a_submit())) == 1


def test_the_message_that_meets_the_cut_is_taken_or_not_as_told(a_submit: MakeSubmit) -> None:
    for takes in (True, False):
        smsc = an_smsc(drop_takes=takes)
        verdict = smsc.submit(smsc.account("shop"), a_submit(), 0.0, is_last=True)
        assert verdict.course is Course.DROPPED
        assert smsc.figures.taken == takes


def test_query_sm_tells_the_last_state(a_submit: MakeSubmit) -> None:
    smsc = an_smsc()
    take_and_report(smsc, a_submit("34600000404"))
    assert smsc.query(QuerySm("1", sequence=9)).message_state == ReceiptStat.UNDELIV
    unknown = smsc.query(QuerySm("2", sequence=9))
    assert (unknown.status, unknown.sequence) == (CommandStatus.ESME_RQUERYFAIL, 9)


def test_a_message_is_on_its_way_until_its_receipt_is_due_and_can_be_deleted_until_then(a_submit: MakeSubmit) -> None:
    smsc, bind = an_smsc(receipt_delay=Span(10, 10)), Bind()
    smsc.account("shop").join(bind)
    take_and_report(smsc, a_submit())
    take_and_report(smsc, a_submit("34600000002"))
    assert smsc.query(QuerySm("1")).message_state == ReceiptStat.ENROUTE
    assert smsc.cancel(CancelSm("", "1", sequence=9)) == CancelSmResp(0, 9)
    assert smsc.cancel(CancelSm("", "1", sequence=9)).status == CommandStatus.ESME_RCANCELFAIL
    assert smsc.query(QuerySm("1")).message_state == ReceiptStat.DELETED
    smsc.release(10.0)
    assert [d.state for d in bind.got if isinstance(d, Receipt)] == [ReceiptStat.DELETED, ReceiptStat.DELIVRD]
    assert smsc.query(QuerySm("2")).message_state == ReceiptStat.DELIVRD
    assert smsc.cancel(CancelSm("", "2")).status == CommandStatus.ESME_RCANCELFAIL
    assert smsc.cancel(CancelSm("", "nobody's")).status == CommandStatus.ESME_RCANCELFAIL


def test_query_sm_tells_of_a_message_that_is_never_reported(a_submit: MakeSubmit) -> None:
    smsc = an_smsc()
    take_and_report(smsc, a_submit("34600000204"))
    assert smsc.query(QuerySm("1")).message_state == ReceiptStat.DELIVRD


def test_a_long_inbound_text_comes_in_parts() -> None:
    smsc, bind = an_smsc(), Bind()
    account = smsc.account("shop")
    account.join(bind)
    smsc.inbound(account, "+34600111222", "1234", "ñandú " * 40)
    account.hand_out(0.0)
    pdus = [delivery.pdu for delivery in bind.got if isinstance(delivery, Inbound)]
    assert len(pdus) > 1
    assert "".join(pdu.octets[6:].decode("utf-16-be") for pdu in pdus) == "ñandú " * 40
    assert {pdu.source_addr for pdu in pdus} == {"34600111222"}


def test_parts_of_a_long_inbound_text_come_as_told_and_joined_as_told() -> None:
    smsc, bind = an_smsc(inbound_long=LongMessages.SAR, inbound_parts=(2, 1, 1, 9)), Bind()
    account = smsc.account("shop")
    account.join(bind)
    smsc.inbound(account, "+34600111222", "1234", "x" * 300)
    smsc.inbound(account, "+34600111222", "1234", "short")
    account.hand_out(0.0)
    pdus = [delivery.pdu for delivery in bind.got if isinstance(delivery, Inbound)]
    told = [pdu.tlvs.get(Tlv.SAR_SEGMENT_SEQNUM) for pdu in pdus]
    assert told == [b"\2", b"\1", b"\1", None]


def test_the_record_holds_what_was_taken_and_nothing_else(tmp_path: Path, a_submit: MakeSubmit) -> None:
    smsc = an_smsc(record=tmp_path / "taken")
    account = smsc.account("shop")
    for destination in ("34600111222", "34600000400", "34600000444"):
        smsc.submit(account, a_submit(destination), 0.0)
    assert smsc.record is not None
    smsc.record.close()
    lines = [json.loads(line) for line in (tmp_path / "taken").read_text().splitlines()]
    assert [(line["id"], line["destination"]) for line in lines] == [("1", "34600111222"), ("2", "34600000444")]


def test_other_options_hold_from_the_next_message_on(a_submit: MakeSubmit) -> None:
    smsc = an_smsc()
    account = smsc.account("shop")
    assert smsc.submit(account, a_submit(), 0.0).status == 0
    smsc.change(Options(throttle_share=1.0))
    assert smsc.submit(account, a_submit(), 0.0).status == CommandStatus.ESME_RTHROTTLED
    smsc.change(Options(id_format=IdFormat.PADDED))
    assert smsc.submit(account, a_submit(), 0.0).message_id == "2"
