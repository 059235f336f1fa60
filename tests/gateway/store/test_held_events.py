"""Events that a restore has held: told once they are released, before those that follow them."""

from held_stores import end, release, restored

from gateway.identifiers import MESSAGE, internal
from gateway.store.held_queue.interface import HeldFilters, HeldWhat


async def take_all(bench):
    """Those too that come meanwhile: the list grows."""
    for delivery in bench.deliveries:
        await bench.outcome(delivery)


def posted(bench):
    """Messages and types, in the order in which they were handed out."""
    return [(internal(MESSAGE, body["message_id"]), body["type"]) for body in bench.bodies()]


async def test_events_that_were_not_told_are_held_and_those_after_them_wait(bench):
    message = await bench.sent("x1")
    assert bench.told(message) == ["message.sent"]
    async with restored(bench) as after:
        after.take_deliveries()
        await after.receipt("x1")
        await after.commit()
        assert after.deliveries == []
        new = await after.sent("x2")
        await after.receipt("x2")
        await take_all(after)
        assert posted(after) == [(new, "message.sent"), (new, "message.delivered")]
        assert (await after.store.held()).events == 1
        assert await release(after) == 1
        await take_all(after)
        assert posted(after)[2:] == [(message, "message.sent"), (message, "message.delivered")]


async def test_events_that_are_ended_are_listed_as_failed(bench):
    message = await bench.sent("x1")
    async with restored(bench) as after:
        after.take_deliveries()
        assert await end(after, HeldFilters(what=HeldWhat.EVENTS)) == 1
        assert after.deliveries == []
        assert after.sql("SELECT state FROM events WHERE message = ?", message) == [(4,)]
