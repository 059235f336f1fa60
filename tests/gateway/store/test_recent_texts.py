"""The duplicate window of a lane: the same text to the same number by the same account, once."""

from dataclasses import replace

import pytest

from gateway.settings import InDoubt
from gateway.store.by import by_account
from gateway.store.interface import Accepted, IdempotencyKey, Replayed, Verdict
from gateway.store.policy import LanePolicy

SECOND = 1_000
WINDOW = 30 * SECOND
LANES = {
    "otp": LanePolicy(1, InDoubt.HOLD, 60 * SECOND, 0, duplicate_window_ms=WINDOW),
    "transactional": LanePolicy(2, InDoubt.RESEND, 60 * SECOND, 60 * SECOND),
    "promotional": LanePolicy(3, InDoubt.HOLD, 60 * SECOND, 0),
}


@pytest.fixture
def open_otp(open_store):
    return lambda **changes: open_store(**{"lanes": LANES, "digest_keys": {"shop": b"k" * 32}, **changes})


async def submit(bench, *changes, key=None, account="shop"):
    messages = [bench.a_message(**{"lane": "otp", **one}) for one in changes or ({},)]
    outcome = await bench.store.accept(bench.a_submission(*messages, account=account, key=key))
    return [message.id for message in messages], outcome


async def test_the_same_text_to_the_same_number_is_a_duplicate_until_the_window_is_over(open_otp):
    async with open_otp() as bench:
        (first,), _ = await submit(bench)
        bench.clock.advance(WINDOW - 1)
        assert (await submit(bench))[1].duplicates == {0: first}
        assert bench.sql("SELECT count(*) FROM messages") == [(1,)]
        bench.clock.advance(1)
        (second,), outcome = await submit(bench)
        assert outcome == Accepted()
        assert (await submit(bench))[1].duplicates == {0: second}


@pytest.mark.parametrize(
    "change", [{"text": "Your code is 1235"}, {"recipient": "+34600000002"}, {"lane": "transactional"}], ids=str
)
async def test_another_text_number_or_lane_is_no_duplicate(open_otp, change):
    async with open_otp() as bench:
        await submit(bench)
        assert (await submit(bench, change))[1] == Accepted()


async def test_another_accounts_message_is_no_duplicate(open_otp):
    async with open_otp() as bench:
        await submit(bench)
        assert (await submit(bench, account="mall"))[1] == Accepted()


async def test_a_crash_forgets_no_first_message(open_otp):
    async with open_otp() as bench:
        (first,), _ = await submit(bench)
    async with open_otp() as bench:
        assert (await submit(bench))[1].duplicates == {0: first}


async def test_neither_text_nor_number_can_be_read_or_tried_out_from_what_is_kept(open_otp):
    async with open_otp() as bench:
        await submit(bench)
        ((digest,),) = bench.sql("SELECT digest FROM recent_texts")
        assert len(digest) == 16
        bench.store.policy.digest_keys["shop"] = b"l" * 32
        assert (await submit(bench))[1] == Accepted(), "the digest is the key's, which is not in the store"


async def test_the_items_of_one_bulk_count_against_each_other(open_otp):
    async with open_otp() as bench:
        ids, outcome = await submit(bench, {}, {"text": "other"}, {}, {"lane": "transactional"}, {})
        assert outcome.duplicates == {2: ids[0], 4: ids[0]}
        assert bench.sql("SELECT id FROM messages ORDER BY id") == [(ids[0],), (ids[1],), (ids[3],)]


async def test_what_was_refused_by_its_client_id_makes_no_duplicate_of_the_next(open_otp):
    async with open_otp() as bench:
        (holder,), _ = await submit(bench, {"client_id": "a", "text": "other"})
        ids, outcome = await submit(bench, {"client_id": "a"}, {}, {})
        assert (outcome.conflicts, outcome.duplicates) == ({0: holder}, {2: ids[1]})


async def test_a_repeated_client_id_says_more_than_a_repeated_text(open_otp):
    async with open_otp() as bench:
        ids, outcome = await submit(bench, {"client_id": "a"}, {"client_id": "a"})
        assert (outcome.conflicts, outcome.duplicates) == ({1: ids[0]}, {})
        assert (await submit(bench, {"client_id": "a"}))[1].conflicts == {0: ids[0]}


async def test_a_repeat_of_an_idempotency_key_is_its_first_answer_and_no_duplicate(open_otp):
    async with open_otp() as bench:
        key = IdempotencyKey("k", b"f")
        (first,), _ = await submit(bench, key=key)
        _, again = await submit(bench, key=key)
        assert isinstance(again, Replayed)
        assert [row.id for row in again.messages] == [first]


async def test_a_bulks_duplicates_are_told_again_with_its_key_and_a_single_ones_key_stays_free(open_otp):
    async with open_otp() as bench:
        ids, _ = await submit(bench, {}, {}, {"text": "other"}, key=IdempotencyKey("k", b"f"))
        _, again = await submit(bench, {}, {}, {"text": "other"}, key=IdempotencyKey("k", b"f"))
        assert again.duplicates == {1: ids[0]}
        single = IdempotencyKey("single", b"f")
        assert (await submit(bench, key=single))[1].duplicates == {0: ids[0]}
        bench.clock.advance(WINDOW)
        assert (await submit(bench, key=single))[1] == Accepted()


async def test_what_was_canceled_before_it_was_sent_stands_in_nobodys_way(open_otp):
    async with open_otp() as bench:
        (first,), _ = await submit(bench)
        await bench.store.cancel("shop", first, by_account("shop", 1))
        assert (await submit(bench))[1] == Accepted()


async def test_what_no_carrier_took_stands_in_nobodys_way_but_what_one_took_does(open_otp):
    async with open_otp() as bench:
        bind = bench.bind()
        (first,), _ = await submit(bench)
        await bind.ask(1)
        assert (await submit(bench))[1].duplicates == {0: first}, "it is on its way"
        await bind.answer(bind.an_answer(first, Verdict.REFUSED))
        (second,), outcome = await submit(bench)
        assert outcome == Accepted()
        await bind.ask(1)
        await bind.send(second)
        assert (await submit(bench))[1].duplicates == {0: second}


async def test_what_is_in_doubt_may_have_arrived_and_so_refuses_its_duplicate(open_otp):
    async with open_otp(lanes={**LANES, "otp": replace(LANES["otp"], grace_ms=0)}) as bench:
        bind = bench.bind()
        (first,), _ = await submit(bench)
        await bind.ask(1)
        await bind.doubt(first)
        await bench.after(1)
        assert bench.sql("SELECT state FROM messages") == [(17,)]
        assert (await submit(bench))[1].duplicates == {0: first}


async def test_digests_are_erased_once_the_window_is_over(open_otp):
    async with open_otp() as bench:
        await submit(bench)
        await bench.after(WINDOW - 1)
        assert bench.sql("SELECT count(*) FROM recent_texts") == [(1,)]
        await bench.after(2 * SECOND)
        assert bench.sql("SELECT count(*) FROM recent_texts") == [(0,)]


async def test_lanes_without_a_window_leave_no_digest(open_otp):
    async with open_otp() as bench:
        await submit(bench, {"lane": "transactional"}, {"lane": "promotional"})
        assert bench.sql("SELECT count(*) FROM recent_texts") == [(0,)]
