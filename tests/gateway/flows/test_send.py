"""What a bind is dealt becomes submit_sm, its answers are recorded, and every slot comes back."""

from typing import Any

import trio
from fed_binds import NOW, a_claim, claims, names, quiet

from gateway.flows.send import RECORD_AGAIN_SECONDS
from gateway.messages import ErrorCode
from gateway.rules.retrying import Verdict
from protocol.command_status import CommandStatus


async def test_a_bound_bind_asks_for_its_whole_window(sending: Any, autojump_clock: Any) -> None:
    async with sending(window=7) as it:
        assert it.store.carrier == "telco"
        assert it.store.asks == [7]


async def test_a_claim_becomes_a_submit_sm_with_addresses_receipt_and_what_is_left_of_its_validity(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending(service_type="WAP") as it:
        it.store.deal(a_claim(1, parts=2, sender="+34600123456"))
        await quiet()
        first, second = it.smsc.submits
        assert (first.source_addr_ton, first.source_addr_npi, first.source_addr) == (1, 1, "34600123456")
        assert (first.dest_addr_ton, first.dest_addr_npi, first.destination_addr) == (1, 1, "34600000001")
        assert first.service_type == "WAP"
        assert first.validity_period == "000000000130000R"
        assert [pdu.registered_delivery for pdu in (first, second)] == [1, 1]
        assert [pdu.esm_class for pdu in (first, second)] == [0x40, 0x40]
        assert [pdu.short_message for pdu in (first, second)] == [b"1.1", b"1.2"]


async def test_a_carriers_own_address_types_replace_the_derived_ones(sending: Any, autojump_clock: Any) -> None:
    async with sending(source_ton=0, source_npi=9, dest_ton=2, dest_npi=8) as it:
        it.store.deal(a_claim(1))
        await quiet()
        (pdu,) = it.smsc.submits
        assert (pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr) == (0, 9, "SHOP")
        assert (pdu.dest_addr_ton, pdu.dest_addr_npi) == (2, 8)


async def test_answers_of_one_read_are_one_call_and_their_slots_come_back_with_the_commit(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending() as it:
        it.store.deal(*claims(4))
        await quiet()
        await it.answer(0, 0, 0, 0)
        assert it.store.standing == 6
        ((answers, room, _),) = it.store.pending
        assert room == 4
        assert [(a.message, a.part, a.attempt, a.verdict) for a in answers] == [
            (message, 1, 1, Verdict.SENT) for message in range(1, 5)
        ]
        assert [a.carrier_message_id for a in answers] == ["id-1", "id-2", "id-3", "id-4"]
        assert {(a.at, a.command_status, a.retry_at, a.error) for a in answers} == {(NOW, 0, 0, None)}
        it.store.commit()
        assert it.store.standing == 10
        assert it.store.asks == [10], "the commit gave the room; nothing was asked beside it"


async def test_answers_that_the_store_cannot_keep_hold_their_slots_and_are_put_again(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending(window=3) as it:
        it.store.deal(*claims(3))
        await quiet()
        await it.answer(0, 0)
        it.store.commit(kept=False)
        assert it.store.standing == 0
        assert it.store.answers == []
        await trio.sleep(RECORD_AGAIN_SECONDS * 1.5)
        assert it.store.standing == 0
        it.store.commit()
        assert [answer.message for answer in it.store.answers] == [1, 2]
        assert it.store.standing == 2


async def test_other_answers_do_not_free_a_slot_whose_answer_is_not_kept(sending: Any, autojump_clock: Any) -> None:
    async with sending(window=3) as it:
        it.store.deal(*claims(3))
        await quiet()
        await it.answer(0)
        it.store.commit(kept=False)
        await it.answer(0)
        it.store.commit()
        assert it.store.standing == 1
        await trio.sleep(1)
        it.store.commit()
        assert it.store.standing == 2


async def test_a_long_message_overdraws_and_is_paid_back_before_the_next_ask(sending: Any, autojump_clock: Any) -> None:
    async with sending(window=3) as it:
        it.store.deal(*claims(2))
        it.store.deal(a_claim(3, parts=10))
        await quiet()
        assert it.store.standing == -9
        assert it.smsc.most_unanswered == 3
        for answered in range(12):
            await it.answer(0)
            it.store.commit()
            assert it.store.standing == -8 + answered
            assert it.smsc.most_unanswered == 3
        assert it.store.standing == 3
        assert it.store.asks == [3]
        assert [pdu.short_message for pdu in it.smsc.submits[2:]] == [f"3.{part}".encode() for part in range(1, 11)]


async def test_a_temporary_error_is_retried_later_and_refused_when_the_tries_are_used_up(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending() as it:
        it.store.deal(a_claim(1, tries=0), a_claim(2, tries=2))
        await quiet()
        await it.answer(int(CommandStatus.ESME_RSYSERR), int(CommandStatus.ESME_RSYSERR))
        it.store.commit()
        retried, refused = it.store.answers
        assert retried.verdict is Verdict.RETRY
        assert retried.retry_at > NOW
        assert (refused.verdict, refused.error) == (Verdict.REFUSED, ErrorCode.CARRIER_UNAVAILABLE)
        assert it.bind.can_send
        assert it.store.standing == 10


async def test_a_permanent_error_is_refused(sending: Any, autojump_clock: Any) -> None:
    async with sending() as it:
        it.store.deal(a_claim(1))
        await quiet()
        await it.answer(int(CommandStatus.ESME_RINVDSTADR))
        it.store.commit()
        assert it.store.answers[0].verdict is Verdict.REFUSED
        assert it.store.answers[0].error == ErrorCode.DESTINATION_NOT_SERVED


async def test_an_unanswered_submit_is_in_doubt_its_slot_is_free_and_its_late_answer_is_recorded(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending(window=4, response_timeout="60s") as it:
        it.store.deal(*claims(2))
        await trio.sleep(61)
        assert it.store.doubted == names(2)
        assert it.store.standing == 4
        await it.answer(0)
        ((answers, room, _),) = it.store.pending
        assert room == 0
        assert answers[0].verdict is Verdict.SENT
        assert answers[0].message == 1
        it.store.commit()
        assert it.store.standing == 4


async def test_what_a_stuck_write_held_back_is_released_and_its_slots_are_asked_for_again(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending(window=6, response_timeout="5s") as it:
        it.smsc.near.send_stream.send_all_hook = trio.sleep_forever
        it.store.deal(*claims(1))
        await trio.sleep(1)
        it.store.deal(*claims(2, first=2))
        await trio.sleep(5.5)
        assert it.store.doubted == names(1)
        assert it.store.released == names(2, first=2)
        assert it.store.standing == 6


async def test_what_no_frame_can_hold_is_refused_and_its_slot_comes_back(sending: Any, autojump_clock: Any) -> None:
    async with sending(window=2) as it:
        it.store.deal(a_claim(1, recipient="+" + "1" * 70), a_claim(2))
        await quiet()
        assert len(it.smsc.submits) == 1
        it.store.commit()
        (answer,) = it.store.answers
        assert (answer.message, answer.verdict) == (1, Verdict.REFUSED)
        assert it.store.standing == 1


async def test_a_carrier_that_is_halted_gives_back_what_was_not_written_and_its_ask_stands(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending(window=4, submit_rate=1) as it:
        it.store.deal(*claims(3))
        await quiet()
        written = len(it.smsc.submits)
        it.send.halt("another")
        assert it.store.released == []
        it.send.halt("telco")
        assert it.store.released == names(3 - written, first=written + 1)
        assert it.store.standing > 0
