"""The count of doubts that is kept for the metrics."""

import sqlite3
from itertools import chain, repeat

import trio

from gateway.store.doubts_seen import EVERY_SECONDS, DoubtsSeen


async def test_doubts_are_counted_now_and_then_and_stay_while_the_disk_fails(autojump_clock, caplog):
    answers = chain([3, sqlite3.OperationalError("disk I/O error")], repeat(5))

    async def look():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    seen = DoubtsSeen()
    assert seen.count == 0
    counts = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(seen.watch, look)
        for _ in range(3):
            await trio.sleep(EVERY_SECONDS / 2)
            counts.append(seen.count)
            await trio.sleep(EVERY_SECONDS / 2)
        nursery.cancel_scope.cancel()
    assert counts == [3, 3, 5]
    assert "messages in doubt can't be counted" in caplog.text
