"""Campaigns are loaded once, moved by few rows, and count what became of each of their recipients."""

import json
import sqlite3

import pytest
from played_campaigns import PlayedCampaign, some_recipients

from gateway.identifiers import CAMPAIGN, public
from gateway.messages import ErrorCode, MessageState
from gateway.store.by import by_account
from gateway.store.campaigns.interface import (
    CampaignMove,
    CampaignState,
    KnownCampaign,
    NotLoading,
    OpenedCampaign,
    RecipientErrors,
    SliceKept,
)
from gateway.store.campaigns.moves import MOST_AHEAD
from gateway.store.interface import Verdict

MINUTE = 60_000
DAY = 24 * 60 * MINUTE


# --- loading


async def test_what_is_loaded_is_counted(bench):
    campaign = PlayedCampaign(bench)
    assert await campaign.open("key") == OpenedCampaign()
    assert await campaign.add(some_recipients(0, 30), [RecipientErrors(30, b'{"fields":{}}')]) == SliceKept(30, 0, 0)
    again = [r._replace(position=r.position + 31) for r in some_recipients(28, 5)]
    assert await campaign.add(again) == SliceKept(3, 2, 0)
    row = await campaign.seal()
    assert (row.state, row.received, row.accepted, row.rejected, row.duplicates) == (0, 36, 33, 1, 2)
    assert row.waiting == 33


async def test_a_number_twice_in_one_slice_is_kept_once(bench):
    campaign = PlayedCampaign(bench)
    await campaign.open()
    twice = some_recipients(0, 60) + [r._replace(position=r.position + 60) for r in some_recipients(0, 60)]
    assert await campaign.add(twice) == SliceKept(60, 60, 0)
    assert [row[0] for row in bench.sql("SELECT position FROM campaign_recipients")] == list(range(60))


async def test_who_has_opted_out_is_counted_and_not_kept(bench):
    campaign = PlayedCampaign(bench)
    await campaign.open()
    ann, bob, cid = some_recipients(0, 3)
    bench.store.inbound(bench.an_inbound(sender=bob.recipient, text="STOP"), lambda kept: None)
    await bench.commit()
    assert await campaign.add([ann, bob, cid]) == SliceKept(2, 0, 1)
    row = await campaign.seal()
    assert (row.received, row.accepted, row.opted_out) == (3, 2, 1)


async def test_who_opts_out_after_the_message_is_counted_for_its_variant(bench):
    campaign = await PlayedCampaign(bench).load(3)
    await campaign.expand(variant="Hi")
    bind = bench.bind()
    await bind.ask(1)
    await bind.send(bind.messages[0])
    ann, bob, _ = some_recipients(0, 3)
    for number in (ann.recipient, bob.recipient):
        bench.store.inbound(bench.an_inbound(sender=number, text="STOP"), lambda kept: None)
    await bench.commit()
    await bind.ask(5)
    row = await campaign.row()
    assert row.counts == {("Hi", "sent"): 1, ("Hi", "queued"): 1, ("Hi", "opted_out"): 1}
    assert "Hi" in row.opt_outs
    assert await campaign.counts_are_right()


async def test_the_same_number_is_taken_by_two_campaigns(bench):
    for _ in range(2):
        campaign = await PlayedCampaign(bench).load(5)
        assert (await campaign.row()).accepted == 5


async def test_what_is_sealed_runs_by_itself_and_is_told_of(bench):
    told = []
    bench.store.tell_expansions(told.append)
    campaign = await PlayedCampaign(bench).load(5)
    assert await campaign.status() == "running"
    assert campaign.id in told


async def test_what_is_scheduled_waits_for_its_time(bench):
    told = []
    bench.store.tell_expansions(told.append)
    campaign = await PlayedCampaign(bench).load(5, scheduled_at=bench.clock() + DAY)
    assert await campaign.status() == "scheduled"
    assert not await campaign.expand()
    await bench.after(DAY - 1)
    assert await campaign.status() == "scheduled"
    assert not told
    await bench.after(1)
    assert await campaign.status() == "running"
    assert (await campaign.row()).started_at == bench.clock()
    assert told == [campaign.id]


async def test_a_key_gives_the_sealed_campaign_again_with_its_fingerprint(bench):
    first = await PlayedCampaign(bench).load(5, key="may")
    again = await PlayedCampaign(bench).open("may")
    assert isinstance(again, KnownCampaign)
    assert (again.campaign.id, again.fingerprint) == (first.id, b"f")
    known = await bench.store.campaign_of_key("shop", "may")
    assert known is not None
    assert known.campaign.id == first.id
    assert await PlayedCampaign(bench, account="mall").open("may") == OpenedCampaign()
    assert await bench.store.campaign_of_key("mall", "may") is None


async def test_an_upload_that_was_cut_off_is_begun_again_under_its_key(bench):
    lost = PlayedCampaign(bench)
    await lost.open("may")
    await lost.add(some_recipients(0, 5))
    found = PlayedCampaign(bench)
    assert await found.open("may") == OpenedCampaign()
    assert await found.add(some_recipients(0, 5)) == SliceKept(5, 0, 0)
    assert await lost.status() == "failed"
    for late in (lost.add(some_recipients(5, 1)), lost.seal()):
        with pytest.raises(NotLoading):
            await late
    await lost.bench.store.fail_campaign(lost.id, "the client went away")
    assert (await lost.row()).failure == "begun_again"
    await found.seal()
    assert await found.status() == "running"


async def test_an_upload_that_failed_says_why_and_is_begun_again_under_its_key(bench):
    lost = PlayedCampaign(bench)
    await lost.open("may")
    await lost.add(some_recipients(0, 5))
    await bench.store.fail_campaign(lost.id, "the client went away")
    row = await lost.row()
    assert (row.state, row.failure, row.finished_at) == (CampaignState.FAILED, "the client went away", bench.clock())
    assert (row.waiting, row.canceled_waiting) == (0, 5)
    assert await PlayedCampaign(bench).open("may") == OpenedCampaign()
    assert await lost.row() == row, "that it is begun again changes nothing of what it was"
    assert await lost.counts_are_right()


async def test_an_upload_without_an_end_is_given_up_after_a_day(bench):
    campaign = PlayedCampaign(bench)
    await campaign.open()
    await bench.after(DAY - 1)
    assert await campaign.status() == "loading"
    await bench.after(1)
    assert await campaign.status() == "failed"


async def test_errors_are_given_in_pages_by_their_position(bench):
    campaign = PlayedCampaign(bench)
    await campaign.open()
    await campaign.add([], [RecipientErrors(at, b"%d" % at) for at in range(7)])
    page = await bench.store.campaign_errors("shop", campaign.id, limit=5, cursor=None)
    assert [row.position for row in page.rows] == [0, 1, 2, 3, 4]
    page = await bench.store.campaign_errors("shop", campaign.id, limit=5, cursor=page.next_cursor)
    assert page.rows == [RecipientErrors(5, b"5"), RecipientErrors(6, b"6")]
    assert page.next_cursor is None
    assert await bench.store.campaign_errors("mall", campaign.id, limit=5, cursor=None) is None


async def test_campaigns_are_listed_newest_first_by_their_status(bench):
    running = [await PlayedCampaign(bench).load(1) for _ in range(3)]
    scheduled = await PlayedCampaign(bench).load(1, scheduled_at=bench.clock() + DAY)
    await PlayedCampaign(bench, account="mall").load(1)
    page = await bench.store.campaigns("shop", statuses=[], limit=3, cursor=None)
    assert [row.id for row in page.rows] == [scheduled.id, running[2].id, running[1].id]
    page = await bench.store.campaigns("shop", statuses=[], limit=3, cursor=page.next_cursor)
    assert [row.id for row in page.rows] == [running[0].id]
    page = await bench.store.campaigns("shop", statuses=["scheduled", "paused"], limit=3, cursor=None)
    assert [row.id for row in page.rows] == [scheduled.id]
    assert await bench.store.campaign("mall", scheduled.id) is None


# --- expanding


async def test_recipients_become_messages_of_the_campaign(bench):
    campaign = await PlayedCampaign(bench).load(7)
    assert await campaign.expand(5)
    assert (await campaign.row()).waiting == 2
    assert await campaign.expand(5)
    assert not await campaign.expand(5)
    assert await campaign.counts() == {"queued": 7}
    story = await bench.story(campaign.messages[0])
    assert (story.message.campaign, story.message.submission) == (campaign.id, campaign.id)
    assert [(await bench.story(m)).message.recipient for m in campaign.messages] == [
        r.recipient for r in some_recipients(0, 7)
    ]


async def test_a_slice_is_expanded_once_however_often_it_is_given(bench):
    campaign = await PlayedCampaign(bench).load(5)
    expansion = await bench.store.expansion(campaign.id, 5)
    assert await bench.store.expand(expansion, [campaign.a_message(r) for r in expansion.recipients])
    assert not await bench.store.expand(expansion, [campaign.a_message(r) for r in expansion.recipients])
    assert await campaign.counts() == {"queued": 5}


async def test_fewer_messages_than_recipients_leave_the_rest_waiting(bench):
    campaign = await PlayedCampaign(bench).load(5)
    expansion = await bench.store.expansion(campaign.id, 5)
    assert await bench.store.expand(expansion, [campaign.a_message(r) for r in expansion.recipients[:2]])
    following = await bench.store.expansion(campaign.id, 5)
    assert [r.position for r in following.recipients] == [2, 3, 4]
    assert not await bench.store.expand(following, [])


async def test_a_recipient_that_can_not_be_sent_to_any_more_ends_as_failed(bench):
    campaign = await PlayedCampaign(bench).load(3)
    expansion = await bench.store.expansion(campaign.id, 3)
    messages = [campaign.a_message(r) for r in expansion.recipients]
    assert await bench.store.expand(expansion, messages, {1: ErrorCode.TEXT_REJECTED})
    assert await campaign.counts() == {"queued": 2, "failed": 1}
    assert (await bench.story(messages[1].id)).message.error == "text_rejected"
    assert bench.told(messages[1].id) == ["message.failed"]
    assert bench.ready_is_right()


async def test_it_is_told_of_again_when_its_queue_runs_low(bench):
    campaign = await PlayedCampaign(bench).load(1200)
    told = []
    bench.store.tell_expansions(told.append)
    await bench.commit()
    assert told == [campaign.id]
    await campaign.expand(300)
    assert told == [campaign.id] * 2
    await campaign.expand(300)
    await bench.commit()
    assert told == [campaign.id] * 2, "a full queue is left alone"
    await bench.bind().ask(200)
    assert told == [campaign.id] * 3


async def test_one_with_a_rate_has_no_more_ready_than_goes_out_in_a_second(bench):
    campaign = PlayedCampaign(bench, rate=20.0)
    await campaign.open()
    await campaign.add(some_recipients(0, 100))
    told = []
    bench.store.tell_expansions(told.append)
    await campaign.seal()
    while told:
        told.clear()
        await campaign.expand(5)
    assert (await campaign.counts())["queued"] == 20, "as long as its carriers are down"
    async with bench.after_a_crash() as again:
        again.store.tell_expansions(told.append)
        await again.commit()
        assert told == []
        await again.bind().ask(1)
        assert told == [campaign.id]


async def test_a_route_whose_carriers_are_down_does_not_hold_up_the_campaigns_other_routes(bench):
    campaign = PlayedCampaign(bench)
    await campaign.open()
    for first in range(0, 2_000, 500):
        slice_ = some_recipients(first, 500)
        await campaign.add([r._replace(route=("rest", "pair")[r.position % 2]) for r in slice_])
    told = []
    bench.store.tell_expansions(told.append)
    await campaign.seal()
    up = bench.bind("other/1")
    await up.ask(2_000)
    while told:
        told.clear()
        await campaign.expand()
    assert len(up.claims) == 1_000
    assert {(await bench.story(message)).message.route for message in up.messages[::100]} == {"pair"}


async def test_what_is_made_ahead_for_a_route_that_is_down_is_bounded(bench):
    campaign = PlayedCampaign(bench)
    await campaign.open()
    for first in range(0, MOST_AHEAD + 2_000, 500):
        slice_ = some_recipients(first, 500)
        await campaign.add([r._replace(route="rest" if r.position else "pair") for r in slice_])
    told = []
    bench.store.tell_expansions(told.append)
    await campaign.seal()
    await bench.bind("other/1").ask(2_000)
    while told:
        told.clear()
        await campaign.expand()
    assert MOST_AHEAD <= (await campaign.counts())["queued"] <= MOST_AHEAD + 500


# --- by hand


async def test_nothing_of_a_paused_campaign_is_dealt_or_expanded(bench):
    campaign = await PlayedCampaign(bench).load(20)
    await campaign.expand(10)
    assert await campaign.pause() is CampaignMove.DONE
    assert await campaign.pause() is CampaignMove.ALREADY
    bind = bench.bind()
    assert not await bind.ask(20)
    assert not await campaign.expand(10)
    other = await bench.accept_one()
    await bench.commit()
    assert bind.messages == [other]
    assert await campaign.resume() is CampaignMove.DONE
    assert await campaign.resume() is CampaignMove.ALREADY
    await bench.commit()
    assert bind.messages == [other, *campaign.messages]
    assert await campaign.expand(10)


async def test_a_slice_that_was_read_before_the_pause_is_refused(bench):
    campaign = await PlayedCampaign(bench).load(5)
    expansion = await bench.store.expansion(campaign.id, 5)
    await campaign.pause()
    assert not await bench.store.expand(expansion, [campaign.a_message(r) for r in expansion.recipients])


async def test_a_long_message_of_which_a_carrier_has_a_part_goes_on_through_a_pause(bench):
    campaign = await PlayedCampaign(bench).load(2)
    await campaign.expand(2, text="x" * 306, segments=2)
    bind = bench.bind()
    await bind.ask(2)
    (first,) = bind.messages
    await bind.send(first, part=1)
    await campaign.pause()
    await bind.answer(bind.an_answer(first, Verdict.POSTPONED, part=2))
    await bench.after(MINUTE)
    bind.claims.clear()
    await bind.ask(5)
    assert bind.messages == [first]


async def test_a_scheduled_campaign_may_be_paused_and_waits_for_its_schedule_again(bench):
    campaign = await PlayedCampaign(bench).load(2, scheduled_at=bench.clock() + DAY)
    await campaign.pause()
    assert await campaign.status() == "paused"
    await campaign.resume()
    assert await campaign.status() == "scheduled"
    await campaign.pause()
    await bench.after(DAY)
    assert await campaign.status() == "paused"
    await campaign.resume()
    assert await campaign.status() == "running"


async def test_a_canceled_campaign_sends_no_more_and_what_is_claimed_goes_out(bench):
    campaign = await PlayedCampaign(bench).load(700)
    await campaign.expand(450)
    bind = bench.bind()
    await bind.ask(3)
    assert await campaign.cancel() is CampaignMove.DONE
    assert await campaign.cancel() is CampaignMove.ALREADY
    for _ in range(5):
        await bench.commit()
    row = await campaign.row()
    assert (row.state, row.waiting, row.canceled_waiting) == (CampaignState.CANCELED, 0, 250)
    assert await campaign.counts() == {"queued": 3, "canceled": 447}
    assert not await bind.ask(50)
    for message in bind.messages:
        await bind.send(message, f"c{message}")
        await bench.receipt(f"c{message}", to=(await bench.story(message)).message.recipient[1:])
    assert await campaign.counts() == {"delivered": 3, "canceled": 447}
    assert await campaign.counts_are_right()
    assert bench.ready_is_right()
    assert await campaign.resume() is CampaignMove.NOT_POSSIBLE


async def test_a_transaction_ends_at_most_200_messages_of_a_canceled_campaign(bench):
    campaign = await PlayedCampaign(bench).load(450)
    await campaign.expand(450)
    seen = []
    observe = bench.store.observe

    def look(seconds, rows):
        observe(seconds, rows)
        seen.append(bench.sql("SELECT count(*) FROM messages WHERE state = 15")[0][0])

    bench.store.observe = look
    await campaign.cancel()
    while seen[-1] < 450:
        await bench.commit()
    assert [count for count in dict.fromkeys(seen) if count] == [200, 400, 450]


async def test_a_retry_of_a_canceled_campaign_is_not_sent_again(bench):
    campaign = await PlayedCampaign(bench).load(1)
    await campaign.expand()
    bind = bench.bind()
    await bind.ask(1)
    await campaign.cancel()
    await bind.answer(bind.an_answer(campaign.messages[0], Verdict.RETRY))
    await bench.after(MINUTE)
    await bind.ask(5)
    assert len(bind.claims) == 1
    assert await campaign.counts() == {"canceled": 1}


async def test_what_waits_for_its_time_is_canceled_at_once(bench):
    campaign = await PlayedCampaign(bench).load(301)
    await campaign.expand(1)
    bind = bench.bind()
    await bind.ask(1)
    await bind.answer(bind.an_answer(campaign.messages[0], Verdict.RETRY))
    await campaign.expand(300, scheduled_at=bench.clock() + DAY)
    other = await bench.accept_one(scheduled_at=bench.clock() + DAY)
    await campaign.cancel()
    for _ in range(3):
        await bench.commit()
    assert await campaign.counts() == {"canceled": 301}
    assert await campaign.counts_are_right()
    assert bench.ready_is_right()
    assert bench.sql("SELECT settled FROM campaigns") == [(1,)]
    assert await bench.state(other) is MessageState.SCHEDULED


async def test_a_cancel_writes_one_row_of_campaigns_however_many_wait(bench):
    campaign = await PlayedCampaign(bench).load(2_000)
    before = bench.sql("SELECT count(*) FROM campaign_recipients")
    statements = []
    await bench.store._writer._connection.call(lambda c: c.set_trace_callback(statements.append))
    changes = await bench.store._writer._connection.call(lambda c: c.total_changes)
    await campaign.cancel()
    assert await bench.store._writer._connection.call(lambda c: c.total_changes) - changes <= 4
    assert not [sql for sql in statements if "campaign_recipients" in sql and "LIMIT" not in sql]
    assert bench.sql("SELECT count(*) FROM campaign_recipients")[0][0] >= before[0][0] - 200


async def test_moves_that_are_not_possible_say_so(bench):
    loading = PlayedCampaign(bench)
    await loading.open()
    for move in (loading.pause, loading.resume, loading.cancel):
        assert await move() is CampaignMove.NOT_POSSIBLE
    stranger = await PlayedCampaign(bench).load(1)
    stranger.account = "mall"
    for move in (stranger.pause, stranger.resume, stranger.cancel):
        assert await move() is CampaignMove.NOT_FOUND
    assert await bench.store.pause_campaign("shop", 1, by=by_account("shop", 1)) is CampaignMove.NOT_FOUND


async def test_moves_by_hand_are_audited_once(bench):
    campaign = await PlayedCampaign(bench).load(1)
    for move in (campaign.pause, campaign.pause, campaign.resume, campaign.cancel, campaign.cancel):
        await move()
    rows = (await bench.store.audit(limit=10, cursor=None)).rows
    assert [row.what for row in reversed(rows)] == ["pause_campaign", "resume_campaign", "cancel_campaign"]
    assert {(row.who, row.outcome) for row in rows} == {("account:shop", public(CAMPAIGN, campaign.id))}


# --- the end


async def test_it_is_completed_and_told_once_every_message_has_ended(bench):
    bench.take_deliveries()
    campaign = await PlayedCampaign(bench).load(4)
    await campaign.expand(variant="Hello")
    bind = bench.bind()
    await bind.ask(5)
    first, second, third, fourth = campaign.messages
    await bind.answer(bind.an_answer(first), bind.an_answer(second), bind.an_answer(third))
    await bind.answer(bind.an_answer(fourth, Verdict.REFUSED))
    for message, recipient in zip((first, second), some_recipients(0, 2), strict=True):
        await bench.receipt(f"{message:x}-1", to=recipient.recipient[1:])
    assert await campaign.status() == "running"
    row = await campaign.row()
    assert row.counts == {("Hello", "delivered"): 2, ("Hello", "sent"): 1, ("Hello", "failed"): 1}
    await bench.receipt(f"{third:x}-1", "UNDELIV", to=some_recipients(2, 1)[0].recipient[1:])
    row = await campaign.row()
    assert (row.state, row.finished_at) == (CampaignState.COMPLETED, bench.clock())
    (told,) = [json.loads(b) for (b,) in bench.sql("SELECT body FROM events WHERE type = 'campaign.completed'")]
    assert (told["status"], told["message_id"], told["data"]["id"]) == (
        "completed",
        None,
        public(CAMPAIGN, campaign.id),
    )
    assert told["data"]["campaign_name"] == "May"
    counts = {name: count for name, count in told["data"]["counts"].items() if count}
    assert counts == {"delivered": 2, "undelivered": 1, "failed": 1}
    assert await campaign.counts_are_right()


async def test_a_campaign_without_a_recipient_is_completed_at_once(bench):
    campaign = await PlayedCampaign(bench).load(0)
    assert await campaign.status() == "completed"


async def test_the_event_goes_to_the_campaigns_own_url(bench):
    bench.take_deliveries()
    await PlayedCampaign(bench, webhook_url="https://one.example/x").load(0)
    assert [(d.url, bench.types([d])) for d in bench.deliveries] == [("https://one.example/x", ["campaign.completed"])]


async def test_what_is_expired_and_what_comes_late_is_counted(bench):
    campaign = await PlayedCampaign(bench, validity_ms=MINUTE).load(3)
    await campaign.expand()
    bind = bench.bind()
    await bind.ask(1)
    (doubtful,) = bind.messages
    await bind.doubt(doubtful)
    await bench.after(2 * MINUTE)
    await bench.after(1)
    assert await campaign.counts() == {"expired": 2, "unknown": 1}
    assert await campaign.status() == "completed"
    await bind.send(doubtful, "late")
    await bench.receipt("late", to=some_recipients(0, 1)[0].recipient[1:])
    assert await campaign.counts_are_right()
    assert await campaign.counts() == {"expired": 2, "delivered": 1}


async def test_how_fast_it_goes_is_of_the_last_minute(bench):
    campaign = await PlayedCampaign(bench).load(400)
    await campaign.expand()
    bind = bench.bind()
    for _ in range(10):
        await bind.ask(20)
        await bind.answer(*(bind.an_answer(m) for m in bind.messages[-20:]))
        await bench.after(1_000)
    assert 15 <= (await campaign.row()).rate <= 20
    await bench.after(2 * MINUTE)
    assert (await campaign.row()).rate == 0


# --- retention


async def test_recipients_of_ended_campaigns_are_erased_some_at_a_time(bench):
    campaign = await PlayedCampaign(bench).load(500)
    await campaign.cancel()
    for _ in range(40):
        await bench.after(1_000)
    assert bench.sql("SELECT count(*) FROM campaign_recipients") == [(0,)]
    assert (await campaign.row()).canceled_waiting == 500


async def test_a_campaign_stays_as_long_as_its_messages_and_takes_its_queues_along(bench):
    campaign = PlayedCampaign(bench)
    await campaign.open("may")
    await campaign.add(some_recipients(0, 2), [RecipientErrors(9, b"{}")])
    await campaign.seal()
    await campaign.expand()
    await bench.after(3 * DAY)
    assert await campaign.status() == "completed"
    await bench.after(80 * DAY)
    assert await campaign.counts() == {"expired": 2}
    for _ in range(30):
        await bench.after(DAY)
    for table in ("campaigns", "campaign_counts", "campaign_errors", "queues", "messages"):
        assert bench.sql(f"SELECT count(*) FROM {table}") == [(0,)], table
    assert not bench.store.queues()
    assert await PlayedCampaign(bench).open("may") == OpenedCampaign()


async def test_a_campaign_that_can_not_be_moved_on_keeps_no_other_from_moving(bench):
    bad = await PlayedCampaign(bench).load(1, scheduled_at=bench.clock() + DAY)
    good = await PlayedCampaign(bench).load(1, scheduled_at=bench.clock() + DAY)
    bench.sql(
        f"CREATE TRIGGER no_way BEFORE UPDATE ON campaigns WHEN OLD.id = {bad.id} AND NEW.state = 2 "
        "BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    await bench.after(DAY)
    assert (await bad.status(), await good.status()) == ("scheduled", "running")
    bench.sql("DROP TRIGGER no_way")
    await bench.after(2 * MINUTE)
    assert await bad.status() == "running"


def test_rows_can_not_be_settled_before_they_have_ended(tmp_path):
    from gateway.store.connection import migrate

    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(
            "INSERT INTO campaigns (id, account, request_id, state, definition, created_at, settled) "
            "VALUES (1, 'shop', 1, 2, '{}', 1, 1)"
        )
    connection.close()
