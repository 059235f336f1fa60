"""Stores that are made of backups of others, and hold what was open there."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from gateway.store.backups import copying, restoring
from gateway.store.by import by_operator
from gateway.store.connection import migrations
from gateway.store.held_queue.interface import HeldFilters, HeldOrder

MINUTE = 60_000
BY = by_operator(7, "anna")
ALL = HeldFilters()


def backed_up(bench: Any) -> Path:
    """A backup of the store of a bench (tests/gateway/store/conftest.py) as it is, while it is open."""
    path = Path(bench.store.path.with_name(f"backup-{bench.ids.next()}.db"))
    copying.take(bench.store.path, path, migrations()[-1][0], room_left=0, clock=bench.clock, pause_share=0)
    return path


def restored(
    bench: Any, backup: Path | None = None, *, after_ms: int = MINUTE, **changes: Any
) -> AbstractAsyncContextManager[Any]:
    """The store that is made of a backup, or of one that is taken now, in another folder, some time later."""
    backup = backup or backed_up(bench)
    bench.clock.advance(after_ms)
    folder = bench.store.path.parent / f"restored-{bench.ids.next()}"
    folder.mkdir()
    path = folder / "other.db"
    restoring.restore(backup, path, clock=bench.clock, room_left=0)
    opened: AbstractAsyncContextManager[Any] = bench._opener(path, **changes)
    return opened


async def release(bench: Any, filters: HeldFilters = ALL) -> int:
    """How many were released, once they are."""
    return await _carried_out(bench, HeldOrder.RELEASE, filters)


async def end(bench: Any, filters: HeldFilters = ALL) -> int:
    """How many were ended, once they are."""
    return await _carried_out(bench, HeldOrder.END, filters)


async def orders_carried_out(bench: Any) -> None:
    """Wait for all that operators have ordered."""
    while bench.sql("SELECT 1 FROM held_orders"):
        await bench.after(100)


async def _carried_out(bench: Any, what: HeldOrder, filters: HeldFilters) -> int:
    count: int = await bench.store.order_held(what, filters, by=BY)
    await orders_carried_out(bench)
    return count
