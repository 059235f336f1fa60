"""Cancelling what is unsent, and only that, and only one's own."""

import pytest

from gateway.messages import MessageState
from gateway.store.by import by_account
from gateway.store.interface import CancelOutcome, Verdict

SECOND = 1_000
MINUTE = 60_000


@pytest.mark.parametrize("ahead", [None, MINUTE])
async def test_an_unsent_message_is_canceled_once(bench, ahead):
    message = await bench.accept_one(scheduled_at=None if ahead is None else bench.clock() + ahead)
    assert await bench.store.cancel("shop", message, by_account("shop", 1)) is CancelOutcome.CANCELED
    assert await bench.store.cancel("shop", message, by_account("shop", 2)) is CancelOutcome.ALREADY_CANCELED
    story = await bench.story(message)
    assert story.message.state == MessageState.CANCELED
    assert bench.told(message) == ["message.canceled"]
    assert bench.store.backlog() == 0
    await bench.after(2 * MINUTE)
    assert await bench.bind().ask(1) == []
    assert len(bench.sql("SELECT * FROM audit")) == 1


async def test_a_message_that_waits_for_its_retry_can_be_canceled(bench):
    message = await bench.accept_one()
    bind = bench.bind()
    await bind.ask(1)
    await bind.answer(bind.an_answer(message, Verdict.RETRY))
    assert await bench.store.cancel("shop", message, by_account("shop", 1)) is CancelOutcome.CANCELED
    await bench.after(MINUTE)
    assert await bind.ask(1) == []


async def test_what_a_carrier_may_have_cannot_be_canceled(bench):
    claimed, doubtful, sent = await bench.accept(*(bench.a_message() for _ in range(3)))
    bind = bench.bind()
    await bind.ask(3)
    await bind.doubt(doubtful)
    await bind.send(sent)
    for message in (claimed, doubtful, sent):
        assert await bench.store.cancel("shop", message, by_account("shop", 1)) is CancelOutcome.TOO_LATE


async def test_a_message_to_be_sent_again_after_a_doubt_cannot_be_canceled(bench):
    message = await bench.accept_one()
    bind = bench.bind()
    await bind.ask(1)
    await bind.doubt(message)
    await bench.after(MINUTE)
    assert await bench.state(message) is MessageState.QUEUED
    assert await bench.store.cancel("shop", message, by_account("shop", 1)) is CancelOutcome.TOO_LATE


async def test_another_accounts_message_is_not_there(bench):
    message = await bench.accept_one()
    assert await bench.store.cancel("mall", message, by_account("mall", 1)) is CancelOutcome.NOT_FOUND
    assert await bench.store.cancel("shop", message + 1, by_account("shop", 1)) is CancelOutcome.NOT_FOUND
    assert await bench.state(message) is MessageState.QUEUED


async def test_cancel_and_claim_in_one_commit_agree(bench):
    message = await bench.accept_one()
    bind = bench.bind()
    bench.store.ask(bind.name, 1)
    outcome = await bench.store.cancel("shop", message, by_account("shop", 1))
    assert (outcome is CancelOutcome.CANCELED) == (bind.messages == [])
    assert bench.ready_is_right()
