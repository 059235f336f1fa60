"""A line a minute, when something passed."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from gateway.metrics import ACCEPTED, ANSWERS, DOUBTED, RECEIPTS
from gateway.summary import EVERY_SECONDS, Summary


class Store:
    waiting = 0

    def backlog(self) -> int:
        return self.waiting


class Carriers:
    def carriers(self) -> list[Any]:
        return [SimpleNamespace(binds=[SimpleNamespace(state="bound"), SimpleNamespace(state="waiting")])]


async def test_a_minute_in_which_something_passed_is_one_line_and_a_quiet_one_none(
    caplog: pytest.LogCaptureFixture, autojump_clock: Any
) -> None:
    caplog.set_level(logging.INFO, "sluice.daemon")
    ANSWERS.labels("telco", "sent", "accepted").inc(100)
    summary = Summary(Carriers(), Store())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(summary.run)
        await trio.sleep(3.5 * EVERY_SECONDS)
        assert caplog.records == []
        ACCEPTED.add("shop", "otp", times=3)
        ANSWERS.labels("telco", "sent", "accepted").inc(2)
        ANSWERS.labels("telco", "refused", "permanent").inc()
        RECEIPTS.labels("telco", "delivered").inc()
        RECEIPTS.labels("telco", "undeliverable").inc()
        RECEIPTS.labels("telco", "enroute").inc()
        DOUBTED.labels("telco").inc()
        await trio.sleep(3 * EVERY_SECONDS)
        nursery.cancel_scope.cancel()
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == (
        "minute accepted=3 refused=0 sent=2 delivered=1 failed=2 in_doubt=1 inbound=0 webhooks=0 backlog=0 binds=1/2"
    )


def test_a_backlog_that_does_not_move_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sluice.daemon")
    store = Store()
    summary = Summary(Carriers(), store)
    store.waiting = 7
    summary.tell()
    assert "accepted=0" in caplog.text
    assert "backlog=7" in caplog.text
