"""An OTP beside a million promotional messages and a carrier that takes 200 a second: from its 201 to the wire."""

import json
import time
from functools import partial
from pathlib import Path

import pytest
import trio
import trio_asyncio
from benchmarks_support import TOKEN, Singles, bench, machine, percentiles, yardstick_us

from gateway.identifiers import Identifiers
from gateway.settings import Settings, load
from gateway.store.interface import NewMessage, Submission
from gateway.store.policy import policy_of
from gateway.store.sqlite import SqliteStore
from gateway.webhooks.payloads import event_body

BACKLOGS = (0, 1_000_000)
CARRIER_RATE = 200
PER_SECOND = 20
SECONDS = 30
AT_ONCE = 500
FEEDERS = 4


def fill(config: Path, count: int) -> None:
    """Queue so many promotional messages, straight into the store."""
    trio.run(_fill, load(config, {}), count)


async def _fill(settings: Settings, count: int) -> None:
    async with trio_asyncio.open_loop():
        store = SqliteStore(settings.store.path, policy_of(settings), render=event_body)
        async with store.opened(), trio.open_nursery() as nursery:
            await nursery.start(store.run)
            ids = Identifiers(store.last_id())
            starts = iter(range(0, count, AT_ONCE))
            async with trio.open_nursery() as feeders:
                for _ in range(FEEDERS):
                    feeders.start_soon(_feed, store, ids, starts)
            store.stop()


async def _feed(store: SqliteStore, ids: Identifiers, starts) -> None:
    for start in starts:
        now = time.time_ns() // 1_000_000
        until = now + 48 * 3_600_000
        messages = [
            NewMessage(
                id_, "rest", "promotional", f"+346{n:08d}", "SHOP", f"Sale ends today, {n}", "gsm7", 1, "ES", until,
                None, None, None, None, False,
            )
            for n, id_ in enumerate(ids.next_many(AT_ONCE, now), start)
        ]  # fmt: skip
        await store.accept(Submission(ids.next(), "shop", ids.next(), messages))


@pytest.mark.benchmark
@pytest.mark.timeout(900)
@pytest.mark.parametrize("backlog", BACKLOGS)
def test_an_otp_beside_a_million_promotional_messages(tmp_path: Path, report, backlog: int) -> None:
    singles = Singles(tmp_path)
    prepare = partial(fill, count=backlog)
    with bench(tmp_path, simulator=singles.options, submit_rate=CARRIER_RATE, prepare=prepare) as b:
        time.sleep(3)
        started = time.time()
        with b.connection() as connection:
            items = (
                {"to": f"+346990{n:05d}", "from": "SHOP", "text": f"Your code is {n}", "lane": "otp"}
                for n in range(PER_SECOND * SECONDS)
            )
            singles.post(b, connection, PER_SECOND, items)
        time.sleep(2)
        seconds = time.time() - started
        connection.request("GET", "/v1/account", headers={"authorization": f"Bearer {TOKEN}"})
        left = json.loads(connection.getresponse().read())["usage"]["ready"]
        connection.close()
    waits = singles.waits()
    report(
        f"OTPs at {PER_SECOND}/s beside {backlog} promotional messages, carrier at {CARRIER_RATE}/s, 201 to wire",
        machine=machine(),
        yardstick_us=f"{yardstick_us():.0f}",
        **percentiles("", waits),
        most_ms=f"{max(waits):.1f}",
        all_per_second=f"{singles.record.count() / (seconds + 3):.0f}",
        promotional_left=left["promotional"],
    )
