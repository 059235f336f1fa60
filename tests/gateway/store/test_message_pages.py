"""Lists of messages: by whatever is asked, only one's own, newest first, never looking at more rows than a page may."""

import sqlite3
from functools import partial

import pytest
from played_campaigns import PlayedCampaign

from gateway.identifiers import created_at_ms
from gateway.messages import Status
from gateway.store.by import by_account
from gateway.store.lists import messages as message_pages
from gateway.store.lists.interface import InboundFilter, MessageFilter

SECOND = 1_000
MINUTE = 60_000
DAY = 24 * 60 * MINUTE


async def ids(bench, limit=50, **wanted):
    """The ids of all pages."""
    found, cursor = [], None
    while True:
        page = await bench.store.messages("shop", MessageFilter(**wanted), limit=limit, cursor=cursor)
        assert len(page.rows) <= limit
        found += [row.id for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            return found


@pytest.fixture
async def several(bench):
    """Messages that differ in one thing each, by it."""
    messages = {
        "plain": await bench.accept_one(),
        "client_id": await bench.accept_one(client_id="a"),
        "recipient": await bench.accept_one(recipient="+34600000002"),
        "sender": await bench.accept_one(sender="+34600999999"),
        "lane": await bench.accept_one(lane="otp"),
        "tag": await bench.accept_one(tag="may"),
        "scheduled": await bench.accept_one(scheduled_at=bench.clock() + MINUTE),
    }
    await bench.accept(bench.a_message(client_id="a", recipient="+34600000002", tag="may", lane="otp"), account="mall")
    return messages


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ({"client_id": "a"}, "client_id"),
        ({"recipient": "+34600000002"}, "recipient"),
        ({"sender": "34600999999"}, "sender"),
        ({"sender": "+34600999999"}, "sender"),
        ({"lane": "otp"}, "lane"),
        ({"tag": "may"}, "tag"),
        ({"statuses": [Status.SCHEDULED]}, "scheduled"),
    ],
)
async def test_messages_are_found_by_each_thing_that_they_have(bench, several, wanted, name):
    assert await ids(bench, **wanted) == [several[name]]


async def test_without_a_filter_all_of_the_account_are_listed_newest_first_in_pages(bench, several):
    assert await ids(bench, limit=3) == sorted(several.values(), reverse=True)


async def test_all_filters_have_to_hold(bench, several):
    assert await ids(bench, recipient="+34600000001", sender="SHOP", tag="may") == [several["tag"]]
    assert await ids(bench, recipient="+34600000001", lane="otp", statuses=[Status.DELIVERED]) == []
    assert await ids(bench, client_id="a", tag="may") == []


async def test_a_public_status_finds_what_shows_it_and_nothing_else(bench):
    waiting = await bench.accept_one()
    canceled = await bench.accept_one()
    await bench.store.cancel("shop", canceled, by_account("shop", 1))
    bind = bench.bind()
    await bind.ask(1)
    assert bind.messages == [waiting]
    assert await ids(bench, statuses=[Status.QUEUED]) == [waiting], "it is on the wire, and shows as queued"
    await bind.send(waiting, "1")
    assert await ids(bench, statuses=[Status.QUEUED]) == []
    assert await ids(bench, statuses=[Status.SENT]) == [waiting]
    assert await ids(bench, statuses=[Status.SENT, Status.CANCELED]) == [canceled, waiting]


async def test_what_was_sent_stays_sent_while_it_is_sent_again(bench):
    long = (await bench.accept(bench.a_long_message(2)))[0]
    bind = bench.bind()
    await bind.ask(2)
    await bind.send(long, "1", part=1)
    await bind.send(long, "2", part=2)
    bench.sql("UPDATE messages SET state = 2 WHERE id = ?", long)
    assert await ids(bench, statuses=[Status.SENT]) == [long]
    assert await ids(bench, statuses=[Status.QUEUED]) == []


async def test_a_time_range_includes_both_its_ends(bench):
    messages = []
    for _ in range(4):
        messages.append(await bench.accept_one())
        bench.clock.advance(SECOND)
    first, second, third, fourth = messages
    at = created_at_ms
    assert await ids(bench, after=at(second), before=at(third)) == [third, second]
    assert await ids(bench, after=at(second) + 1, before=at(third) - 1) == []
    assert await ids(bench, before=at(first)) == [first]
    assert await ids(bench, after=at(fourth)) == [fourth]
    assert await ids(bench, recipient="+34600000001", after=at(third)) == [fourth, third]


@pytest.mark.parametrize("at", [-(10**15), -1, 0, 10**15])
async def test_times_that_no_id_can_have_are_before_or_after_all(bench, at):
    message = await bench.accept_one()
    assert await ids(bench, after=at) == ([message] if at <= 0 else [])
    assert await ids(bench, before=at) == ([] if at <= 0 else [message])


async def test_a_submission_is_found_by_its_id_among_its_neighbours(bench):
    submissions = []
    for count in (1, 3, 2):
        await bench.accept_one()
        submission = bench.a_submission(*(bench.a_message() for _ in range(count)))
        await bench.store.accept(submission)
        submissions.append(submission)
        bench.clock.advance(SECOND)
    for submission in submissions:
        expected = sorted((message.id for message in submission.messages), reverse=True)
        assert await ids(bench, limit=2, submission=submission.id) == expected
    await bench.store.accept(other := bench.a_submission(bench.a_message(), account="mall"))
    assert await ids(bench, submission=other.id) == []


async def test_a_campaign_finds_its_messages_while_it_runs_and_after_its_end(bench):
    before = await bench.accept_one()
    campaign = await PlayedCampaign(bench).load(3)
    await campaign.expand()
    bench.clock.advance(SECOND)
    await bench.accept_one()
    (_, *expected, _) = sorted((row[0] for row in bench.sql("SELECT id FROM messages")), reverse=True)
    assert before not in expected
    assert await ids(bench, limit=2, campaign=campaign.id) == expected
    await campaign.cancel()
    bench.clock.advance(DAY)
    await bench.accept_one()
    assert await ids(bench, campaign=campaign.id) == expected
    assert await ids(bench, campaign=campaign.id, statuses=[Status.CANCELED]) == expected
    assert await ids(bench, campaign=campaign.id, submission=before) == []
    page = await bench.store.messages("mall", MessageFilter(campaign=campaign.id), limit=5, cursor=None)
    assert page.rows == []


@pytest.mark.parametrize("wanted", [{"tag": "rare"}, {"tag": "rare", "recipient": "+34600000001"}])
async def test_a_page_looks_at_so_many_rows_and_its_cursor_goes_on(bench, wanted):
    rare = [await bench.accept_one(tag="rare")]
    for _ in range(9):
        await bench.accept_one()
    rare.append(await bench.accept_one(tag="rare"))
    found, cursor, pages = [], None, 0
    look = partial(message_pages.messages, account="shop", wanted=MessageFilter(**wanted), limit=5, looked_at=3)
    while pages == 0 or cursor is not None:
        page = await bench.store._read(partial(look, cursor=cursor))
        found += [row.id for row in page.rows]
        cursor = page.next_cursor
        pages += 1
    assert found == rare[::-1]
    assert pages == 4


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"sender": "SHOP", "statuses": [Status.FAILED], "lane": "otp", "tag": "none", "after": 1},
        {"recipient": "+34600000001", "tag": "none"},
        {"submission": 200_000, "tag": "none"},
        {"client_id": "none"},
    ],
    ids=["all", "nothing that narrows", "recipient", "submission", "client_id"],
)
async def test_the_work_of_a_page_is_bounded_however_many_messages_there_are(bench, wanted):
    """Counted in the steps of SQLite's machine."""
    message = await bench.accept_one()
    columns = "account, submission, request_id, queue, state, sender, recipient, encoding, segments, allow_unicode"
    bench.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
        f"INSERT INTO messages (id, {columns}, expires_at) "
        "SELECT m.id + n.i, m.account, m.submission, m.request_id, m.queue, 10, m.sender, "
        "m.recipient, m.encoding, m.segments, 0, m.expires_at FROM messages m, n WHERE m.id = ?",
        message,
    )
    connection = sqlite3.connect(bench.store.path, isolation_level=None)
    ticks = []
    connection.set_progress_handler(lambda: ticks.append(1), 1_000)
    if "submission" in wanted:
        wanted = {**wanted, "submission": message + wanted["submission"]}
    message_pages.messages(connection, "shop", MessageFilter(**wanted), 500, None)
    connection.close()
    assert len(ticks) < 300, "a walk through all takes from 430 to 1,100"


# --- what came in


async def inbound(bench, limit=50, **wanted):
    found, cursor = [], None
    while True:
        page = await bench.store.inbound_messages("shop", InboundFilter(**wanted), limit=limit, cursor=cursor)
        found += [row.id for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            return found


async def test_what_came_in_is_listed_for_its_account_alone_newest_first(bench):
    kept = []
    for changes in ({}, {"sender": "34600000002"}, {"recipient": "2525"}, {"account": "mall"}, {"account": None}):
        given = bench.an_inbound(text="Hello", **changes)
        bench.store.inbound(given, lambda _: None)
        await bench.commit()
        bench.clock.advance(SECOND)
        kept.append(given.id)
    first, second, third, *_ = kept
    assert await inbound(bench, limit=2) == [third, second, first]
    assert await inbound(bench, sender="+34600000002") == [second]
    assert await inbound(bench, recipient="2525") == [third]
    assert await inbound(bench, recipient="34600999999") == [second, first]
    at = created_at_ms(second)
    assert await inbound(bench, after=at, before=at) == [second]
    (row,) = (await bench.store.inbound_messages("shop", InboundFilter("34600000001"), limit=1, cursor=None)).rows[:1]
    assert (row.text, row.complete, row.parts, row.carrier) == ("Hello", True, 1, "telco")
