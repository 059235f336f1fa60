"""Look-ups: only one's own, in pages, from one moment."""

from functools import partial

import pytest

from gateway.store.lists import events as event_pages
from gateway.store.lists.interface import EventFilter, MessageFilter


async def test_a_message_is_seen_by_its_account_and_by_operators_only(bench):
    message = await bench.accept_one()
    assert (await bench.store.message("shop", message)).message.id == message
    assert (await bench.store.message(None, message)).message.id == message
    assert await bench.store.message("mall", message) is None
    assert await bench.store.message(None, message + 1) is None


async def test_a_message_is_given_back_as_it_was_accepted(bench):
    given = bench.a_message(
        text="Zdravstvuyte Ж",
        encoding="ucs2",
        country=None,
        client_id="order-1",
        tag="may",
        allow_unicode=True,
        scheduled_at=bench.clock() + 1_000,
        webhook_url="https://one.example/x",
    )
    submission = bench.a_submission(given)
    await bench.store.accept(submission)
    row = (await bench.story(given.id)).message
    for name in set(given._fields) & set(row._fields):
        assert getattr(row, name) == getattr(given, name), name
    assert (row.account, row.submission, row.request_id) == ("shop", submission.id, submission.request_id)


async def test_messages_are_found_by_client_id(bench):
    message = await bench.accept_one(client_id="a")
    await bench.accept_one(client_id="b")
    await bench.accept(bench.a_message(client_id="a"), account="mall")
    page = await bench.store.messages("shop", MessageFilter(client_id="a"), limit=10, cursor=None)
    assert ([row.id for row in page.rows], page.next_cursor) == ([message], None)
    assert (await bench.store.messages("shop", MessageFilter(client_id="c"), limit=10, cursor=None)).rows == []


async def test_parked_receipts_are_listed_page_by_page(bench):
    for n in range(5):
        await bench.receipt(str(n))
    found, cursor = [], None
    for _ in range(3):
        page = await bench.store.parked(limit=2, cursor=cursor)
        found += [row.carrier_message_id for row in page.rows]
        cursor = page.next_cursor
    assert (found, cursor) == (["0", "1", "2", "3", "4"], None)


@pytest.mark.parametrize("count", [0, 1, 2, 5])
async def test_a_page_of_the_outbox_is_cut_off_and_its_cursor_goes_on(bench, count):
    """Nothing is pending, and much was told: no look-up works through all of it."""
    bench.take_deliveries()
    await bench.sent("9", recipient="+34600000009")
    for n in range(count):
        await bench.sent(str(n), recipient=f"+3460000000{n}")
        await bench.outcome(bench.deliveries[-1])
    found, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        look = partial(event_pages.events, account="shop", wanted=EventFilter(["pending"]), limit=10)
        page = await bench.store._read(partial(look, cursor=cursor, looked_at=2))
        found += page.rows
        cursor = page.next_cursor
        pages += 1
    assert [row.status for row in found] == ["pending"]
    assert pages == (count + 1) // 2 + 1


async def test_queues_and_gauges_are_known_without_asking_the_disk(bench):
    await bench.accept(bench.a_message(), bench.a_message(lane="otp"))
    assert sorted((q.lane, q.route, q.account, q.ready) for q in bench.store.queues()) == [
        ("otp", "rest", "shop", 1),
        ("transactional", "rest", "shop", 1),
    ]
    assert bench.store.counts() == {"parked": 0, "events_pending": 0, "deliveries_under_way": 0}
    assert bench.store.backlog() == 2


async def test_endpoints_are_listed_with_what_waits_for_them(bench):
    bench.take_deliveries()
    await bench.sent("1")
    await bench.outcome(bench.deliveries[0], 500)
    (row,) = await bench.store.endpoints("shop")
    assert (row.url, row.own, row.enabled, row.consecutive_failures) == ("https://shop.example/sms", True, True, 1)
    assert row.last_failure_at == bench.clock()
    assert {row.account for row in await bench.store.endpoints(None)} == {"shop", "mall", "curious"}


async def test_a_reader_cannot_write(bench):
    with pytest.raises(Exception, match="readonly"):
        await bench.store._read(lambda connection: connection.execute("DELETE FROM messages"))
    assert (await bench.store.message(None, 1)) is None, "and it goes on"
