"""What a carrier was handed in a period: every segment once, however long before it its message was accepted."""

import sqlite3
from typing import Any

import pytest

from gateway.messages import AttemptState
from gateway.store.interface import Verdict
from gateway.store.reconciliation import readers
from gateway.store.reconciliation.interface import BEGIN, HandedRow, Mark, Period, Walk

HOUR = 3_600_000
DAY = 24 * HOUR


def pages(bench: Any, period: Period, **bounds: int) -> list[HandedRow]:
    """All of it, by a connection from outside."""
    connection = sqlite3.connect(bench.store.path)
    rows: list[HandedRow] = []
    mark: Mark | None = BEGIN
    while mark is not None:
        page = readers.handed(connection, period, mark, **bounds)
        assert len(page.rows) <= bounds.get("most", readers.ROWS)
        rows += page.rows
        mark = page.next
    connection.close()
    return rows


async def handed(bench: Any, after: int, before: int, carrier: str = "telco") -> list[HandedRow]:
    return pages(bench, Period(carrier, after, before))


async def test_a_segment_is_told_with_all_that_a_bill_names(open_store: Any) -> None:
    async with open_store() as bench:
        began = bench.clock()
        message = await bench.sent("5F3A", client_id="order-8841")
        await bench.receipt("5F3A")
        (row,) = await handed(bench, began, began + HOUR)
        assert (row.message, row.part, row.parts, row.attempt) == (message, 1, 1, 1)
        assert (row.state, row.command_status, row.receipt_state) == (AttemptState.DELIVERED, 0, "DELIVRD")
        assert (row.carrier_message_id, row.err, row.client_id, row.account) == ("5F3A", "000", "order-8841", "shop")
        assert (row.recipient, row.country, row.sender, row.lane) == ("+34600000001", "ES", "SHOP", "transactional")
        assert row.possible_duplicate is False
        assert row.campaign == 0


async def test_only_the_period_and_the_carrier_asked_for_are_told(open_store: Any) -> None:
    async with open_store() as bench:
        began = bench.clock()
        early = await bench.sent("a")
        bench.clock.advance(HOUR)
        late = await bench.sent("b")
        assert [row.message for row in await handed(bench, began, began + HOUR)] == [early]
        assert [row.message for row in await handed(bench, began + HOUR, began + HOUR + 1)] == [late]
        assert await handed(bench, began, began + DAY, carrier="other") == []


async def test_each_part_and_each_try_of_it_is_a_line(open_store: Any) -> None:
    async with open_store() as bench:
        began = bench.clock()
        (long,) = await bench.accept(bench.a_long_message(3))
        bind = bench.bind()
        await bind.ask(5)
        await bind.answer(bind.an_answer(long, part=1), bind.an_answer(long, part=2))
        await bind.answer(bind.an_answer(long, Verdict.POSTPONED, part=3))
        await bench.after(10_000)
        await bind.ask(5)
        await bind.answer(bind.an_answer(long, part=3))
        rows = await handed(bench, began, began + HOUR)
        assert [(row.part, row.attempt, row.parts) for row in rows] == [(1, 1, 3), (2, 1, 3), (3, 1, 3), (3, 2, 3)]
        assert rows[2].command_status == 0x58


async def test_what_never_was_on_the_wire_is_not_told(open_store: Any) -> None:
    async with open_store() as bench:
        began = bench.clock()
        message = await bench.accept_one()
        bind = bench.bind()
        await bind.ask(1)
        await bind.release(message)
        assert await handed(bench, began, began + HOUR) == []


async def test_what_is_in_hand_is_told_until_it_has_its_answer(open_store: Any) -> None:
    async with open_store() as bench:
        began = bench.clock()
        messages = await bench.accept(bench.a_message(), bench.a_message())
        bind = bench.bind()
        await bind.ask(2)
        assert bench.sql("SELECT count(*) FROM attempts") == [(0,)]
        rows = await handed(bench, began, began + HOUR)
        assert sorted(row.message for row in rows) == messages
        assert {row.state for row in rows} == {AttemptState.SUBMITTING}
        await bind.send(messages[0])
        rows = await handed(bench, began, began + HOUR)
        assert sorted((row.message, row.state) for row in rows) == [
            (messages[0], AttemptState.SENT),
            (messages[1], AttemptState.SUBMITTING),
        ]
        assert await handed(bench, began, began + HOUR, carrier="other") == []


@pytest.mark.parametrize("waited", [HOUR, DAY - 1, DAY, DAY + 1, 29 * DAY])
async def test_what_was_accepted_long_before_the_period_is_not_missed(open_store: Any, waited: int) -> None:
    async with open_store() as bench:
        at = bench.clock() + waited
        message = await bench.accept_one(scheduled_at=at, expires_at=at + DAY)
        usual = await bench.sent("usual")
        await bench.after(waited)
        bind = bench.bind()
        await bind.ask(1)
        await bind.send(message)
        rows = await handed(bench, at, at + HOUR)
        assert [row.message for row in rows] == [message]
        both = await handed(bench, at - waited, at + HOUR)
        assert sorted(row.message for row in both) == sorted([message, usual])


async def test_a_clock_that_was_set_back_hides_nothing(open_store: Any) -> None:
    async with open_store() as bench:
        message = await bench.accept_one()
        bench.clock.advance(-3 * DAY)
        bind = bench.bind()
        await bind.ask(1)
        await bind.send(message)
        rows = await handed(bench, bench.clock(), bench.clock() + HOUR)
        assert [row.message for row in rows] == [message]


@pytest.mark.parametrize("late", [0, 2 * DAY])
async def test_pages_cut_anywhere_hold_every_segment_once(open_store: Any, late: int) -> None:
    async with open_store() as bench:
        at = bench.clock() + late
        given = {"scheduled_at": at, "expires_at": at + DAY} if late else {}
        long = [bench.a_long_message(4, **given) for _ in range(12)]
        short = [bench.a_message(**given) for _ in range(30)]
        messages = await bench.accept(*long, *short)
        await bench.after(late)
        bind = bench.bind()
        await bind.ask(200)
        for message in messages:
            for part in range(1, 5 if message in messages[:12] else 2):
                await bind.send(message, f"{message:x}-{part}", part=part)
        whole = await handed(bench, at, at + HOUR)
        assert len(whole) == 12 * 4 + 30
        for most, looked_at in ((7, 10), (1, 1), (3, 1_000), (1_000, 3)):
            assert pages(bench, Period("telco", at, at + HOUR), most=most, looked_at=looked_at) == whole


async def test_what_others_were_handed_is_walked_a_bounded_number_at_a_time(open_store: Any) -> None:
    async with open_store() as bench:
        await bench.sent("a")
        page = await bench.store.handed(Period("other", 0, bench.clock() + DAY), Mark(Walk.USUAL))
        assert page.rows == []
        assert page.next is None


async def test_claims_in_hand_are_read_a_page_at_a_time(open_store: Any) -> None:
    async with open_store() as bench:
        began = bench.clock()
        bind = bench.bind()
        messages = []
        for _ in range(6):
            messages.append(await bench.accept_one())
            await bind.ask(1)
        for most in (1, 2, 4, 100):
            rows = pages(bench, Period("telco", began, began + HOUR), most=most)
            assert sorted(row.message for row in rows) == messages


async def test_a_carrier_is_known_by_what_it_took(open_store: Any) -> None:
    async with open_store() as bench:
        assert not await bench.store.was_handed_any("telco")
        await bench.sent("a")
        assert await bench.store.was_handed_any("telco")


async def test_the_usual_message_has_no_entry_in_the_index_of_late_ones(open_store: Any) -> None:
    async with open_store() as bench:
        await bench.sent("a")
        await bench.receipt("a")
        late = (
            "SELECT count(*) FROM attempts INDEXED BY attempts_late WHERE abs(claimed_at - (message >> 20)) > 86400000"
        )
        assert bench.sql(late) == [(0,)]
