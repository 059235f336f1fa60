"""What a restored backup had open is held: it goes to nobody until it is released, while what is new flows."""

from functools import partial

import trio
from held_stores import ALL, BY, backed_up, end, orders_carried_out, release, restored

from gateway.messages import MessageState
from gateway.settings import AccountLimits, InDoubt
from gateway.store.by import by_account
from gateway.store.held_queue.interface import HeldFilters, HeldOrder, HeldWhat
from gateway.store.interface import Accepted, StoreFull, Verdict
from gateway.store.policy import LanePolicy

MINUTE, DAY = 60_000, 86_400_000
TRIED_AGAIN = {"transactional": LanePolicy(2, InDoubt.RESEND, MINUTE, DAY, retry_undelivered=True)}


async def test_what_waited_is_held_and_what_is_new_is_dealt(bench):
    waiting = await bench.accept(*(bench.a_message() for _ in range(3)))
    async with restored(bench) as after:
        new = await after.accept(after.a_message(), after.a_message())
        bind = after.bind()
        await bind.ask(50)
        assert bind.messages == new
        assert await release(after) == 3
        assert bind.messages == [*new, *waiting]
        assert await after.store.held() is None
        assert after.ready_is_right()


async def test_each_state_that_a_restart_would_send_from_is_held_and_listed(bench):
    bind = bench.bind()
    messages = await bench.accept(*(bench.a_message() for _ in range(3)))
    claimed, retried, doubtful = messages
    await bind.ask(3)
    await bind.answer(bind.an_answer(retried, Verdict.RETRY))
    await bind.doubt(doubtful)
    ready = await bench.accept_one()
    scheduled = await bench.accept_one(scheduled_at=bench.clock() + DAY, expires_at=bench.clock() + 2 * DAY)
    sent = await bench.sent(route="pair")
    async with restored(bench, after_ms=1_000) as after:  # before doubts and pauses are over
        page = await after.store.held_messages(ALL, limit=50, cursor=None)
        assert {row.id: row.state for row in page.rows} == {
            claimed: MessageState.IN_DOUBT,
            doubtful: MessageState.IN_DOUBT,
            retried: MessageState.RETRYING,
            ready: MessageState.QUEUED,
            scheduled: MessageState.SCHEDULED,
        }
        summary = await after.store.held()
        assert summary.messages == 5
        assert await after.state(sent) is MessageState.SENT


async def test_held_messages_are_listed_page_by_page(bench):
    waiting = await bench.accept(*(bench.a_message(lane=lane) for lane in ("otp", "promotional", "transactional") * 3))
    async with restored(bench) as after:
        seen, cursor = [], None
        while True:
            page = await after.store.held_messages(ALL, limit=2, cursor=cursor)
            seen += [row.id for row in page.rows]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == waiting


async def test_a_doubt_of_the_backup_is_not_sent_again_by_its_lane_until_it_is_released(bench):
    bind = bench.bind()
    message = await bench.accept_one(lane="transactional")
    await bind.ask(1)
    async with restored(bench) as after:
        bind = after.bind()
        await bind.ask(5)
        await after.after(2 * MINUTE)
        assert await after.state(message) is MessageState.QUEUED
        assert bind.messages == []
        await release(after)
        assert bind.messages == [message]
        assert (await after.story(message)).message.possible_duplicate


async def test_a_doubt_whose_lane_holds_ends_unknown_while_it_is_held(bench):
    bind = bench.bind()
    message = await bench.accept_one(lane="otp")
    await bind.ask(1)
    async with restored(bench) as after:
        await after.after(2 * MINUTE)
        assert await after.state(message) is MessageState.UNKNOWN
        assert await after.store.held() is None


async def test_what_is_released_is_marked_as_a_possible_duplicate_but_for_what_was_to_be_sent_later(bench):
    ready = await bench.accept_one()
    later = await bench.accept_one(scheduled_at=bench.clock() + DAY, expires_at=bench.clock() + 2 * DAY)
    async with restored(bench) as after:
        await release(after)
        assert (await after.story(ready)).message.possible_duplicate
        assert not (await after.story(later)).message.possible_duplicate


async def test_only_what_is_meant_is_released(bench):
    one = await bench.accept_one(lane="otp")
    other = await bench.accept_one(lane="promotional")
    foreign = await bench.accept_one(account="mall", lane="otp")
    async with restored(bench) as after:
        bind = after.bind()
        await bind.ask(5)
        assert await release(after, HeldFilters(account="shop", lane="otp")) == 1
        assert bind.messages == [one]
        assert await release(after, HeldFilters(account="mall", what=HeldWhat.MESSAGES)) == 1
        assert bind.messages == [one, foreign]
        assert [row.id for row in (await after.store.held_messages(ALL, limit=5, cursor=None)).rows] == [other]
        assert await release(after, HeldFilters(state=MessageState.SCHEDULED)) == 0


async def test_what_is_ended_is_unknown_and_told_and_never_sent(bench):
    message = await bench.accept_one()
    later = await bench.accept_one(scheduled_at=bench.clock() + DAY, expires_at=bench.clock() + 2 * DAY)
    async with restored(bench) as after:
        assert await end(after) == 2
        assert await after.state(message) is MessageState.UNKNOWN
        assert await after.state(later) is MessageState.UNKNOWN
        assert after.told(message) == ["message.unknown"]
        assert await after.store.held() is None
        assert after.ready_is_right()


async def test_validity_goes_on_while_a_message_is_held(bench):
    message = await bench.accept_one(expires_at=bench.clock() + 5 * MINUTE)
    async with restored(bench) as after:
        await after.after(5 * MINUTE)
        assert await after.state(message) is MessageState.EXPIRED
        assert await after.store.held() is None


async def test_a_message_whose_time_comes_while_it_is_held_is_not_sent(bench):
    message = await bench.accept_one(scheduled_at=bench.clock() + 5 * MINUTE, expires_at=bench.clock() + DAY)
    async with restored(bench) as after:
        bind = after.bind()
        await bind.ask(5)
        await after.after(5 * MINUTE)
        assert await after.state(message) is MessageState.QUEUED
        assert bind.messages == []


async def test_an_undelivered_message_that_would_go_to_another_carrier_is_held(bench):
    message = await bench.sent("x1", route="pair")
    async with restored(bench, lanes=TRIED_AGAIN) as after:
        other = after.bind("other/1")
        await other.ask(5)
        await after.receipt("x1", "UNDELIV", error="unmapped", err="0B1")
        assert await after.state(message) is MessageState.QUEUED
        assert other.messages == []
        await release(after)
        assert other.messages == [message]


async def test_a_receipt_of_what_the_lost_store_had_sent_settles_the_held_message(bench):
    message, other = await bench.accept(bench.a_message(recipient="+34600000007"), bench.a_message())
    async with restored(bench) as after:
        await after.receipt("never-heard-of", to="34600000007")
        story = await after.story(message)
        assert story.message.state == MessageState.DELIVERED
        assert [attempt.carrier_message_id for attempt in story.attempts] == ["never-heard-of"]
        assert after.told(message)[-1] == "message.delivered"
        assert await after.state(other) is MessageState.QUEUED
        assert after.ready_is_right()


async def test_a_receipt_on_the_way_says_that_a_held_message_was_sent(bench):
    message = await bench.accept_one()
    async with restored(bench) as after:
        await after.receipt("x", "ENROUTE")
        assert await after.state(message) is MessageState.SENT
        await after.receipt("x")
        assert await after.state(message) is MessageState.DELIVERED


async def test_a_receipt_that_may_be_about_either_of_two_held_messages_settles_none(bench):
    messages = await bench.accept(bench.a_message(), bench.a_message())
    async with restored(bench) as after:
        await after.receipt("x")
        assert [await after.state(message) for message in messages] == [MessageState.QUEUED] * 2
        assert after.store.counts()["parked"] == 1


async def test_a_receipt_of_a_carrier_that_the_route_does_not_know_settles_no_held_message(bench):
    message = await bench.accept_one()
    async with restored(bench) as after:
        await after.receipt("x", carrier="other", bind="other/1")
        assert await after.state(message) is MessageState.QUEUED


async def test_the_account_can_cancel_what_is_held(bench):
    message = await bench.accept_one()
    async with restored(bench) as after:
        await after.store.cancel("shop", message, by_account("shop", 1))
        assert await after.state(message) is MessageState.CANCELED
        assert after.ready_is_right()


async def test_many_are_released_some_at_a_time_and_an_order_goes_on_after_a_crash(bench):
    waiting = await bench.accept(*(bench.a_message() for _ in range(1_000)))
    async with restored(bench) as after:
        assert await after.store.order_held(HeldOrder.RELEASE, ALL, by=BY) == 1_000
        await after.after(100)
        left = after.sql("SELECT sum(ready) FROM queues WHERE held > 0")[0][0]
        assert 0 < left < 1_000
        async with after.after_a_crash() as again:
            await orders_carried_out(again)
            bind = again.bind()
            await bind.ask(2_000)
            assert sorted(bind.messages) == waiting
            assert again.ready_is_right()


async def test_a_release_is_in_the_audit_by_name(bench):
    await bench.accept_one()
    async with restored(bench) as after:
        await release(after, HeldFilters(account="shop"))
        page = await after.store.audit(limit=5, cursor=None)
        assert [(row.who, row.what) for row in page.rows] == [
            ("operator:anna", "release_held"),
            ("operator", "restore"),
        ]


async def test_a_backup_of_a_store_that_holds_is_held_anew_as_a_whole(bench):
    first = await bench.accept_one()
    async with restored(bench) as after:
        second = await after.accept_one()
        async with restored(after) as again:
            bind = again.bind()
            await bind.ask(5)
            assert bind.messages == []
            assert await release(again) == 2
            assert sorted(bind.messages) == [first, second]


async def test_what_was_released_before_a_further_restore_is_held_again(bench):
    first = await bench.accept_one()
    async with restored(bench) as after:
        await release(after)
        second = await after.accept_one()
        async with restored(after) as again:
            assert await release(again) == 2
            bind = again.bind()
            await bind.ask(5)
            assert sorted(bind.messages) == [first, second]


async def test_a_store_that_holds_is_still_so_after_a_restart(bench):
    message = await bench.accept_one()
    async with restored(bench) as after, after.after_a_crash() as again:
        bind = again.bind()
        await bind.ask(5)
        assert bind.messages == []
        assert (await again.store.held()).messages == 1
        await release(again)
        assert bind.messages == [message]


async def test_held_messages_count_neither_for_the_backlog_nor_as_ready(bench):
    await bench.accept(*(bench.a_message() for _ in range(5)))
    async with restored(bench) as after:
        assert after.store.backlog() == 0
        assert after.store.queues() == []
        await release(after)
        assert after.store.backlog() == 5


async def test_a_drain_does_not_wait_for_what_is_held(bench):
    message = await bench.accept_one()
    bind = bench.bind()
    await bind.ask(1)
    await bind.answer(bind.an_answer(message, Verdict.RETRY))
    await bench.accept_one()
    async with restored(bench) as after:
        assert (await after.store.left(receipts=False)).queued == 0


async def test_ids_go_on_beyond_what_the_lost_store_may_have_given(bench):
    await bench.accept_one()
    backup = backed_up(bench)
    bench.clock.advance(DAY)
    lost = await bench.accept_one()
    async with restored(bench, backup) as after:
        after.clock.advance(-DAY)
        assert after.store.last_id() > lost
        after.clock.advance(DAY)


async def test_what_was_ordered_in_the_backup_releases_nothing_of_a_later_restore(bench):
    first = await bench.accept(*(bench.a_message() for _ in range(1_000)))
    async with restored(bench) as after:
        await after.store.order_held(HeldOrder.RELEASE, ALL, by=BY)
        backup = backed_up(after)
        assert after.sql("SELECT count(*) FROM held_orders") == [(1,)]
        async with restored(after, backup) as again:
            bind = again.bind()
            await bind.ask(2_000)
            await again.after(MINUTE)
            assert bind.messages == []
            summary = await again.store.held()
            assert (summary.messages, summary.orders) == (len(first), [])


async def accepted_while_a_held_message_ends(bench, **changes):
    """Many of an account are held, and one of them is canceled in the transaction that would accept another."""
    canceled = (await bench.accept(*(bench.a_message() for _ in range(10))))[0]
    outcomes = []

    async def accept(after):
        try:
            outcomes.append(await after.store.accept(after.a_submission(after.a_message())))
        except StoreFull as full:
            outcomes.append(full)

    async with restored(bench, **changes) as after:
        await after.accept_one()
        async with trio.open_nursery() as together:
            together.start_soon(partial(after.store.cancel, "shop", canceled, by=by_account("shop", 1)))
            together.start_soon(accept, after)
    return isinstance(outcomes[0], Accepted)


async def test_what_is_held_takes_no_room_of_its_account_while_it_ends(bench):
    assert await accepted_while_a_held_message_ends(bench, limits={"shop": AccountLimits(backlog=3)})


async def test_what_is_held_makes_no_room_for_others_by_its_end(bench):
    assert not await accepted_while_a_held_message_ends(bench, backlog_limit=1)
