"""Alive and ready: by the store's writes, whatever the carriers do."""

from typing import Any

import pytest
import trio
from quart import Quart
from trio.testing import MockClock

from gateway.api.health import HealthChecks
from gateway.api.problems import Problem
from gateway.desk.carriers_view import CarrierView
from gateway.store.interface import StoreBusy


async def test_alive_needs_no_token(house: Any) -> None:
    answer = await house.client(None).get("/healthz")
    assert (answer.status_code, await answer.get_json()) == (200, {"status": "ok"})


async def test_ready_while_the_carriers_are_down(house: Any) -> None:
    house.carriers.able = False
    answer = await house.client(None).get("/readyz")
    assert answer.status_code == 200
    assert await answer.get_json() == {
        "status": "ready",
        "store": "ok",
        "backlog": "ok",
        "carriers": {"telco": "unable"},
    }


async def test_not_ready_when_the_store_does_not_write(house: Any) -> None:
    house.store.stop()
    answer = await house.client(None).get("/readyz")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    body = await answer.get_json()
    assert (body["code"], body["store"], body["carriers"]) == ("not_ready", "unavailable", {"telco": "able"})


@pytest.fixture
def one_waiting_message(configuration: dict[str, Any]) -> None:
    configuration["store"] = {"backlog_limit": 1}


@pytest.mark.usefixtures("one_waiting_message")
async def test_not_ready_while_every_submission_is_refused(house: Any) -> None:
    assert (await house.client(None).get("/readyz")).status_code == 200
    message = {"to": "+34600000001", "text": "Hello"}
    assert (await house.client().post("/v1/sms", json=message)).status_code == 201
    assert (await house.client().post("/v1/sms", json=message)).status_code == 503
    answer = await house.client(None).get("/readyz")
    body = await answer.get_json()
    assert (answer.status_code, body["code"], body["store"], body["backlog"]) == (503, "not_ready", "ok", "full")


async def test_not_ready_when_the_disk_is_full_down_to_its_reserve() -> None:
    store: Any = SlowStore()
    store.refused = "disk"
    async with Quart("probe").app_context():
        with pytest.raises(Problem) as refused:
            await HealthChecks(store, NoCarriers()).readyz()
    assert refused.value.members == {"store": "full", "backlog": "ok", "carriers": {}}


class SlowStore:
    """A disk whose writes take as long as the test says."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.asked = 0
        self.busy = False
        self.refused: str | None = None

    def refusal(self) -> str | None:
        return self.refused

    async def keep_alive(self) -> None:
        self.asked += 1
        await trio.sleep(self.seconds)
        if self.busy:
            raise StoreBusy


class NoCarriers:
    def carriers(self) -> list[CarrierView]:
        return []


async def is_ready(checks: HealthChecks) -> bool:
    async with Quart("probe").app_context():
        try:
            return (await checks.readyz()).status_code == 200
        except Problem:
            return False


async def test_a_stuck_disk_is_not_ready_and_a_probe_has_its_limit(autojump_clock: MockClock) -> None:
    store: Any = SlowStore()
    store.seconds = 3600
    checks = HealthChecks(store, NoCarriers())
    assert not await is_ready(checks)
    assert trio.current_time() < 5


@pytest.mark.parametrize(
    ("seconds", "busy", "words"), [(3600, False, "has not come back"), (0, True, "another process")]
)
async def test_a_disk_that_is_stuck_is_told_from_a_database_that_is_held(
    autojump_clock: MockClock, seconds: float, busy: bool, words: str
) -> None:
    store: Any = SlowStore()
    store.seconds, store.busy = seconds, busy
    async with Quart("probe").app_context():
        with pytest.raises(Problem) as refused:
            await HealthChecks(store, NoCarriers()).readyz()
    assert words in refused.value.detail
    assert refused.value.members["store"] == "unavailable"


async def test_many_questions_are_one_probe_a_second(autojump_clock: MockClock) -> None:
    store: Any = SlowStore()
    store.seconds = 0.1
    checks = HealthChecks(store, NoCarriers())

    async def ask() -> None:
        assert await is_ready(checks)

    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(ask)
    assert store.asked == 1
    await trio.sleep(1.1)
    await ask()
    assert store.asked == 2


async def test_a_store_that_was_busy_is_ready_again_after_a_second(autojump_clock: MockClock) -> None:
    store: Any = SlowStore()
    store.busy = True
    checks = HealthChecks(store, NoCarriers())
    assert not await is_ready(checks)
    store.busy = False
    assert not await is_ready(checks)
    await trio.sleep(1.1)
    assert await is_ready(checks)
