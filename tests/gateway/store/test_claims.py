"""Claiming: the deal's choice made true, with the intent on disk before anything is given out."""

import pytest

from gateway.messages import AttemptState, MessageState
from gateway.rules.deal import TIER_PATIENCE_MS, Turns
from gateway.store import in_hand
from gateway.store.interface import Verdict

SECOND = 1_000


async def test_what_is_dealt_is_on_disk_before_it_is_given(bench, open_store):
    message = await bench.accept_one()
    bind = bench.bind()
    seen = []
    bench.store.open_window(
        bind.name,
        "telco",
        lambda claims: seen.extend(bench.sql(in_hand.OF_MESSAGE, message)),
    )
    bench.store.ask(bind.name, 1)
    await bench.commit()
    assert seen == [(message, 1, 1, AttemptState.SUBMITTING, "telco", "telco/1", bench.clock())]


async def test_an_accept_and_its_claim_share_a_commit_when_an_ask_stands(bench):
    bind = bench.bind()
    await bind.ask(1)
    commits = []
    bench.store.observe = lambda seconds, rows: commits.append(rows)
    message = await bench.accept_one()
    assert bind.messages == [message]
    assert len(commits) == 1


async def test_messages_of_a_queue_go_out_in_the_order_of_their_ids(bench):
    messages = [bench.a_message() for _ in range(5)]
    await bench.accept(*messages[3:])
    await bench.accept(*messages[:3])
    bind = bench.bind()
    await bind.ask(2)
    await bind.ask(3)
    assert bind.messages == [m.id for m in messages]


async def test_a_claim_tells_what_the_wire_needs(bench):
    message = bench.a_message(text="Ola", sender="SHOP", recipient="+34600000002")
    await bench.accept(message)
    (claim,) = await bench.bind().ask(5)
    assert (claim.message, claim.account, claim.lane) == (message.id, "shop", "transactional")
    assert (claim.sender, claim.recipient, claim.expires_at) == ("SHOP", "+34600000002", message.expires_at)
    ((attempt, segment),) = [(s.attempt, s.segment) for s in claim.segments]
    assert (attempt, segment.short_message, segment.part, segment.total) == (1, b"Ola", 1, 1)


async def test_room_is_counted_in_pdus_and_a_long_message_overdraws_and_pays_back(bench):
    await bench.accept(bench.a_long_message(4), bench.a_message(), bench.a_message())
    bind = bench.bind()
    assert len(await bind.ask(2)) == 1
    assert len(bind.claims[0].segments) == 4
    assert await bind.ask(1) == []
    assert await bind.ask(1) == [], "two were owed"
    assert len(await bind.ask(1)) == 1


async def test_a_withdrawn_ask_gets_nothing_and_tells_what_it_was(bench):
    bind = bench.bind()
    await bind.ask(3)
    assert bench.store.withdraw(bind.name) == 3
    await bench.accept_one()
    assert bind.claims == []
    await bench.accept(bench.a_long_message(4))
    await bind.ask(5)
    assert bench.store.withdraw(bind.name) == 0
    await bench.accept(bench.a_long_message(4))
    await bind.ask(1)
    assert bench.store.withdraw(bind.name) == -3


async def test_what_was_dealt_to_a_bind_that_is_gone_is_ready_again_without_doubt(bench):
    bind = bench.bind()
    await bind.ask(1)
    submission = bench.a_submission(bench.a_message())
    bench.store.observe = lambda seconds, rows: bench.store.close_window(bind.name)
    await bench.store.accept(submission)
    bench.store.observe = lambda seconds, rows: None
    await bench.commit()
    message = submission.messages[0].id
    assert bind.claims == []
    assert await bench.state(message) is MessageState.QUEUED
    assert [a.state for a in (await bench.story(message)).attempts] == [AttemptState.RELEASED]
    assert bench.ready_is_right()


async def test_one_message_goes_out_within_a_window_beside_an_account_with_100_000(open_store):
    async with open_store() as bench:
        flood = [bench.a_message(expires_at=bench.clock() + 10**9) for _ in range(5_000)]
        for _ in range(20):
            await bench.accept(*(m._replace(id=bench.ids.next()) for m in flood), account="mall")
        bind = bench.bind()
        await bind.ask(10)
        message = await bench.accept_one(account="shop")
        dealt = await bind.ask(2)
        assert message in [claim.message for claim in dealt]
        assert bench.store.backlog() == 100_000 - 11


async def test_accounts_take_turns_whatever_they_have_queued(bench):
    for account, count in (("shop", 30), ("mall", 10), ("quiet", 3)):
        await bench.accept(*(bench.a_message() for _ in range(count)), account=account)
    dealt = await bench.bind().ask(12)
    assert sorted([c.account for c in dealt].count(account) for account in ("shop", "mall", "quiet")) == [3, 4, 5]


async def test_turns_are_counted_in_pdus_so_long_messages_take_no_more_than_their_share(bench):
    await bench.accept(*(bench.a_long_message(4) for _ in range(50)), account="mall")
    await bench.accept(*(bench.a_message() for _ in range(200)), account="shop")
    bind = bench.bind()
    for _ in range(10):
        await bind.ask(8)
    pdus = dict.fromkeys(("mall", "shop"), 0)
    for claim in bind.claims:
        pdus[claim.account] += len(claim.segments)
    assert abs(pdus["mall"] - pdus["shop"]) <= 8


async def test_priority_1_is_the_next_thing_that_a_free_slot_takes(bench):
    await bench.accept(*(bench.a_message(lane="promotional") for _ in range(200)))
    await bench.accept(*(bench.a_message() for _ in range(200)))
    bind = bench.bind()
    await bind.ask(20)
    otp = await bench.accept_one(lane="otp")
    assert [c.message for c in await bind.ask(1)] == [otp]


async def test_a_lower_lane_gets_one_slot_in_fifty_but_never_from_priority_1(bench):
    await bench.accept(*(bench.a_message(lane="promotional") for _ in range(10)))
    await bench.accept(*(bench.a_message() for _ in range(200)))
    bind = bench.bind()
    lanes = [c.lane for _ in range(10) for c in await bind.ask(10)]
    assert lanes.count("promotional") == 2
    await bench.accept(*(bench.a_message(lane="otp") for _ in range(100)))
    lanes = [c.lane for c in await bind.ask(100)]
    assert set(lanes) == {"otp"}


async def test_a_lower_tier_waits_until_all_above_could_not_send_for_nearly_a_second(bench):
    message = await bench.accept_one(route="tiered")
    backup = bench.bind("backup/1")
    bench.store.carrier_able("telco", False)
    await backup.ask(1)
    await bench.after(2 * SECOND)
    assert backup.claims == [], "the other carrier of the first tier is able"
    bench.store.carrier_able("other", False)
    await bench.after(TIER_PATIENCE_MS - 1)
    assert backup.claims == []
    await bench.after(1)
    assert backup.messages == [message]


async def test_the_writer_wakes_by_itself_when_patience_with_a_tier_ends(tmp_path, open_store):
    async with open_store() as bench:
        backup = bench.bind("backup/1")
        message = await bench.accept_one(route="tiered")
        for carrier in ("telco", "other"):
            bench.store.carrier_able(carrier, False)
        bench.store.ask(backup.name, 1)
        await bench.commit()
        assert bench.store._writer.asks.patience_ends_at(Turns(), bench.clock()) == bench.clock() + TIER_PATIENCE_MS
        bench.clock.advance(SECOND)
        bench.store.carrier_able("telco", False)
        await bench.commit()
        assert backup.messages == [message]


async def test_a_carrier_that_is_able_again_takes_its_work_back(bench):
    bench.store.carrier_able("telco", False)
    bench.store.carrier_able("other", False)
    backup = bench.bind("backup/1")
    await backup.ask(1)
    await bench.after(2 * SECOND)
    bench.store.carrier_able("telco", True)
    await bench.accept_one(route="tiered")
    assert backup.claims == []


async def test_a_retry_goes_elsewhere_where_it_can(bench):
    message = await bench.accept_one(route="pair")
    telco, other = bench.bind("telco/1"), bench.bind("other/1")
    await telco.ask(1)
    await telco.answer(telco.an_answer(message, Verdict.RETRY))
    await telco.ask(5)
    await bench.after(5 * SECOND)
    assert len(telco.claims) == 1
    assert [c.message for c in await other.ask(1)] == [message]
    assert [(q.avoid, q.ready) for q in bench.store.queues()] == [("", 0), ("telco", 0)]


async def test_a_retry_comes_back_to_the_only_carrier_that_is_able(bench):
    message = await bench.accept_one(route="pair")
    bench.store.carrier_able("other", False)
    telco = bench.bind("telco/1")
    await telco.ask(1)
    await telco.answer(telco.an_answer(message, Verdict.RETRY))
    await telco.ask(1)
    await bench.after(5 * SECOND)
    assert telco.messages == [message, message]


async def test_a_wish_to_go_elsewhere_outlives_a_release(bench):
    message = await bench.accept_one(route="pair")
    telco, other = bench.bind("telco/1"), bench.bind("other/1")
    await telco.ask(1)
    await telco.answer(telco.an_answer(message, Verdict.RETRY))
    await bench.after(5 * SECOND)
    await other.ask(1)
    await other.release(message)
    assert await telco.ask(1) == []
    assert len(await other.ask(1)) == 1


async def test_a_queue_that_promises_too_much_is_set_right(bench):
    message = await bench.accept_one()
    bench.sql("DELETE FROM messages WHERE id = ?", message)
    bind = bench.bind()
    await bind.ask(1)
    await bench.commit()
    assert bench.store.backlog() == 0
    assert bench.ready_is_right()
    again = await bench.accept_one()
    assert bind.messages == [again]


async def test_a_queue_that_promises_too_little_is_set_right(open_store):
    async with open_store() as bench:
        message = await bench.accept_one(expires_at=bench.clock() + SECOND)
    bench.sql("UPDATE queues SET ready = 0")
    async with open_store() as bench:
        await bench.after(SECOND)
        assert await bench.state(message) is MessageState.EXPIRED
        assert bench.store.backlog() == 0
        assert bench.ready_is_right()


async def test_a_text_that_cannot_be_cut_fails_alone_and_blocks_nothing(bench):
    bad = bench.a_message(text="Ж", encoding="gsm7")
    good = bench.a_message()
    await bench.accept(bad, good)
    bind = bench.bind()
    await bind.ask(2)
    await bench.commit()
    assert bind.messages == [good.id]
    story = await bench.story(bad.id)
    assert (MessageState(story.message.state), story.message.error) == (MessageState.FAILED, "text_rejected")
    assert bench.told(bad.id) == ["message.failed"]
    assert bench.ready_is_right()


async def test_two_binds_of_one_transaction_never_get_the_same_message(bench):
    one, two = bench.bind("telco/1"), bench.bind("telco/2")
    bench.store.ask(one.name, 3)
    bench.store.ask(two.name, 3)
    await bench.commit()
    messages = await bench.accept(*(bench.a_message() for _ in range(6)))
    assert sorted(one.messages + two.messages) == messages
    assert len(one.messages) == len(two.messages) == 3


@pytest.mark.parametrize("parts", [2, 3, 8])
async def test_parts_of_one_message_share_a_reference_that_its_neighbour_does_not_have(bench, parts):
    await bench.accept(bench.a_long_message(parts), bench.a_long_message(parts))
    one, two = await bench.bind().ask(2 * parts)
    references = [{s.segment.short_message[3] for s in claim.segments} for claim in (one, two)]
    assert [len(r) for r in references] == [1, 1]
    assert references[0] != references[1]
    assert [s.segment.part for s in one.segments] == list(range(1, parts + 1))


async def test_what_outlived_its_validity_in_an_outage_ends_instead_of_being_sent(bench):
    ends = bench.clock() + 60_000
    messages = [await bench.accept(*[bench.a_message(expires_at=ends) for _ in range(400)]) for _ in range(3)]
    bench.clock.advance(3_600_000)
    assert not await bench.bind().ask(10)
    assert await bench.state(messages[0][0]) is MessageState.EXPIRED


async def test_a_retry_that_avoids_a_carrier_goes_to_the_tier_below(bench):
    first, second = bench.bind("telco/1"), bench.bind("backup/1")
    message = await bench.accept_one(route="tiered")
    bench.store.carrier_able("other", False)
    await first.ask(1)
    await first.answer(first.an_answer(message, Verdict.RETRY), room=1)
    await second.ask(1)
    await bench.after(600_000)
    assert [len(first.claims), len(second.claims)] == [1, 1]


async def test_a_long_message_has_as_many_tries_as_a_short_one(bench):
    (message,) = await bench.accept(bench.a_long_message(8))
    bind = bench.bind()
    await bind.ask(8)
    await bind.answer(*[bind.an_answer(message, Verdict.RETRY, part=part) for part in range(1, 9)], room=8)
    assert (await bench.story(message)).message.tries == 1
