"""When an ask is at fault, or who is told: the guilty one is left alone, and what came with it goes on."""

from functools import partial

import pytest
import trio
import trio.testing

from gateway.identifiers import MESSAGE, public
from gateway.messages import MessageState
from gateway.store.sqlite import SqliteStore
from gateway.webhooks.payloads import event_body

SECOND = 1_000
MINUTE = 60 * SECOND


def break_it(work):
    work.execute("INSERT INTO audit (id, at, who, what) VALUES (1, 1, 'nobody', 'half a change')")
    raise LookupError("guilty")


class Breakable(SqliteStore):
    """A store that can be asked for something wrong."""

    async def do_wrong(self):
        await self._order(break_it)


async def _guilty(bench):
    with pytest.raises(LookupError):
        await bench.store.do_wrong()


async def test_only_the_guilty_ask_of_a_batch_fails(open_store):
    async with open_store(store=Breakable) as bench:
        message, bind = await bench.accept_one(), bench.bind()
        await bind.ask(1)
        kept = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_guilty, bench)
            nursery.start_soon(bench.accept_one)
            nursery.start_soon(bench.commit)
            bench.store.answered(bind.name, [bind.an_answer(message)], 1, kept.append)
            bench.store.receipt(bench.a_receipt("unheard-of", to="1"), kept.append)
            bench.store.inbound(bench.an_inbound(text="Hello"), kept.append)
        assert kept == [True] * 3
        assert await bench.state(message) is MessageState.SENT
        assert bench.sql("SELECT count(*) FROM audit") == [(0,)]
        await bench.commit()
        assert len(bind.claims) == 2, "the slot that the answer freed is dealt"
        assert bench.ready_is_right()


async def test_an_answer_that_cannot_be_recorded_harms_no_other_ask_and_sends_nothing_twice(open_store):
    """The carrier has said that it took the message: that its event can't be rendered makes nothing doubtful."""

    def fussy(facts):
        if facts.type == "message.sent" and facts.message.tag == "unspeakable":
            raise ValueError("can't be said")
        return event_body(facts)

    async with open_store(render=fussy) as bench:
        message = await bench.accept_one(tag="unspeakable", expires_at=bench.clock() + 3_600 * SECOND)
        bind = bench.bind()
        await bind.ask(1)
        bench.store.answered(bind.name, [bind.an_answer(message)], 1, bind.kept.append)
        other = await bench.accept_one(lane="otp", expires_at=bench.clock() + SECOND)
        assert await bench.store.message(None, other) is not None
        await bind.ask(10)
        for _ in range(15):
            await bench.after(120 * SECOND)
        assert bind.messages.count(message) == 1


@pytest.mark.parametrize("unspeakable", [{"message.sent"}, {"message.sent", "message.delivered"}])
async def test_an_answer_whose_event_cannot_be_rendered_is_kept_with_the_receipt_before_it(open_store, unspeakable):
    def fussy(facts):
        if facts.type in unspeakable:
            raise ValueError("can't be said")
        return event_body(facts)

    async with open_store(render=fussy) as bench:
        message, bind = await bench.accept_one(), bench.bind()
        await bind.ask(1)
        assert await bench.receive(bench.a_receipt("77"))
        await bind.send(message, "77")
        for _ in range(3):
            await bench.commit()
        assert await bench.state(message) is MessageState.DELIVERED
        assert bench.told(message) == ["message.delivered"] * ("message.delivered" not in unspeakable)


async def test_a_cancelled_caller_of_a_batch_that_fails_harms_nobody(open_store):
    async with open_store(store=Breakable) as bench:
        message = bench.a_message()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(bench.store.accept, bench.a_submission(message)))
            nursery.start_soon(_guilty, bench)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        await bench.commit()
        await bench.commit()
        assert await bench.state(message.id) is MessageState.QUEUED


def fussy(facts):
    if facts.message.tag == "unspeakable":
        raise ValueError(f"can't say to {facts.message.recipient} what is due")
    return event_body(facts)


async def test_of_answers_that_came_together_only_the_guilty_one_is_left_to_the_sweep(bench, caplog):
    first, guilty, last = await bench.accept(*(bench.a_message() for _ in range(3)))
    waiting = await bench.accept_one()
    bind = bench.bind()
    await bind.ask(3)
    impossible = bind.an_answer(guilty, latency_ms="long for +34600000001")
    await bind.answer(bind.an_answer(first), impossible, bind.an_answer(last), room=1)
    await bench.commit()
    assert bind.kept == [True], "once for all, and they need not be put again"
    states = [await bench.state(m) for m in (first, guilty, last)]
    assert states == [MessageState.SENT, MessageState.SUBMITTING, MessageState.SENT]
    await bench.commit()
    assert bind.messages[3:] == [waiting], "the freed room is dealt once"
    assert f"left to the sweep message={public(MESSAGE, guilty)}" in caplog.text
    assert "+346" not in caplog.text


async def test_an_answer_whose_event_cannot_be_told_is_recorded_without_it(open_store):
    async with open_store(render=fussy) as bench:
        guilty, other = await bench.accept(bench.a_message(tag="unspeakable"), bench.a_message())
        bind = bench.bind()
        await bind.ask(2)
        await bind.answer(bind.an_answer(guilty), bind.an_answer(other), room=0)
        await bench.commit()
        assert bind.kept == [True]
        assert [await bench.state(m) for m in (guilty, other)] == [MessageState.SENT] * 2
        assert (bench.told(guilty), bench.told(other)) == ([], ["message.sent"])


async def test_an_ask_among_many_is_found_by_halves(open_store):
    async with open_store(store=Breakable) as bench:
        bench.store.observe = lambda seconds, rows: commits.append(rows)
        commits = []
        async with trio.open_nursery() as nursery:
            for _ in range(64):
                nursery.start_soon(bench.accept_one)
            nursery.start_soon(_guilty, bench)
        await bench.commit()
        assert bench.store.backlog() == 64
        assert len(commits) < 12, "not a commit for each"


async def test_a_message_that_cannot_be_settled_stops_neither_the_sweep_nor_the_deal(open_store, caplog):
    async with open_store(render=fussy) as bench:
        soon = bench.clock() + SECOND
        guilty, other = await bench.accept(
            bench.a_message(tag="unspeakable", expires_at=soon), bench.a_message(expires_at=soon)
        )
        await bench.after(2 * SECOND)
        assert await bench.state(other) is MessageState.EXPIRED
        assert await bench.state(guilty) is MessageState.QUEUED
        assert caplog.text.count(f"settling {public(MESSAGE, guilty)}") == 1
        assert "+346" not in caplog.text
        message, bind = await bench.accept_one(), bench.bind()
        await bind.ask(5)
        assert bind.messages[-1] == message
        assert bench.ready_is_right()
        pending = bench.sql("SELECT count(*) FROM events WHERE state IN (0, 1, 2)")[0][0]
        assert bench.store.counts()["events_pending"] == pending
        await bench.after(MINUTE + SECOND)
        assert caplog.text.count(f"settling {public(MESSAGE, guilty)}") >= 2, "tried again after a while"


async def test_a_message_that_cannot_be_claimed_holds_nobody_of_its_queue_up(bench, caplog):
    guilty, *others = await bench.accept(*(bench.a_message() for _ in range(3)))
    bench.sql(
        f"CREATE TRIGGER spoilt BEFORE UPDATE OF state ON messages WHEN new.id = {guilty} AND new.state = 3 "
        "BEGIN SELECT RAISE(ABORT, 'spoilt'); END"
    )
    bind = bench.bind()
    await bind.ask(2)
    await bench.commit()
    assert bind.messages == others
    assert await bench.state(guilty) is MessageState.RETRYING
    assert bench.ready_is_right()
    assert caplog.text.count(f"claiming {public(MESSAGE, guilty)}") == 1
    bench.sql("DROP TRIGGER spoilt")
    bench.store.ask(bind.name, 1)
    await bench.after(MINUTE + SECOND)
    assert bind.messages == [*others, guilty]


async def test_a_queue_that_cannot_be_read_waits_and_the_others_are_dealt(bench):
    await bench.accept_one()
    bench.sql("UPDATE messages SET text = CAST(x'ff' AS TEXT)")
    other = await bench.accept_one(lane="promotional")
    commits = []
    bench.store.observe = lambda seconds, rows: commits.append(rows)
    bind = bench.bind()
    await bind.ask(2)
    await bench.commit()
    assert bind.messages == [other]
    await trio.sleep(0.2)
    assert len(commits) < 6, "what can't be dealt is not tried again and again"
    bench.sql("UPDATE messages SET text = 'x'")
    await bench.after(MINUTE + SECOND)
    assert len(bind.messages) == 2
    assert bench.ready_is_right()


async def test_an_endpoint_whose_events_cannot_be_claimed_stops_no_other(bench):
    bench.take_deliveries()
    await bench.sent("1")
    await bench.outcome(bench.deliveries[0], 500)
    (members,) = bench.sql("SELECT members FROM deliveries")[0]
    bench.sql("UPDATE deliveries SET members = x'00'")
    await bench.after(10 * SECOND)
    for account, expected in (("curious", "curious"), ("shop", None)):
        before = len(bench.deliveries)
        message = await bench.accept_one(account=account)
        bind = bench.bind(f"telco/{account}")
        await bind.ask(1)
        await bind.send(message)
        await bench.commit()
        assert {d.account for d in bench.deliveries[before:]} == ({expected} if expected else set())
    counts = bench.store.counts()
    assert counts["deliveries_under_way"] == bench.under_way()
    bench.sql("UPDATE deliveries SET members = ? WHERE members = x'00'", members)
    await bench.after(MINUTE + SECOND)
    assert bench.deliveries[-1].webhook_id == bench.deliveries[0].webhook_id


async def test_what_cannot_be_erased_stops_nothing(bench, caplog):
    message = await bench.accept_one(expires_at=bench.clock() + MINUTE)
    bench.sql("CREATE TRIGGER held BEFORE UPDATE OF text_erased_at ON messages BEGIN SELECT RAISE(ABORT, 'held'); END")
    bind = bench.bind()
    await bind.ask(1)
    await bind.send(message, "7")
    await bench.receipt("7")
    await bench.after(24 * 60 * MINUTE)
    for _ in range(4):
        await bench.after(2 * SECOND)
    assert caplog.text.count('step="erasing texts"') == 1
    assert await bench.state(await bench.accept_one()) is MessageState.QUEUED
    bench.sql("DROP TRIGGER held")
    await bench.after(MINUTE)
    assert (await bench.story(message)).message.text is None


async def test_a_fault_of_who_is_told_harms_no_other(bench, caplog):
    messages, bind = await bench.accept(*(bench.a_message() for _ in range(3))), bench.bind()

    def guilty(*said):
        raise LookupError("+34" + "600000001")

    await bind.ask(2)
    bench.store.answered(bind.name, [bind.an_answer(messages[0])], 0, guilty)
    bench.store.answered(bind.name, [bind.an_answer(messages[1])], 0, bind.kept.append)
    bench.store.receipt(bench.a_receipt("9", to="34699999999"), guilty)
    bench.store.observe = guilty
    bench.store.take_deliveries(guilty)
    other = bench.bind("telco/2")
    bench.store.open_window(other.name, "telco", guilty)
    bench.store.ask(other.name, 1)
    await bench.commit()
    assert bind.kept == [True]
    assert [await bench.state(m) for m in messages[:2]] == [MessageState.SENT] * 2
    await bench.commit()
    assert await bench.state(messages[2]) is MessageState.IN_DOUBT, "some of it may have been written"
    await bench.commit()
    assert bench.store.counts()["deliveries_under_way"] == 0
    assert "LookupError" in caplog.text
    assert "def guilty" in caplog.text or "in guilty" in caplog.text
    assert "+346" not in caplog.text
    bench.take_deliveries()
    await bench.after(MINUTE + SECOND)
    assert bench.types(bench.deliveries).count("message.sent") == 2
