"""A clock that is set back, by a time server or with a virtual machine: nothing waits that much longer for it."""

from dataclasses import replace
from typing import Any

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


async def test_the_tier_below_takes_over_from_carriers_that_are_away(open_store: Any) -> None:
    async with open_store() as bench:
        for carrier in ("telco", "other"):
            bench.store.carrier_able(carrier, False)
        await bench.commit()
        backup = bench.bind("backup/1")
        await backup.ask(5)
        bench.clock.advance(-HOUR)
        message = await bench.accept_one(route="tiered")
        await bench.after(2 * SECOND)
        assert backup.messages == [message]


async def test_an_endpoint_that_failed_is_tried_again(open_store: Any) -> None:
    async with open_store() as bench:
        bench.take_deliveries()
        for _ in range(3):
            await bench.sent()
        await bench.commit()
        for delivery in list(bench.deliveries):
            await bench.outcome(delivery, 500, retry_at=bench.clock() + SECOND)
        seen = len(bench.deliveries)
        bench.clock.advance(-HOUR)
        await bench.sent()
        await bench.after(2 * MINUTE)
        assert len(bench.deliveries) > seen


async def test_what_gathers_to_a_batch_is_told(open_store: Any) -> None:
    async with open_store() as bench:
        bench.take_deliveries()
        bind = bench.bind()
        (message,) = await bench.accept(bench.a_message(), account="mall")
        await bind.ask(1)
        await bind.send(message)
        assert bench.deliveries == []
        bench.clock.advance(-HOUR)
        for _ in range(2):
            await bench.after(bench.policy.linger_ms)
        assert bench.types(bench.deliveries) == ["message.sent"]


async def test_what_is_no_longer_owed_is_erased(open_store: Any) -> None:
    async with open_store() as bench:
        await bench.store.reconfigure(replace(bench.store.policy, messages_ms=MINUTE), "")
        await bench.after(SECOND)
        bench.clock.advance(-HOUR)
        message = await bench.sent("id-1", lane="otp")
        await bench.receipt("id-1")
        for _ in range(12):
            await bench.after(10 * SECOND)
        assert bench.sql("SELECT count(*) FROM messages WHERE id = ?", message) == [(0,)]
