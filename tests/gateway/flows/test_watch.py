"""What is seen of carriers, queues, deliveries, receipts, endpoints and the disk, and what of it is an alarm."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio

from gateway.flows.alarms import Alarms
from gateway.flows.watch import MOST_ENDPOINTS, START_SECONDS, Watch
from gateway.messages import MessageState
from gateway.settings import Settings
from gateway.settings.alerts import OperatorEvent
from gateway.store.alarms.interface import EndpointHealth
from gateway.store.ends import Ended
from gateway.store.held_queue.interface import HeldGroup, HeldSummary

CARRIER = {"hosts": ["localhost:2775"], "system_id": "acme", "password": "secret"}


@dataclass
class Bind:
    last_error: str | None = None


@dataclass
class Carrier:
    name: str
    able: bool = False
    alarm: str | None = None
    binds: list[Bind] = field(default_factory=list)
    held: object | None = None


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Scene:
    """The worlds that are watched, and what was made of them."""

    def __init__(self, **changes: Any) -> None:
        self.clock = Clock()
        self.carriers: list[Carrier] = []
        self.ages: list[tuple[str, str, int, int]] = []
        self.health: list[EndpointHealth] = []
        self.counted: dict[str, tuple[int, int]] = {}
        self.free: Callable[[Path], int] = lambda folder: 10 << 30
        self.asked_failures = 0
        alerts = self.settings(**changes).alerts
        self.alarms = Alarms(self, alerts, clock=self.clock, now_ms=lambda: round(self.clock.now * 1000))
        self.held: HeldSummary | None = None
        self.watch = Watch(
            self.settings(**changes),
            self,
            self.alarms,
            lambda: self.carriers,
            lambda: self.counted,
            held=lambda: self.held,
            clock=self.clock,
            free=lambda folder: self.free(folder),
        )

    @staticmethod
    def settings(**changes: Any) -> Settings:
        return Settings.model_validate({"carriers": {"telco": CARRIER, "backup": CARRIER}, **changes})

    def queue_ages(self) -> list[tuple[str, str, int, int]]:
        return self.ages

    async def endpoint_health(self, failures: int) -> list[EndpointHealth]:
        self.asked_failures = failures
        return self.health

    async def alarm(self, *given: Any, **named: Any) -> bool:
        return True

    async def tell_operator(self, *given: Any) -> None: ...

    async def alarms_kept(self) -> list[Any]:
        return []

    def raised(self, kind: OperatorEvent) -> dict[str, dict[str, Any]]:
        return {alarm.subject: dict(alarm.figures) for alarm in self.alarms.raised() if alarm.kind is kind}

    async def look(self, seconds: int = 1) -> None:
        """A look each second."""
        for _ in range(seconds):
            self.clock.now += 1
            for carrier in self.carriers:
                if carrier.able:
                    self.watch.heard_able(carrier.name)
            await self.watch.look()

    def deliver(self, count: int, seconds: float, **changes: Any) -> None:
        end = Ended("otp", "ES", int(MessageState.DELIVERED), "telco", None, 0, round(seconds * 1000))
        self.watch.ended([end._replace(**changes)] * count)


# --- carriers


async def test_a_carrier_that_was_up_is_down_after_five_seconds() -> None:
    scene = Scene()
    scene.carriers = [Carrier("telco", able=True), Carrier("backup", able=True)]
    await scene.look()
    scene.carriers[0].able = False
    scene.carriers[0].binds = [Bind(None), Bind("the connection was refused")]
    await scene.look(5)
    assert scene.raised(OperatorEvent.CARRIER_DOWN) == {}
    await scene.look()
    assert scene.raised(OperatorEvent.CARRIER_DOWN) == {
        "telco": {"refused": None, "last_error": "the connection was refused"}
    }


async def test_a_carrier_that_an_operator_holds_is_no_alarm_and_has_time_when_it_is_let_go() -> None:
    scene = Scene()
    scene.carriers = [Carrier("telco", able=True)]
    await scene.look()
    scene.carriers[0].able, scene.carriers[0].held = False, "by anna"
    await scene.look(120)
    assert scene.raised(OperatorEvent.CARRIER_DOWN) == {}
    scene.carriers[0].held = None
    await scene.look(20)
    assert scene.raised(OperatorEvent.CARRIER_DOWN) == {}
    await scene.look(20)
    assert list(scene.raised(OperatorEvent.CARRIER_DOWN)) == ["telco"]


async def test_one_that_was_down_before_it_was_held_stays_an_alarm_until_it_can_send() -> None:
    scene = Scene()
    scene.carriers = [Carrier("telco", able=True)]
    await scene.look()
    scene.carriers[0].able = False
    await scene.look(10)
    scene.carriers[0].held = "by anna"
    await scene.look(60)
    assert list(scene.raised(OperatorEvent.CARRIER_DOWN)) == ["telco"]


async def test_a_carrier_that_is_up_again_recovers() -> None:
    scene = Scene()
    scene.carriers = [Carrier("telco", able=True)]
    await scene.look()
    scene.carriers[0].able = False
    await scene.look(10)
    scene.carriers[0].able = True
    await scene.look(6)
    assert scene.raised(OperatorEvent.CARRIER_DOWN) == {}


async def test_at_the_start_a_carrier_has_half_a_minute_for_its_first_bind() -> None:
    scene = Scene()
    scene.carriers = [Carrier("telco", alarm="ESME_RINVPASWD")]
    await scene.look(int(START_SECONDS) + 5)
    assert scene.raised(OperatorEvent.CARRIER_DOWN) == {}
    await scene.look(3)
    assert scene.raised(OperatorEvent.CARRIER_DOWN) == {"telco": {"refused": "ESME_RINVPASWD", "last_error": None}}


async def test_a_carrier_that_leaves_the_settings_is_no_alarm_any_more() -> None:
    scene = Scene()
    scene.carriers = [Carrier("telco")]
    await scene.look(60)
    assert scene.raised(OperatorEvent.CARRIER_DOWN)
    scene.carriers = []
    scene.watch.reconfigure(scene.settings(carriers={"backup": CARRIER}))
    assert scene.raised(OperatorEvent.CARRIER_DOWN) == {}


# --- queues


async def test_a_backlog_is_old_beyond_its_lanes_age_and_normal_well_below_it() -> None:
    scene = Scene()
    scene.ages = [("otp", "spain", 60_000, 3), ("promotional", "spain", 60_000 * 59, 5)]
    await scene.look()
    assert scene.raised(OperatorEvent.BACKLOG_OLD) == {}
    scene.ages = [("otp", "spain", 61_000, 4)]
    await scene.look()
    assert scene.raised(OperatorEvent.BACKLOG_OLD) == {"otp/spain": {"oldest_seconds": 61.0, "ready": 4}}
    scene.ages = [("otp", "spain", 31_000, 4)]
    await scene.look(60)
    assert scene.raised(OperatorEvent.BACKLOG_OLD)
    scene.ages = [("otp", "spain", 29_000, 4)]
    await scene.look(29)
    assert scene.raised(OperatorEvent.BACKLOG_OLD)
    await scene.look(2)
    assert scene.raised(OperatorEvent.BACKLOG_OLD) == {}


async def test_what_a_restore_holds_is_an_alarm_until_nothing_is_held() -> None:
    scene = Scene()
    group = HeldGroup("shop", "otp", "rest", MessageState.QUEUED, 7, 1, 2)
    scene.held = HeldSummary(1, "backup.db", 1, [group], [], 3, [])
    await scene.look()
    assert scene.raised(OperatorEvent.QUEUE_HELD) == {"backup.db": {"messages": 7, "campaigns": 0, "events": 3}}
    scene.held = None
    await scene.look()
    assert scene.raised(OperatorEvent.QUEUE_HELD) == {}


async def test_queues_of_one_lane_and_route_are_one_backlog_of_the_oldest() -> None:
    scene = Scene()
    scene.ages = [("otp", "spain", 10_000, 3), ("otp", "spain", 90_000, 4), ("otp", "spain", 80_000, 5)]
    await scene.look()
    assert scene.raised(OperatorEvent.BACKLOG_OLD) == {"otp/spain": {"oldest_seconds": 90.0, "ready": 12}}


async def test_a_lane_may_wait_for_ever_where_its_settings_say_so() -> None:
    scene = Scene(lanes={"otp": {"alert_backlog_age": "0s"}})
    scene.ages = [("otp", "spain", 10**9, 3), ("departed", "spain", 10**9, 3)]
    await scene.look()
    assert scene.raised(OperatorEvent.BACKLOG_OLD) == {}


# --- deliveries and receipts


async def test_deliveries_that_take_too_long_are_told_by_lane() -> None:
    scene = Scene()
    scene.deliver(20, 45.0)
    scene.deliver(100, 45.0, lane="promotional")
    await scene.look()
    assert set(scene.raised(OperatorEvent.DELIVERY_SLOW)) == {"otp"}
    figures = scene.raised(OperatorEvent.DELIVERY_SLOW)["otp"]
    assert figures["messages"] == 20
    assert figures["limit_seconds"] == 30.0
    assert figures["p90_seconds"] >= 45.0


async def test_what_was_not_delivered_says_nothing_of_delivery_times() -> None:
    scene = Scene()
    scene.deliver(50, 45.0, state=int(MessageState.UNDELIVERED))
    scene.deliver(50, 45.0, sent_at=None)
    await scene.look()
    assert scene.raised(OperatorEvent.DELIVERY_SLOW) == {}


async def test_only_what_was_delivered_within_the_window_is_late() -> None:
    scene = Scene(alerts={"delivery_window": "10s", "well_for": "0s"})
    scene.deliver(20, 45.0)
    await scene.look()
    assert scene.raised(OperatorEvent.DELIVERY_SLOW)
    await scene.look(12)
    assert scene.raised(OperatorEvent.DELIVERY_SLOW) == {}


async def test_a_carrier_that_was_able_for_a_moment_is_down_soon_after() -> None:
    scene = Scene()
    scene.carriers = [Carrier("telco")]
    scene.watch.heard_able("telco")
    await scene.look(7)
    assert set(scene.raised(OperatorEvent.CARRIER_DOWN)) == {"telco"}


async def test_a_carrier_that_drains_is_no_alarm() -> None:
    scene = Scene()
    scene.carriers = [Carrier("taken_out")]
    await scene.look(int(START_SECONDS) + 60)
    assert scene.raised(OperatorEvent.CARRIER_DOWN) == {}


async def test_a_lane_without_a_limit_any_more_is_no_alarm() -> None:
    scene = Scene()
    scene.deliver(20, 45.0)
    await scene.look()
    scene.watch.reconfigure(scene.settings(lanes={"otp": {"alert_delivery_time": "0s"}}))
    assert scene.raised(OperatorEvent.DELIVERY_SLOW) == {}


@pytest.mark.parametrize(("share", "told"), [(0.5, {"telco"}), (0, set())])
async def test_receipts_that_stay_away_are_told_unless_nobody_wants_to_know(share: float, told: set[str]) -> None:
    scene = Scene(alerts={"receipt_rate": share})
    taken = receipts = 0
    for minute in range(150):
        taken += 100
        receipts += 90 if minute < 130 else 0
        scene.counted = {"telco": (taken, receipts), "backup": (taken, round(taken * 0.5))}
        scene.clock.now += 59
        await scene.look()
    assert set(scene.raised(OperatorEvent.RECEIPTS_LOW)) == told


# --- endpoints and the disk


async def test_endpoints_that_fail_or_are_disabled_are_told_without_their_paths() -> None:
    scene = Scene(alerts={"endpoint_failures": 3})
    scene.health = [
        EndpointHealth("shop", "https://shop.example/sms?secret=1", 4, 17, None),
        EndpointHealth("", "https://ops.example/x", 9, 1, None),
        EndpointHealth("mall", "https://mall.example/sms", 1, 0, "answered 410 Gone"),
    ]
    await scene.watch.look_at_endpoints()
    assert scene.asked_failures == 3
    assert scene.raised(OperatorEvent.ENDPOINT_FAILING) == {
        "shop shop.example": {"failures": 4, "pending": 17},
        "operator ops.example": {"failures": 9, "pending": 1},
    }
    assert scene.raised(OperatorEvent.ENDPOINT_DISABLED) == {
        "mall mall.example": {"reason": "answered 410 Gone", "pending": 0}
    }
    scene.health = []
    await scene.watch.look_at_endpoints()
    assert scene.alarms.raised() == []


async def test_a_failing_endpoint_that_is_disabled_in_the_end_has_not_recovered() -> None:
    scene = Scene(alerts={"endpoint_failures": 3})
    scene.health = [EndpointHealth("shop", "https://shop.example", 3, 1, None)]
    await scene.watch.look_at_endpoints()
    scene.health = [EndpointHealth("shop", "https://shop.example", 4, 1, "answered 410 Gone")]
    await scene.watch.look_at_endpoints()
    assert set(scene.raised(OperatorEvent.ENDPOINT_FAILING)) == {"shop shop.example"}
    assert set(scene.raised(OperatorEvent.ENDPOINT_DISABLED)) == {"shop shop.example"}


async def test_of_very_many_failing_endpoints_those_told_first_stay_told() -> None:
    scene = Scene()
    last = EndpointHealth("shop", "https://zzz.example", 12, 1, None)
    scene.health = [last]
    await scene.watch.look_at_endpoints()
    scene.health = [EndpointHealth("shop", f"https://a{n}.example", 12, 1, None) for n in range(500)] + [last]
    await scene.watch.look_at_endpoints()
    raised = scene.raised(OperatorEvent.ENDPOINT_FAILING)
    assert len(raised) == MOST_ENDPOINTS
    assert "shop zzz.example" in raised


async def test_a_disk_with_little_room_is_told_and_recovers_a_tenth_above(tmp_path: Path) -> None:
    scene = Scene(alerts={"disk_low": 1000}, store={"url": f"sqlite://{tmp_path}/sluice.db", "disk_reserve": 500})
    free = 999
    scene.free = lambda folder: free
    await scene.watch.look_at_disk()
    assert scene.raised(OperatorEvent.DISK_LOW) == {str(tmp_path): {"free_bytes": 999, "reserve_bytes": 500}}
    free = 1099
    for _ in range(60):
        scene.clock.now += 1
        await scene.watch.look_at_disk()
    assert scene.raised(OperatorEvent.DISK_LOW)
    free = 1100
    for _ in range(32):
        scene.clock.now += 1
        await scene.watch.look_at_disk()
    assert scene.raised(OperatorEvent.DISK_LOW) == {}


async def test_a_larger_reserve_is_the_limit_where_no_other_is_given(tmp_path: Path) -> None:
    scene = Scene(store={"url": f"sqlite://{tmp_path}/sluice.db", "disk_reserve": 8 << 30})
    scene.free = lambda folder: 7 << 30
    await scene.watch.look_at_disk()
    assert scene.raised(OperatorEvent.DISK_LOW)


async def test_a_folder_that_cannot_be_looked_at_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene()

    def gone(folder: Path) -> int:
        raise FileNotFoundError(2, "No such file or directory")

    scene.free = gone
    await scene.watch.look_at_disk()
    assert scene.alarms.raised() == []
    assert "the disk can't be looked at" in caplog.text


# --- running


async def test_it_looks_every_second_until_everything_is_taken_down(autojump_clock: Any) -> None:
    scene = Scene()
    looked = 0

    def carriers() -> list[Carrier]:
        nonlocal looked
        looked += 1
        return []

    watch = Watch(scene.settings(), scene, scene.alarms, carriers, dict, free=lambda folder: 10 << 30)
    async with trio.open_nursery() as nursery:
        await nursery.start(watch.run)
        await trio.sleep(9.5)
        assert looked == 10
        watch.stop()
        await trio.sleep(9.5)
        assert looked == 10
        nursery.cancel_scope.cancel()


async def test_a_fault_in_one_look_ends_neither_the_next_nor_the_gateway(
    autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene()
    looked = 0

    def carriers() -> list[Carrier]:
        nonlocal looked
        looked += 1
        raise ValueError("odd")

    watch = Watch(scene.settings(), scene, scene.alarms, carriers, dict, free=lambda folder: 10 << 30)
    async with trio.open_nursery() as nursery:
        await nursery.start(watch.run)
        await trio.sleep(2.5)
        nursery.cancel_scope.cancel()
    assert looked == 3
    assert "could not look whether all is well" in caplog.text
