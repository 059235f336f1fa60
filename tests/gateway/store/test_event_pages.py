"""Lists of events: by how they stand, by type, message and time, however many others there are."""

from functools import partial

import pytest

from gateway.identifiers import created_at_ms
from gateway.store.lists import events as event_pages
from gateway.store.lists.interface import EventFilter

SECOND = 1_000


async def events(bench, limit=50, account="shop", **wanted):
    """The events of all pages."""
    found, cursor = [], None
    while True:
        page = await bench.store.events(account, EventFilter(**wanted), limit=limit, cursor=cursor)
        assert len(page.rows) <= limit
        found += page.rows
        cursor = page.next_cursor
        if cursor is None:
            return found


async def told(bench, **wanted):
    return [(row.type, row.message) for row in await events(bench, **wanted)]


@pytest.fixture
async def two(bench):
    """Two messages that were sent and delivered, a second between any two events."""
    bench.take_deliveries()
    messages = []
    for n in (1, 2):
        messages.append(await bench.sent(str(n), recipient=f"+3460000000{n}"))
        bench.clock.advance(SECOND)
        await bench.receipt(str(n), to=f"3460000000{n}")
        bench.clock.advance(SECOND)
    return messages


async def test_events_are_found_by_type(bench, two):
    first, second = two
    assert await told(bench, types=["message.sent"]) == [("message.sent", second), ("message.sent", first)]
    assert await told(bench, types=["message.failed"]) == []
    assert len(await told(bench, types=["message.sent", "message.delivered"], limit=1)) == 4
    assert await told(bench, types=["message.sent"], account="mall") == []


async def test_the_events_of_a_message_are_found_however_it_was_told(bench, two):
    first, _ = two
    assert await told(bench, message=first) == [("message.delivered", first), ("message.sent", first)]
    assert await told(bench, message=first, limit=1) == [("message.delivered", first), ("message.sent", first)]
    assert await told(bench, message=first, types=["message.sent"]) == [("message.sent", first)]
    assert await told(bench, message=first, statuses=["delivered"]) == []
    assert await told(bench, message=first, account="mall") == []
    assert await told(bench, message=12345) == []


async def test_an_opt_out_is_among_the_events_of_the_message_that_it_names(bench, two):
    _, second = two
    bench.store.inbound(bench.an_inbound(sender="+34600000002", recipient="SHOP"), lambda _: None)
    await bench.commit()
    assert (await told(bench, message=second))[0] == ("recipient.opt_out", second)


async def test_the_events_of_a_message_that_is_erased_are_found_until_they_are(bench, two):
    first, _ = two
    expected = await told(bench, message=first)
    bench.sql("DELETE FROM messages WHERE id = ?", first)
    assert await told(bench, message=first) == expected


async def test_events_are_found_by_time_with_both_ends(bench, two):
    fourth, third, second, _ = await events(bench)
    at = created_at_ms
    assert [row.id for row in await events(bench, after=at(second.id), before=at(third.id))] == [third.id, second.id]
    assert await events(bench, after=at(fourth.id) + 1) == []
    assert [row.id for row in await events(bench, message=two[0], after=at(second.id))] == [second.id]


@pytest.mark.parametrize("wanted", [EventFilter(types=["message.expired"]), EventFilter(statuses=["failed"])])
async def test_a_page_looks_at_so_many_events_and_its_cursor_goes_on(bench, two, wanted):
    bench.sql("UPDATE events SET state = 4")
    look = partial(event_pages.events, account="shop", wanted=wanted, limit=10, looked_at=2)
    sizes, cursor = [], None
    while not sizes or cursor is not None:
        page = await bench.store._read(partial(look, cursor=cursor))
        sizes.append(len(page.rows))
        cursor = page.next_cursor
    assert sizes == ([0, 0, 0] if wanted.types else [2, 2, 0])
