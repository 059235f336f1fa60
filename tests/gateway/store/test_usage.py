"""What accounts may add and have added: counted in the transaction that accepts, and known again after a start."""

import sqlite3

import pytest
import trio

from gateway.rules.limits import DAY_MS, AccountLimit, LimitReached
from gateway.settings import AccountLimits
from gateway.store.allowances.interface import AccountUse
from gateway.store.interface import Accepted, IdempotencyKey, KeyReused, Replayed

READY = {"otp": 0, "transactional": 0, "promotional": 0}


def limits(**of_shop):
    return {"limits": {"shop": AccountLimits(**of_shop)}}


async def submit(bench, count=1, key=None, account="shop", **changes):
    messages = [bench.a_message(**changes) for _ in range(count)]
    return await bench.store.accept(bench.a_submission(*messages, account=account, key=key))


async def test_messages_and_segments_of_a_day_are_counted_and_known_after_a_start(open_store):
    async with open_store() as bench:
        await bench.accept_one()
        await bench.accept(bench.a_long_message(3), bench.a_message(lane="otp"))
        await bench.accept_one(account="mall")
        ready = {**READY, "transactional": 2, "otp": 1}
        assert bench.store.account_use("shop") == AccountUse(3, 5, None, 0, ready)
    async with open_store() as bench:
        assert bench.store.account_use("shop") == AccountUse(3, 5, None, 0, ready)
        assert bench.store.account_use("mall")[:2] == (1, 1)
        bench.clock.advance(DAY_MS)
        assert bench.store.account_use("shop")[:2] == (0, 0)


async def test_what_is_refused_by_its_client_id_counts_for_nothing(bench):
    await bench.accept_one(client_id="a")
    await submit(bench, 2, client_id="a", segments=3)
    assert bench.store.account_use("shop")[:2] == (1, 1)


async def test_a_day_has_so_many_messages_and_midnight_utc_gives_them_anew(open_store):
    async with open_store(**limits(messages_per_day=3)) as bench:
        assert isinstance(await submit(bench, 2), Accepted)
        until_midnight = DAY_MS - bench.clock() % DAY_MS
        reached = await submit(bench, 2)
        assert reached == LimitReached(AccountLimit.DAY, 3, 2, until_midnight)
        assert not reached.is_for_ever
        assert bench.store.may_send_today("shop") == 1
        assert isinstance(await submit(bench, 1), Accepted)
        assert (await submit(bench, 4)).is_for_ever
    async with open_store(**limits(messages_per_day=3)) as bench:
        assert isinstance(await submit(bench, 1), LimitReached), "a start forgets nothing"
        assert bench.store.may_send_today("mall") is None
        bench.clock.advance(until_midnight)
        assert isinstance(await submit(bench, 3), Accepted)


async def test_what_is_not_accepted_is_on_disk_neither_as_a_message_nor_as_a_key(open_store):
    async with open_store(**limits(messages_per_day=1)) as bench:
        assert isinstance(await submit(bench, 2, IdempotencyKey("k", b"f")), LimitReached)
        assert bench.sql("SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM idempotency)") == [(0, 0)]
        assert bench.sql("SELECT * FROM usage") == []


async def test_a_second_has_so_many_messages_and_a_larger_bulk_is_lent(open_store):
    async with open_store(**limits(messages_per_second=10)) as bench:
        assert isinstance(await submit(bench, 25), Accepted)
        assert bench.store.account_use("shop").messages_left == -15
        assert await submit(bench, 1) == LimitReached(AccountLimit.MESSAGES, 10, 1, 1_600)
        bench.clock.advance(1_600)
        assert isinstance(await submit(bench, 1), Accepted)
        assert bench.store.account_use("shop")[2:4] == (0, 1_000)


async def test_submissions_that_share_a_transaction_share_the_second(open_store):
    async with open_store(**limits(messages_per_second=5)) as bench:
        outcomes = []

        async def one():
            outcomes.append(await submit(bench, 2))

        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(one)
        assert [isinstance(outcome, Accepted) for outcome in outcomes].count(True) == 2
        assert bench.store.account_use("shop").messages_today == 4


async def test_a_repeat_of_a_key_counts_for_nothing_and_is_answered_at_the_limit(open_store):
    async with open_store(**limits(messages_per_day=1, messages_per_second=1, backlog=1)) as bench:
        key = IdempotencyKey("k", b"f")
        assert isinstance(await submit(bench, 1, key), Accepted)
        assert isinstance(await submit(bench, 1, key), Replayed)
        assert isinstance(await submit(bench, 1, IdempotencyKey("k", b"g")), KeyReused)
        assert bench.store.account_use("shop").messages_today == 1


async def test_a_backlog_has_so_many_messages_until_some_are_sent(open_store):
    async with open_store(**limits(backlog=3)) as bench:
        assert isinstance(await submit(bench, 2), Accepted)
        assert isinstance(await submit(bench, 5, account="mall"), Accepted), "others have theirs"
        assert (await submit(bench, 2)).limit is AccountLimit.BACKLOG
        assert len(await bench.bind().ask(2)) == 2
        assert bench.store.account_use("shop").ready["transactional"] == 1
        assert isinstance(await submit(bench, 2), Accepted)
        later = bench.clock() + 60_000
        assert isinstance(await submit(bench, 9, scheduled_at=later), LimitReached)


async def test_a_transaction_that_fails_counts_nothing(open_store):
    async with open_store(**limits(messages_per_second=10)) as bench:
        message = bench.a_message()
        await bench.store.accept(bench.a_submission(message))
        with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
            await bench.store.accept(bench.a_submission(bench.a_message(), message))
        assert bench.store.account_use("shop")[:3] == (1, 1, 9)
        assert bench.sql("SELECT messages, segments FROM usage") == [(1, 1)]


async def test_days_go_with_the_messages_of_their_time(open_store):
    async with open_store(messages_ms=2 * DAY_MS) as bench:
        await bench.accept_one(expires_at=bench.clock() + 1)
        assert bench.sql("SELECT count(*) FROM usage") == [(1,)]
        await bench.after(2 * DAY_MS)
        assert bench.sql("SELECT count(*) FROM usage") == [(1,)]
        await bench.after(DAY_MS)
        assert bench.sql("SELECT count(*) FROM usage") == [(0,)]
