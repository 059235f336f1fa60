"""An idempotency key stands for one call, and a repeat gets its first answer, whatever keeps the store from writing."""

import sqlite3
from contextlib import asynccontextmanager, closing
from functools import partial

import pytest
import trio
from played_campaigns import PlayedCampaign

from gateway.store import accepts
from gateway.store.campaigns.interface import KnownCampaign, OpenedCampaign
from gateway.store.interface import Accepted, IdempotencyKey, KeyReused, Replayed, StoreBusy, StoreFull
from gateway.store.lines.interface import LineKeys, LinesIn
from gateway.store.transaction import Order

NO_ROOM = 1 << 60


async def send(bench, key, text="Hello"):
    submission = bench.a_submission(bench.a_message(text=text), key=IdempotencyKey(key, text.encode()))
    return await bench.store.accept(submission)


async def stream(bench, key, *numbers, refused=()):
    """Lines of these numbers."""
    submission = bench.a_submission(*[bench.a_message() for number in numbers if number not in refused])
    digests = {number: b"%016d" % number for number in numbers}
    keys = LineKeys(key, digests, dict.fromkeys(refused, b"{}"))
    return await bench.store.file_lines(LinesIn(submission, [n for n in numbers if n not in refused], keys))


async def begin(bench, key):
    return await PlayedCampaign(bench).open(key)


def counts(bench):
    """Of all that may be accepted."""
    return bench.sql("SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM campaigns)")[0]


# --- repeats when the store can't write


@asynccontextmanager
async def below_the_reserve(bench):
    bench.store._disk._reserve = NO_ROOM
    yield
    bench.store._disk._reserve = 0


@asynccontextmanager
async def on_a_full_disk(bench):
    def limit(connection, pages):
        connection.execute(f"PRAGMA max_page_count = {pages}")

    await bench.store._writer._call(lambda c: limit(c, c.execute("PRAGMA page_count").fetchone()[0]))
    # An ask that finds no room takes all others of its transaction with it.
    large = bench.a_submission(bench.a_message(text="x" * 1_000_000))
    refused = trio.Event()
    order = Order(partial(accepts.accept, submission=large), 1, lambda result, error: error and refused.set())
    bench.store._writer.pending.accepts.append(order)
    yield
    await refused.wait()
    await bench.store._writer._call(lambda c: limit(c, 2**30))


@asynccontextmanager
async def held_by_another(bench):
    await bench.store._writer._call(lambda c: c.execute("PRAGMA busy_timeout = 10"))
    with closing(sqlite3.connect(bench.store.path, isolation_level=None)) as another:
        another.execute("BEGIN IMMEDIATE")
        yield
        another.execute("ROLLBACK")


CANT_WRITE = pytest.mark.parametrize("cant_write", [below_the_reserve, on_a_full_disk, held_by_another])


@CANT_WRITE
async def test_a_repeated_submission_is_answered_though_nothing_new_can_be_taken(bench, cant_write):
    assert isinstance(await send(bench, "k"), Accepted)
    (message,) = [row[0] for row in bench.sql("SELECT id FROM messages")]
    async with cant_write(bench):
        again = await send(bench, "k")
        assert await bench.store.first_answer("shop", IdempotencyKey("k", b"Hello")) == again
    assert isinstance(again, Replayed)
    assert [row.id for row in again.messages] == [message]
    assert counts(bench) == (1, 0)


@CANT_WRITE
async def test_lines_that_came_before_are_answered_though_nothing_new_can_be_taken(bench, cant_write):
    await stream(bench, "k", 1, 2, refused=[2])
    async with cant_write(bench):
        again = await stream(bench, "k", 1, 2, 3)
    assert (set(again.again), list(again.left_out), list(again.filed)) == ({1, 2}, [2], [])
    assert isinstance(again.refusal, StoreFull | StoreBusy)
    assert counts(bench) == (1, 0)


@CANT_WRITE
async def test_a_repeated_campaign_is_answered_though_nothing_new_can_be_taken(bench, cant_write):
    campaign = await PlayedCampaign(bench).load(3, "k")
    async with cant_write(bench):
        again = await begin(bench, "k")
    assert isinstance(again, KnownCampaign)
    assert again.campaign.id == campaign.id
    assert counts(bench) == (0, 1)


@pytest.mark.parametrize("what", [send, begin, lambda bench, key: stream(bench, key, 1)])
async def test_a_new_key_is_refused_below_the_disk_reserve(bench, what):
    async with below_the_reserve(bench):
        with pytest.raises(StoreFull, match="reserve"):
            await what(bench, "k")
    assert counts(bench) == (0, 0)
    assert not isinstance(await what(bench, "k"), KeyReused), "an error uses no key up"


async def test_a_repeat_behind_a_first_call_that_is_under_way_is_answered_below_the_disk_reserve(bench):
    found = []

    async def call():
        found.append(await send(bench, "k"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call)
        await trio.testing.wait_all_tasks_blocked()
        bench.store._disk._reserve = NO_ROOM
        nursery.start_soon(call)
    assert {type(one) for one in found} == {Accepted, Replayed}


# --- one key, one call


async def test_a_key_of_a_submission_is_no_campaigns_and_no_streams(bench):
    await send(bench, "k")
    assert await begin(bench, "k") == KeyReused()
    assert set((await stream(bench, "k", 1, 2, refused=[2])).reused) == {1, 2}
    assert isinstance(await send(bench, "k"), Replayed)
    assert counts(bench) == (1, 0)


async def test_a_key_of_a_campaign_is_no_submissions_and_no_streams(bench):
    await PlayedCampaign(bench).load(3, "k")
    assert await send(bench, "k") == KeyReused()
    assert await bench.store.kept_answer("shop", IdempotencyKey("k", b"f")) == KeyReused()
    assert set((await stream(bench, "k", 1)).reused) == {1}
    assert isinstance(await begin(bench, "k"), KnownCampaign)
    assert counts(bench) == (0, 1)


async def test_a_key_of_a_stream_is_no_submissions_and_no_campaigns(bench):
    await stream(bench, "k", 1)
    assert await send(bench, "k") == KeyReused()
    assert await begin(bench, "k") == KeyReused()
    assert list((await stream(bench, "k", 1, 2)).again) == [1]
    assert counts(bench) == (2, 0)


async def test_a_key_that_has_expired_is_anybodys(bench):
    await send(bench, "of a call")
    await stream(bench, "of a stream", 1)
    bench.clock.advance(bench.policy.idempotency_ms)
    assert await begin(bench, "of a call") == OpenedCampaign()
    assert isinstance(await send(bench, "of a stream"), Accepted)


async def test_a_key_of_a_campaign_that_was_not_loaded_to_its_end_is_anybodys(bench):
    campaign = PlayedCampaign(bench)
    await campaign.open("k")
    assert await send(bench, "k") == KeyReused()
    await bench.store.fail_campaign(campaign.id, "upload_cut_off")
    assert isinstance(await send(bench, "k"), Accepted)
    assert await begin(bench, "k") == KeyReused()


async def test_another_account_may_use_the_same_key(bench):
    await send(bench, "k")
    assert await PlayedCampaign(bench, "mall").open("k") == OpenedCampaign()
