"""Alarms are logged at once, told once, and their ends too; the store is played."""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from gateway.flows.alarms import GRACE_SECONDS, MOST_NEWS, Alarms
from gateway.logs import quoted
from gateway.settings import Settings
from gateway.settings.alerts import OperatorEvent
from gateway.store.alarms.interface import AlarmRow
from gateway.store.interface import StoreBusy

DOWN, LOW = OperatorEvent.CARRIER_DOWN, OperatorEvent.DISK_LOW
BREAKER = OperatorEvent.BREAKER_OPENED
START = 1_800_000_000_000


class PlayedStore:
    """Keeps what it is told, unless it is busy."""

    def __init__(self, *rows: AlarmRow) -> None:
        self.rows = list(rows)
        self.told: list[tuple[str, str, str]] = []
        self.figures: list[Mapping[str, Any]] = []
        self.since: list[int] = []
        self.refuses: Exception | None = None

    async def alarm(
        self, kind: OperatorEvent, subject: str, since: int, figures: Mapping[str, Any], *, raised: bool
    ) -> bool:
        self._keep(kind, subject, "raised" if raised else "recovered", figures)
        self.since.append(since)
        return True

    async def tell_operator(self, event: OperatorEvent, subject: str, figures: Mapping[str, Any]) -> None:
        self._keep(event, subject, "told", figures)

    async def alarms(self) -> list[AlarmRow]:
        return self.rows

    def _keep(self, event: OperatorEvent, subject: str, what: str, figures: Mapping[str, Any]) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.told.append((event.value, subject, what))
        self.figures.append(figures)

    async def endpoint_health(self, failures: int) -> list[Any]:
        return []


@pytest.fixture
def telling() -> Callable[..., Any]:
    @asynccontextmanager
    async def run(store: PlayedStore) -> AsyncIterator[Alarms]:
        alarms = Alarms(store, now_ms=lambda: START + round(trio.current_time() * 1000))
        async with trio.open_nursery() as nursery:
            await nursery.start(alarms.run)
            yield alarms
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()

    return run


async def test_an_alarm_is_told_once_and_its_recovery_once(telling: Any, autojump_clock: Any) -> None:
    store = PlayedStore()
    async with telling(store) as alarms:
        for amiss in (True, True, True, False, False):
            alarms.judge(BREAKER, "telco", amiss, {"cause": "errors"})
            await trio.testing.wait_all_tasks_blocked()
    assert store.told == [("breaker.opened", "telco", "raised"), ("breaker.opened", "telco", "recovered")]
    assert store.figures == [{"cause": "errors"}, {"cause": "errors", "lasted_seconds": 0.0}]


async def test_it_is_told_since_when_it_is_so_and_not_since_when_that_was_sure(
    telling: Any, autojump_clock: Any
) -> None:
    store = PlayedStore()
    async with telling(store) as alarms:
        began_at = START + round(trio.current_time() * 1000)
        for _ in range(8):
            alarms.judge(DOWN, "telco", True, {})
            await trio.sleep(1)
    assert store.since == [pytest.approx(began_at, abs=1)]
    assert alarms.raised()[0].since == store.since[0]


async def test_those_raised_are_listed_oldest_first_with_their_latest_figures(
    telling: Any, autojump_clock: Any
) -> None:
    async with telling(PlayedStore()) as alarms:
        alarms.judge(LOW, "/var", True, {"free_bytes": 9})
        await trio.sleep(1)
        alarms.judge(BREAKER, "telco", True, {})
        alarms.judge(LOW, "/var", True, {"free_bytes": 7})
        assert [(alarm.subject, dict(alarm.figures)) for alarm in alarms.raised()] == [
            ("/var", {"free_bytes": 7}),
            ("telco", {}),
        ]
        assert alarms.counts()["disk.low"] == 1
        assert alarms.counts()["carrier.down"] == 0
        assert alarms.is_raised(LOW, "/var")


async def test_other_settings_say_how_long_what_is_raised_has_to_be_well(telling: Any, autojump_clock: Any) -> None:
    store = PlayedStore()
    async with telling(store) as alarms:
        alarms.judge(LOW, "/var", True, {})
        alarms.judge(DOWN, "telco", True, {})
        await trio.sleep(5)
        alarms.judge(DOWN, "telco", True, {})
        alarms.reconfigure(Settings.model_validate({"alerts": {"well_for": "3s"}}))
        for _ in range(4):
            alarms.judge(LOW, "/var", False, {})
            alarms.judge(DOWN, "telco", False, {})
            await trio.sleep(1)
        assert [alarm.subject for alarm in alarms.raised()] == ["telco"]


async def test_what_is_amiss_no_more_of_a_kind_recovers_and_other_kinds_stay(telling: Any, autojump_clock: Any) -> None:
    store = PlayedStore()
    async with telling(store) as alarms:
        alarms.judge_all(OperatorEvent.ENDPOINT_DISABLED, {"shop a.example": {}, "shop b.example": {}})
        alarms.judge(BREAKER, "shop a.example", True, {})
        alarms.judge_all(OperatorEvent.ENDPOINT_DISABLED, {"shop b.example": {}})
        assert [(alarm.kind, alarm.subject) for alarm in alarms.raised()] == [
            (OperatorEvent.ENDPOINT_DISABLED, "shop b.example"),
            (BREAKER, "shop a.example"),
        ]


async def test_a_subject_that_is_gone_has_nothing_amiss(telling: Any, autojump_clock: Any) -> None:
    store = PlayedStore()
    async with telling(store) as alarms:
        alarms.judge(BREAKER, "gone", True, {})
        alarms.judge(BREAKER, "telco", True, {})
        await trio.testing.wait_all_tasks_blocked()
        alarms.drop(BREAKER, ["telco"])
    assert store.told[-1] == ("breaker.opened", "gone", "recovered")
    assert alarms.is_raised(BREAKER, "telco")


async def test_a_restart_tells_no_alarm_again(telling: Any, autojump_clock: Any) -> None:
    store = PlayedStore(AlarmRow(BREAKER, "telco", START, 7, {}))
    async with telling(store) as alarms:
        assert alarms.is_raised(BREAKER, "telco")
        alarms.judge(BREAKER, "telco", True, {})
        await trio.sleep(2 * GRACE_SECONDS)
    assert store.told == []


async def test_what_is_well_after_a_restart_is_told_once_that_is_sure(telling: Any, autojump_clock: Any) -> None:
    store = PlayedStore(AlarmRow(DOWN, "telco", START, 7, {}), AlarmRow(BREAKER, "telco", START, 8, {}))
    async with telling(store) as alarms:
        alarms.judge(DOWN, "telco", False, {})
        await trio.sleep(GRACE_SECONDS - 1)
        assert store.told == []
        await trio.sleep(2)
    assert sorted(store.told) == [("breaker.opened", "telco", "recovered"), ("carrier.down", "telco", "recovered")]


async def test_a_store_that_cannot_write_still_logs_the_alarm(
    telling: Any, autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sluice.alarms")
    said = "the disk of /var/lib/sluice is nearly full"
    store = PlayedStore()
    store.refuses = StoreBusy()
    async with telling(store) as alarms:
        alarms.judge(LOW, "/var/lib/sluice", True, {"free_bytes": 7_000_000, "reserve_bytes": None})
        await trio.sleep(3)
        assert store.told == []
        store.refuses = None
        await trio.sleep(2)
    assert store.told == [("disk.low", "/var/lib/sluice", "raised")]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "WARNING",
            "alarm=disk.low subject=/var/lib/sluice state=raised words=" + quoted(said) + " free_bytes=7_000_000",
        )
    ]


async def test_while_the_store_takes_none_an_alarm_has_one_turn_to_write_at_most(
    telling: Any, autojump_clock: Any
) -> None:
    store = PlayedStore()
    store.refuses = StoreBusy()
    async with telling(store) as alarms:
        for _ in range(50):
            alarms.judge(BREAKER, "telco", True, {})
            alarms.judge(BREAKER, "telco", False, {})
        alarms.judge(BREAKER, "telco", True, {"cause": "latency"})
        store.refuses = None
        await trio.sleep(2)
    assert store.told == [("breaker.opened", "telco", "raised")]
    assert store.figures == [{"cause": "latency"}]


async def test_events_that_are_no_alarms_are_told_in_order_and_the_oldest_given_up(
    telling: Any, autojump_clock: Any
) -> None:
    store = PlayedStore()
    store.refuses = StoreBusy()
    async with telling(store) as alarms:
        for number in range(MOST_NEWS + 20):
            alarms.tell(OperatorEvent.CONFIG_RELOADED, "configuration", {"number": number})
        store.refuses = None
        await trio.sleep(2)
    assert [figures["number"] for figures in store.figures] == list(range(20, MOST_NEWS + 20))


async def test_a_fault_of_ours_in_one_event_ends_neither_the_others_nor_the_gateway(
    telling: Any, autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    store = PlayedStore()
    store.refuses = ValueError("odd")
    async with telling(store) as alarms:
        alarms.judge(BREAKER, "telco", True, {})
        await trio.testing.wait_all_tasks_blocked()
        store.refuses = None
        alarms.judge(BREAKER, "other", True, {})
    assert store.told == [("breaker.opened", "other", "raised")]
    assert "an event for operators could not be kept" in caplog.text
