"""A drain that has begun is in force and audited once, whoever asked for it and does not wait."""

import trio
import trio.testing

from gateway.desk.draining import DrainingDesk
from gateway.store.by import By
from gateway.store.lookups.interface import Left

ANNA, BOB = By("operator:anna", 1), By("operator:bob", 2)


class SlowStore:
    """Writes once it is told to; what it wrote down."""

    def __init__(self) -> None:
        self.may_write = trio.Event()
        self.audit: list[tuple[str, str]] = []

    async def left(self, *, receipts: bool) -> Left:
        raise AssertionError("nobody asks")

    async def gateway_drained(self, *, begins: bool, by: By) -> None:
        await self._write("begins" if begins else "ends", by)

    async def gateway_stopped(self, *, by: By) -> None:
        await self._write("stop", by)

    async def _write(self, what: str, by: By) -> None:
        await self.may_write.wait()
        self.audit.append((what, by.who))


async def test_it_begins_though_who_asked_for_it_hangs_up() -> None:
    store = SlowStore()
    desk = DrainingDesk(store)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(desk.start, ANNA)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
        store.may_write.set()
    assert desk.is_draining
    assert store.audit == [("begins", "operator:anna")]


async def test_two_who_ask_at_once_begin_one_drain() -> None:
    store, begun = SlowStore(), []
    desk = DrainingDesk(store, clock=lambda: 0)
    desk.begins.append(lambda: begun.append("begun"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(desk.start, ANNA)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(desk.start, BOB)
        await trio.testing.wait_all_tasks_blocked()
        store.may_write.set()
    assert (store.audit, begun) == ([("begins", "operator:anna")], ["begun"])
    assert desk.begun() == {"since": "1970-01-01T00:00:00.000Z", "who": "operator:anna"}


async def test_the_process_is_told_to_end_though_who_asked_hangs_up_and_only_once() -> None:
    store, ended = SlowStore(), []
    desk = DrainingDesk(store, end=lambda: ended.append("ended"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(desk.end, ANNA)
        nursery.start_soon(desk.end, ANNA)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
        store.may_write.set()
    assert ended == ["ended"]
