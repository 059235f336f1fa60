"""Single messages of one transaction are filed together, and to each caller it is as if its own had been alone."""

import random
from functools import partial

import pytest

from gateway.settings import AccountLimits, InDoubt
from gateway.store.interface import Accepted, IdempotencyKey, LimitReached, Replayed, StoreFull
from gateway.store.policy import LanePolicy

MINUTE = 60_000
STOPPED = "+34600000009"
LANES = {
    "otp": LanePolicy(2, InDoubt.HOLD, MINUTE, 0, duplicate_window_ms=MINUTE),
    "transactional": LanePolicy(2, InDoubt.RESEND, MINUTE, MINUTE),
}


async def at_once(bench, submissions):
    """What each is answered, by one transaction."""
    outcomes = {}
    for place, submission in enumerate(submissions):
        bench.store.ask_accept(submission, partial(answered, outcomes, place))
    await bench.commit()
    return [outcomes[place] for place in range(len(submissions))]


def answered(outcomes, place, outcome, error):
    assert (outcome is None) is (error is not None)
    outcomes[place] = outcome or error


async def one_by_one(bench, submissions):
    outcomes = []
    for submission in submissions:
        outcomes += await at_once(bench, [submission])
    return outcomes


def inserts(statements):
    return [statement for statement in statements if statement.startswith("INSERT INTO messages")]


async def test_singles_of_an_account_are_one_statement_with_their_own_submissions_and_requests(bench):
    submissions = [bench.a_submission(bench.a_message()) for _ in range(6)]
    statements = await bench.statements_of(lambda: at_once(bench, submissions))
    assert len(inserts(statements)) == 1
    kept = bench.sql("SELECT id, submission, request_id FROM messages ORDER BY id")
    assert kept == [(one.messages[0].id, one.id, one.request_id) for one in submissions]
    assert bench.store.backlog() == 6
    assert bench.ready_is_right()


async def test_a_client_id_in_use_refuses_its_own_single_alone(bench):
    old = await bench.accept_one(client_id="a")
    submissions = [bench.a_submission(bench.a_message(client_id=name)) for name in ("b", "a", "b", None)]
    outcomes = await at_once(bench, submissions)
    assert [outcome.conflicts for outcome in outcomes] == [{}, {0: old}, {0: submissions[0].messages[0].id}, {}]
    assert bench.store.backlog() == 3


async def test_a_limit_lets_through_as_many_as_it_would_have_one_by_one(open_store):
    async with open_store(limits={"shop": AccountLimits(messages_per_second=3)}) as bench:
        outcomes = await at_once(bench, [bench.a_submission(bench.a_message()) for _ in range(5)])
        assert [isinstance(outcome, LimitReached) for outcome in outcomes] == [False] * 3 + [True] * 2
        assert bench.store.backlog() == 3
        assert bench.store.account_use("shop").messages_left == 0


async def test_a_backlog_takes_as_many_as_it_has_room_for(open_store):
    async with open_store(backlog_limit=2) as bench:
        outcomes = await at_once(bench, [bench.a_submission(bench.a_message()) for _ in range(3)])
        assert [isinstance(outcome, StoreFull) for outcome in outcomes] == [False, False, True]


async def test_what_is_urgent_has_room_before_what_is_not_though_another_account_has_more(open_store):
    async with open_store(backlog_limit=10) as bench:
        lanes = {"shop": ["promotional"] * 9 + ["otp"], "mall": ["otp"] * 5}
        submissions = [
            bench.a_submission(bench.a_message(lane=lane), account=account)
            for account, of_account in lanes.items()
            for lane in of_account
        ]
        outcomes = await at_once(bench, submissions)
        assert [isinstance(outcome, Accepted) for outcome in outcomes] == [True] * 4 + [False] * 5 + [True] * 6


@pytest.mark.parametrize(
    "near",
    [{"limits": {"shop": AccountLimits(messages_per_second=2)}}, {"backlog_limit": 2}],
    ids=["the second", "the backlog"],
)
async def test_near_a_limit_none_takes_the_room_of_one_before_it(open_store, near):
    async with open_store(**near) as bench:
        lanes = ("promotional", "transactional", "promotional")
        outcomes = await at_once(bench, [bench.a_submission(bench.a_message(lane=lane)) for lane in lanes])
        assert [isinstance(outcome, Accepted) for outcome in outcomes] == [True, True, False]


async def test_a_key_that_comes_twice_at_once_is_accepted_once(bench):
    key = IdempotencyKey("order-1", b"fingerprint")
    submissions = [bench.a_submission(bench.a_message(), key=given) for given in (key, None, key)]
    first, _, again = await at_once(bench, submissions)
    assert first == Accepted()
    assert isinstance(again, Replayed)
    assert [row.id for row in again.messages] == [submissions[0].messages[0].id]
    assert bench.store.backlog() == 2


async def test_a_key_is_kept_with_a_single_that_came_with_others(bench):
    key = IdempotencyKey("order-1", b"fingerprint")
    submissions = [bench.a_submission(bench.a_message(), key=given) for given in (None, key, None)]
    await at_once(bench, submissions)
    (again,) = await at_once(bench, [bench.a_submission(bench.a_message(), key=key)])
    assert (again.submission, [row.id for row in again.messages]) == (
        submissions[1].id,
        [submissions[1].messages[0].id],
    )


def some_submissions(bench, chance, count=25):
    """Of two accounts: names in use, texts that repeat, numbers that said STOP, keys that come again."""
    submissions = []
    for _ in range(count):
        key = chance.choice([None, None, None, "k1", "k2", "k3"])
        text = key or chance.choice(["one", "two", "three", "four"])
        name = None if key else chance.choice([None, None, "a", "b", "c", "d", "e"])
        number = chance.choice(["+34600000001", "+34600000002", STOPPED])
        message = bench.a_message(text=text, client_id=name, recipient=number, lane=chance.choice([*LANES]))
        account = chance.choice(["shop", "shop", "mall"])
        given = None if key is None else IdempotencyKey(key, chance.choice([b"same", b"same", b"another"]))
        submissions.append(bench.a_submission(message, account=account, key=given))
    return submissions


def in_turn(submissions):
    """As they are carried out: each with the first of its account and lane, but for those that have the key or
    client_id of one before them."""
    seen, firsts, places = set(), {}, {}
    for place, one in enumerate(submissions):
        named = {(one.account, one.idempotency and one.idempotency.key), (one.account, "", one.messages[0].client_id)}
        named = {name for name in named if name[-1] is not None}
        if seen.isdisjoint(named):
            seen |= named
            places[one.id] = firsts.setdefault((one.account, one.messages[0].lane), place)
        else:
            places[one.id] = place
    return sorted(submissions, key=lambda one: places[one.id])


def kept(bench):
    return (
        bench.sql("SELECT * FROM messages ORDER BY id"),
        bench.sql("SELECT * FROM idempotency ORDER BY account, key"),
        bench.sql("SELECT * FROM recent_texts ORDER BY account, lane, digest"),
        bench.sql("SELECT * FROM usage ORDER BY account, day"),
    )


@pytest.mark.parametrize("seed", range(12))
async def test_what_is_accepted_together_is_answered_and_kept_as_one_by_one(open_store, tmp_path, seed):
    policy = {"lanes": LANES, "digest_keys": {"shop": b"k" * 32, "mall": b"m" * 32}}
    async with (
        open_store(tmp_path / "together.db", **policy) as together,
        open_store(tmp_path / "alone.db", **policy) as alone,
    ):
        stop = together.an_inbound(sender=STOPPED)
        # So that queues and endpoints have the same ids, too.
        first = [
            together.a_submission(together.a_message(lane=lane, text="first"), account=account)
            for account in ("shop", "mall")
            for lane in LANES
        ]
        for bench in (together, alone):
            bench.store.inbound(stop, lambda is_kept: None)
            await one_by_one(bench, first)
        submissions = some_submissions(together, random.Random(seed))
        turns = in_turn(submissions)
        answers = dict(zip([one.id for one in turns], await one_by_one(alone, turns), strict=True))
        assert await at_once(together, submissions) == [answers[one.id] for one in submissions]
        assert kept(together) == kept(alone)
        assert together.ready_is_right()
