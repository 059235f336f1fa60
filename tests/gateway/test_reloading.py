"""A reload as a whole: read, checked, put to the store and then to every part; or refused, and nothing changes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from least_settings import LEAST

from gateway.metrics import REGISTRY
from gateway.reloading import Parts, Reloading
from gateway.settings import ConfigurationError, Settings, load
from gateway.settings.alerts import OperatorEvent
from gateway.store.by import By
from gateway.store.interface import StoreBusy
from gateway.store.policy import Policy, policy_of
from gateway.store.reload_interface import nothing


class KeptStore:
    """What a store would be asked."""

    def __init__(self, order: list[str]) -> None:
        self.order = order
        self.policies: list[Policy] = []
        self.told: list[str] = []
        self.refused: list[str] = []
        self.fault: Exception | None = None
        self.asked = trio.Event()
        self.may_go_on = trio.Event()
        self.may_go_on.set()

    async def reconfigure(
        self, policy: Policy, told: str, swap: Callable[[], None] = nothing, *, by: By | None = None
    ) -> None:
        self.asked.set()
        await self.may_go_on.wait()
        if self.fault is not None:
            raise self.fault
        self.order.append("store")
        self.policies.append(policy)
        self.told.append(told)
        swap()

    async def reload_refused(self, told: str, *, by: By | None = None) -> None:
        self.refused.append(told)

    def carrier_gone(self, carrier: str) -> None:
        raise AssertionError(carrier)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "sluice.toml"
        self.write(LEAST)
        self.order: list[str] = []
        self.windows: list[int] = []
        self.is_at_30 = trio.Event()
        self.events: list[tuple[OperatorEvent, dict[str, list[str]]]] = []
        self.store = KeptStore(self.order)
        self.parts = [self._part]
        parts = Parts(policy_of, self._learn, [self._prepare], self.parts, self._tell)
        self.reloading = Reloading(self.file, load(self.file, {}), self.store, parts)

    def write(self, text: str) -> None:
        self.file.write_text(text)

    def window(self, window: int) -> None:
        self.write(LEAST.replace("[[routes]]", f"window = {window}\n[[routes]]"))

    async def _learn(self, settings: Settings) -> None:
        self.order.append("learn")

    def _prepare(self, settings: Settings) -> Any:
        self.order.append("prepare")
        return lambda: self.order.append("swap")

    def _part(self, settings: Settings) -> None:
        self.order.append("part")
        self.windows.append(settings.carriers["telco"].window)
        if self.windows[-1] == 30:
            self.is_at_30.set()

    def _tell(self, event: OperatorEvent, subject: str, figures: dict[str, list[str]]) -> None:
        self.events.append((event, figures))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("sluice_reloads_total", {"outcome": outcome}) or 0.0


async def test_the_store_takes_the_settings_before_the_parts_do(bench: Bench) -> None:
    bench.window(20)
    before = counted("applied")
    done = await bench.reloading.reload()
    assert done == (["carriers.telco.window: 10 -> 20"], [])
    assert bench.order == ["learn", "prepare", "store", "swap", "part"]
    assert bench.windows == [20]
    assert bench.store.told == ["carriers.telco.window: 10 -> 20"]
    assert bench.events[0][0] is OperatorEvent.CONFIG_RELOADED
    assert bench.events[0][1]["changes"] == done.changed
    assert counted("applied") == before + 1


async def test_a_bad_file_changes_nothing_and_says_why(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.window(0)
    before = counted("refused")
    with pytest.raises(ConfigurationError):
        await bench.reloading.reload()
    assert bench.order == []
    assert bench.reloading.settings.carriers["telco"].window == 10
    ((event, figures),) = bench.events
    assert event is OperatorEvent.CONFIG_REFUSED
    assert "carriers.telco.window" in figures["problems"][0]
    assert "carriers.telco.window" in bench.store.refused[0]
    assert "not reloaded: " in caplog.text
    assert counted("refused") == before + 1


async def test_a_file_that_is_gone_once_it_was_checked_changes_nothing(bench: Bench) -> None:
    def gone(settings: Settings) -> Any:
        raise FileNotFoundError(2, "No such file", "ca.pem")

    bench.reloading._parts = bench.reloading._parts._replace(prepared=[gone])
    bench.window(20)
    with pytest.raises(ConfigurationError, match=r"ca\.pem"):
        await bench.reloading.reload()
    assert (bench.windows, bench.store.policies, bench.reloading.settings.carriers["telco"].window) == ([], [], 10)


async def test_a_store_that_cannot_write_refuses_the_reload(bench: Bench) -> None:
    bench.window(20)
    bench.store.fault = StoreBusy("the disk is full")
    with pytest.raises(StoreBusy):
        await bench.reloading.reload()
    assert bench.windows == []
    bench.store.fault = None
    assert (await bench.reloading.reload()).changed == ["carriers.telco.window: 10 -> 20"]


async def test_what_needs_a_restart_is_named_again_at_each_reload_and_never_handed_on(bench: Bench) -> None:
    bench.write(f'[http]\nlisten = ["127.0.0.1:1"]\n{LEAST}')
    for _ in range(2):
        done = await bench.reloading.reload()
        assert done.changed == []
        assert done.needs_restart == ['http.listen: ["127.0.0.1:8080"] -> ["127.0.0.1:1"]']
    assert bench.reloading.settings.http.listen == ["127.0.0.1:8080"]


async def test_a_part_that_fails_keeps_no_other_at_the_old_settings(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(settings: Settings) -> None:
        raise RuntimeError("a fault of ours")

    bench.parts.insert(0, broken)
    bench.window(20)
    await bench.reloading.reload()
    assert bench.windows == [20]
    assert "a part did not take the settings" in caplog.text


async def test_signals_during_a_reload_are_one_more_reload_after_it(bench: Bench, nursery: trio.Nursery) -> None:
    bench.store.may_go_on = trio.Event()
    await nursery.start(bench.reloading.run)
    bench.window(20)
    bench.reloading.ask()
    with trio.fail_after(10):
        await bench.store.asked.wait()
    bench.window(30)
    bench.reloading.ask()
    bench.reloading.ask()
    bench.store.may_go_on.set()
    with trio.fail_after(10):
        await bench.is_at_30.wait()
    await trio.testing.wait_all_tasks_blocked()
    assert bench.windows == [20, 30]


async def test_without_a_file_nothing_can_be_read_again(bench: Bench) -> None:
    parts = Parts(policy_of, bench._learn, [], [], bench._tell)
    reloading = Reloading(None, bench.reloading.settings, bench.store, parts)
    with pytest.raises(ConfigurationError, match="without a file"):
        await reloading.reload()


async def test_a_gateway_that_stops_takes_no_other_settings(bench: Bench) -> None:
    bench.window(20)
    await bench.reloading.stop()
    with pytest.raises(StoreBusy):
        await bench.reloading.reload()
    assert bench.order == []


async def test_a_stop_waits_for_what_the_store_takes_and_lets_nothing_be_taken_after_it(
    bench: Bench, nursery: trio.Nursery
) -> None:
    bench.store.may_go_on = trio.Event()
    bench.window(20)
    nursery.start_soon(bench.reloading.reload)
    with trio.fail_after(10):
        await bench.store.asked.wait()
    nursery.start_soon(bench.reloading.stop)
    await trio.testing.wait_all_tasks_blocked()
    bench.store.may_go_on.set()
    await bench.reloading.stop()
    assert bench.windows == [20]


async def test_a_reload_that_was_read_when_the_gateway_stops_is_given_up(bench: Bench) -> None:
    async def stopped(settings: Settings) -> None:
        bench.reloading._is_stopping = True

    bench.reloading._parts = bench.reloading._parts._replace(learn=stopped)
    bench.window(20)
    with pytest.raises(StoreBusy):
        await bench.reloading.reload()
    assert bench.store.policies == []
