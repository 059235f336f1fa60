"""Accepting: on disk or not at all, once for each idempotency key and each client_id."""

from functools import partial

import pytest
import trio
import trio.testing

from gateway.messages import MessageState
from gateway.store.interface import Accepted, IdempotencyKey, KeyReused, Replayed, StoreFull

KEY = IdempotencyKey("order-1", b"fingerprint")


async def test_an_accepted_message_is_on_disk(bench, open_store):
    message = await bench.accept_one(text="Hello", tag="may")
    async with bench.after_a_crash() as after:
        row = (await after.story(message)).message
    assert (row.text, row.tag, row.state, row.due) == ("Hello", "may", MessageState.QUEUED, row.expires_at)


async def test_fifty_equal_submissions_at_once_make_one_message_and_fifty_equal_answers(bench):
    outcomes = []

    async def submit():
        submission = bench.a_submission(bench.a_message(), key=KEY)
        outcomes.append((submission, await bench.store.accept(submission)))

    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(submit)
    ((first, _),) = [pair for pair in outcomes if isinstance(pair[1], Accepted)]
    replays = [outcome for _, outcome in outcomes if isinstance(outcome, Replayed)]
    assert len(replays) == 49
    assert {replay.submission for replay in replays} == {first.id}
    assert {row.id for replay in replays for row in replay.messages} == {first.messages[0].id}
    assert bench.sql("SELECT count(*) FROM messages") == [(1,)]
    assert bench.store.backlog() == 1


async def test_a_key_with_another_body_is_refused(bench):
    await bench.store.accept(bench.a_submission(bench.a_message(), key=KEY))
    other = bench.a_submission(bench.a_message(), key=IdempotencyKey("order-1", b"another"))
    assert isinstance(await bench.store.accept(other), KeyReused)
    assert bench.store.backlog() == 1


async def test_a_key_of_another_account_is_another_key(bench):
    await bench.store.accept(bench.a_submission(bench.a_message(), key=KEY))
    outcome = await bench.store.accept(bench.a_submission(bench.a_message(), account="mall", key=KEY))
    assert isinstance(outcome, Accepted)


async def test_a_key_is_new_again_after_its_time(bench):
    await bench.store.accept(bench.a_submission(bench.a_message(), key=KEY))
    bench.clock.advance(bench.policy.idempotency_ms)
    assert isinstance(await bench.store.accept(bench.a_submission(bench.a_message(), key=KEY)), Accepted)


async def test_the_first_answer_is_given_again_after_a_crash(bench):
    taken = await bench.accept_one(client_id="b")
    messages = [bench.a_message(client_id="a"), bench.a_message(client_id="b")]
    first = bench.a_submission(*messages, key=KEY, errors=b'[{"index":7}]')
    await bench.store.accept(first)
    async with bench.after_a_crash() as after:
        again = await after.store.accept(after.a_submission(after.a_message(), key=KEY))
    assert isinstance(again, Replayed)
    assert (again.submission, again.errors, again.conflicts) == (first.id, b'[{"index":7}]', {1: taken})
    assert [(row.id, row.client_id) for row in again.messages] == [(messages[0].id, "a")]


async def test_the_first_answer_can_be_asked_for_alone(bench):
    assert await bench.store.first_answer("shop", KEY) is None
    message = bench.a_message()
    await bench.store.accept(bench.a_submission(message, key=KEY))
    first = await bench.store.first_answer("shop", KEY)
    assert isinstance(first, Replayed)
    assert [row.id for row in first.messages] == [message.id]
    assert isinstance(await bench.store.first_answer("shop", IdempotencyKey("order-1", b"other")), KeyReused)


async def test_client_ids_in_use_are_conflicts_within_a_bulk_and_with_older_messages(bench):
    old = await bench.accept_one(client_id="a")
    messages = [bench.a_message(client_id=client_id) for client_id in ("a", "b", "b", None, None)]
    outcome = await bench.store.accept(bench.a_submission(*messages))
    assert outcome.conflicts == {0: old, 2: messages[1].id}
    assert bench.store.backlog() == 4
    assert bench.ready_is_right()


async def test_a_client_id_belongs_to_its_account(bench):
    await bench.accept_one(client_id="a")
    outcome = await bench.store.accept(bench.a_submission(bench.a_message(client_id="a"), account="mall"))
    assert outcome == Accepted({})


async def test_a_scheduled_conflict_takes_nothing_from_the_count_of_ready_messages(bench):
    await bench.accept_one(client_id="a")
    again = bench.a_message(client_id="a", scheduled_at=bench.clock() + 1_000)
    await bench.store.accept(bench.a_submission(again))
    assert bench.store.backlog() == 1
    assert bench.ready_is_right()


async def test_at_the_backlog_limit_nothing_more_is_accepted_and_what_is_there_still_goes_out(open_store):
    async with open_store(backlog_limit=3) as bench:
        await bench.accept(bench.a_message(), bench.a_message())
        with pytest.raises(StoreFull):
            await bench.accept(bench.a_message(), bench.a_message())
        assert bench.sql("SELECT count(*) FROM messages") == [(2,)]
        await bench.accept_one()
        with pytest.raises(StoreFull):
            await bench.accept_one()
        assert len(await bench.bind().ask(2)) == 2
        await bench.accept_one()


async def test_submissions_that_come_together_do_not_pass_the_backlog_limit(open_store):
    async with open_store(backlog_limit=10) as bench:
        refused = []

        async def submit():
            try:
                await bench.accept_one()
            except StoreFull as error:
                refused.append(error)

        async with trio.open_nursery() as nursery:
            for _ in range(25):
                nursery.start_soon(submit)
        assert (len(refused), bench.store.backlog()) == (15, 10)


async def test_the_backlog_limit_counts_what_a_free_slot_could_take_and_not_what_is_scheduled(open_store):
    async with open_store(backlog_limit=2) as bench:
        at = bench.clock() + 3_600_000
        await bench.accept(
            bench.a_message(scheduled_at=at, expires_at=at + 3_600_000), bench.a_message(expires_at=at + 3_600_000)
        )
        await bench.accept_one(expires_at=at + 3_600_000)
        with pytest.raises(StoreFull, match=r"2 messages wait .* store.backlog_limit is 2"):
            await bench.accept_one(scheduled_at=at, expires_at=at + 3_600_000)
        await bench.after(3_600_000)
        assert bench.store.backlog() == 3, "what was accepted is never held back for the limit"


async def test_a_replay_is_answered_at_the_backlog_limit_too(open_store):
    async with open_store(backlog_limit=1) as bench:
        await bench.store.accept(bench.a_submission(bench.a_message(), key=KEY))
        assert isinstance(await bench.store.accept(bench.a_submission(bench.a_message(), key=KEY)), Replayed)


async def test_below_the_disk_reserve_nothing_is_accepted_and_the_rest_goes_on(open_store, tmp_path):
    async with open_store() as bench:
        await bench.accept_one()
    async with open_store(disk_reserve=1 << 60) as bench:
        with pytest.raises(StoreFull, match="reserve"):
            await bench.accept_one()
        bind = bench.bind()
        (claim,) = await bind.ask(1)
        await bind.send(claim.message)
        assert await bench.state(claim.message) is MessageState.SENT


async def test_an_ask_is_written_although_its_caller_is_cancelled(bench):
    message = bench.a_message()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(bench.store.accept, bench.a_submission(message)))
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    await bench.commit()
    assert await bench.state(message.id) is MessageState.QUEUED


async def test_a_message_of_priority_1_is_not_kept_waiting_by_a_flood_of_bulks(bench):
    commits = []
    bench.store.observe = lambda seconds, rows: commits.append(rows)
    done_at = {"otp": [], "promotional": []}

    async def submit(lane, count):
        await bench.accept(*(bench.a_message(lane=lane) for _ in range(count)))
        done_at[lane].append(len(commits))

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(submit, "promotional", 500)
        await trio.testing.wait_all_tasks_blocked()
        before = len(commits)
        nursery.start_soon(submit, "otp", 1)
    assert done_at["otp"][0] <= before + 2, "at most the commit under way is waited for"
    assert max(done_at["promotional"]) > done_at["otp"][0]


async def test_events_of_acceptance_are_filed_for_those_who_ask_for_them(bench):
    messages = [bench.a_message(), bench.a_message(scheduled_at=bench.clock() + 1_000)]
    await bench.accept(*messages, account="curious")
    assert [bench.told(m.id) for m in messages] == [["message.queued"], ["message.scheduled"]]
    assert bench.told(await bench.accept_one()) == []


async def test_a_refusal_for_a_client_id_in_use_is_not_kept_as_the_first_answer(bench):
    await bench.accept_one(client_id="c")
    key = IdempotencyKey("k", b"f")
    for _ in range(2):
        outcome = await bench.store.accept(bench.a_submission(bench.a_message(client_id="c"), key=key))
        assert isinstance(outcome, Accepted)
        assert outcome.conflicts
