"""A carrier with other settings: binds stay where they can, come and go with their number, or are made anew in turn."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
import trustme
from dialed_carriers import A_BODY, Network

from gateway.carriers.bind_states import BindState
from gateway.carriers.fleet import Fleet
from gateway.carriers.traffic import Traffic

Settings = Callable[..., Any]


async def settled() -> None:
    await trio.testing.wait_all_tasks_blocked()


async def test_a_higher_window_keeps_its_binds(started: Any, carrier_settings: Settings, autojump_clock: Any) -> None:
    async with started(window=5, binds=2) as it:
        for count in (7, 3):
            it.carrier.reconfigure(carrier_settings(window=count, binds=2))
            await settled()
            assert [(view.window, view.window_limit, view.room) for view in it.carrier.views()] == [(count,) * 3] * 2
        assert len(it.network.dials) == 2
        assert it.able == [True]


async def test_a_lower_window_lets_nothing_go_until_enough_was_answered(
    started: Any, carrier_settings: Settings, autojump_clock: Any
) -> None:
    async with started(window=4) as it:
        bind = it.binds[0]
        bind.submit([(A_BODY, number) for number in range(4)])
        it.carrier.reconfigure(carrier_settings(window=2))
        bind.submit([(A_BODY, 4)])
        await settled()
        assert (bind.in_flight, bind.waiting) == (4, 1)
        assert it.carrier.views()[0].room == 0


async def test_binds_come_and_go_with_their_number(
    started: Any, carrier_settings: Settings, autojump_clock: Any
) -> None:
    async with started(binds=1) as it:
        it.carrier.reconfigure(carrier_settings(binds=3))
        await settled()
        assert [view.name for view in it.carrier.views()] == ["telco/1", "telco/2", "telco/3"]
        assert it.states == [BindState.BOUND] * 3
        it.carrier.reconfigure(carrier_settings(binds=1))
        await trio.sleep(1)
        assert [view.name for view in it.carrier.views()] == ["telco/1"]
        assert len(it.network.dials) == 3
        assert it.able == [True]


async def test_a_bind_that_comes_back_waits_for_the_one_of_its_name_to_leave(
    started: Any, carrier_settings: Settings, autojump_clock: Any
) -> None:
    async with started(binds=2, response_timeout="30s") as it:
        it.binds[1].submit([(A_BODY, "owed")])
        it.carrier.reconfigure(carrier_settings(binds=1, response_timeout="30s"))
        it.carrier.reconfigure(carrier_settings(binds=2, response_timeout="30s"))
        await trio.sleep(5)
        assert len(it.network.dials) == 2, "the one before still waits for its answer"
        await trio.sleep(60)
        assert len(it.network.dials) == 3
        assert it.states == [BindState.BOUND] * 2


async def test_a_new_password_renews_binds_one_by_one(
    started: Any, carrier_settings: Settings, autojump_clock: Any
) -> None:
    async with started(binds=3, reconnect_floor="1s") as it:
        await trio.sleep(2)
        it.carrier.reconfigure(carrier_settings(binds=3, reconnect_floor="1s", password="other"))
        await trio.sleep(30)
        assert [smsc.binds[0].password for smsc in it.network.smscs] == ["secret"] * 3 + ["other"] * 3
        assert it.states == [BindState.BOUND] * 3
        assert it.able == [True], "the others could send while one was made anew"


async def test_a_wrong_new_password_costs_one_bind_and_not_all(
    started: Any, carrier_settings: Settings, autojump_clock: Any
) -> None:
    async with started(binds=3, reconnect_floor="1s") as it:
        await trio.sleep(2)
        it.network.bind_status = 0x0E
        it.carrier.reconfigure(carrier_settings(binds=3, reconnect_floor="1s", password="wrong"))
        await trio.sleep(120)
        assert it.states.count(BindState.BOUND) == 2
        it.network.bind_status = 0
        it.carrier.reconfigure(carrier_settings(binds=3, reconnect_floor="1s", password="right"))
        await trio.sleep(30)
        assert it.states == [BindState.BOUND] * 3
        assert it.network.smscs[-1].binds[0].password == "right"


async def test_a_password_that_is_taken_back_leaves_the_binds_that_were_made_by_it(
    started: Any, carrier_settings: Settings, autojump_clock: Any
) -> None:
    async with started(binds=3, reconnect_floor="1s") as it:
        await trio.sleep(2)
        it.network.bind_status = 0x0E
        it.carrier.reconfigure(carrier_settings(binds=3, reconnect_floor="1s", password="wrong"))
        await trio.sleep(30)
        it.network.bind_status = 0
        it.carrier.reconfigure(carrier_settings(binds=3, reconnect_floor="1s"))
        await trio.sleep(30)
        assert it.states == [BindState.BOUND] * 3
        assert [smsc.binds[0].password for smsc in it.network.smscs].count("secret") == 4


async def test_a_bind_that_is_just_being_made_by_the_old_settings_is_made_anew(
    started: Any, carrier_settings: Settings, autojump_clock: Any
) -> None:
    def silent(network: Network) -> None:
        network.bind_status = None

    async with started(reconnect_floor="1s", prepare=silent) as it:
        assert it.states == [BindState.BINDING]
        it.network.bind_status = 0
        it.carrier.reconfigure(carrier_settings(reconnect_floor="1s", password="other"))
        await trio.sleep(5)
        assert it.states == [BindState.BOUND]
        assert [smsc.binds[0].password for smsc in it.network.smscs] == ["secret", "other"]


async def test_a_connection_under_way_to_a_host_that_is_no_longer_there_is_not_bound_on(
    started: Any, carrier_settings: Settings, autojump_clock: Any
) -> None:
    def slow(network: Network) -> None:
        network.may_answer = trio.Event()

    async with started(reconnect_floor="1s", prepare=slow) as it:
        it.carrier.reconfigure(carrier_settings(hosts=["two.example:2775"], reconnect_floor="1s"))
        it.network.may_answer.set()
        await trio.sleep(5)
        assert [host for _, host in it.network.dials][-1] == "two.example"
        assert [len(smsc.binds) for smsc in it.network.smscs] == [0, 1]


async def test_other_hosts_are_dialled_from_then_on(
    started: Any, carrier_settings: Settings, autojump_clock: Any
) -> None:
    async with started(reconnect_floor="1s") as it:
        await trio.sleep(2)
        it.carrier.reconfigure(carrier_settings(hosts=["two.example:2775"], reconnect_floor="1s"))
        await trio.sleep(5)
        assert it.network.dials[-1][1] == "two.example"
        assert it.states == [BindState.BOUND]


async def test_another_pace_counts_what_went_within_the_last_second(
    started: Any, carrier_settings: Settings, autojump_clock: Any
) -> None:
    async with started(submit_rate=10, window=100) as it:
        bind = it.binds[0]
        bind.submit([(A_BODY, number) for number in range(100)])
        await trio.sleep(1)
        went = bind.in_flight
        it.carrier.reconfigure(carrier_settings(submit_rate=20, window=100))
        await trio.sleep(1)
        assert went <= 11
        assert bind.in_flight <= went + 20


class Fleeting:
    """A fleet on such a network."""

    def __init__(self, network: Network, settings: dict[str, Any]) -> None:
        self.network = network
        self.able: list[tuple[str, bool]] = []
        self.gone: list[str] = []
        traffic = Traffic(open_feed=self._open_feed, deliver=lambda bind, pdus: None)
        self.binds: list[Any] = []
        self.fleet = Fleet(
            settings,
            traffic,
            lambda name, able: self.able.append((name, able)),
            on_gone=self.gone.append,
            drain_seconds=20.0,
            dial=network.dial,
        )

    def _open_feed(self, bind: Any) -> Any:
        from bound_binds import IdleFeed

        self.binds.append(bind)
        return IdleFeed()


async def test_carriers_are_added_and_drained_while_the_others_stay(
    scripted_smsc: Any, carrier_settings: Settings, autojump_clock: Any
) -> None:
    async with trio.open_nursery() as nursery:
        both = {name: carrier_settings(name=name) for name in ("one", "two")}
        it = Fleeting(Network(scripted_smsc, nursery), {"one": both["one"]})
        await nursery.start(it.fleet.run)
        await settled()
        it.fleet.reconfigure(both)
        await settled()
        assert it.able == [("one", False), ("one", True), ("two", False), ("two", True)]
        it.binds[0].submit([(A_BODY, "owed")])
        it.fleet.reconfigure({"two": both["two"]})
        assert list(it.fleet.carriers) == ["two"]
        assert it.able[-1] == ("one", False), "it takes no work from then on"
        await trio.sleep(5)
        assert it.gone == []
        await trio.sleep(60)
        assert it.gone == ["one"]
        assert len(it.network.dials) == 2
        nursery.cancel_scope.cancel()


async def test_a_carrier_that_comes_back_while_it_drains_waits_for_the_end_of_that(
    scripted_smsc: Any, carrier_settings: Settings, autojump_clock: Any
) -> None:
    async with trio.open_nursery() as nursery:
        one = {"one": carrier_settings(name="one")}
        it = Fleeting(Network(scripted_smsc, nursery), one)
        await nursery.start(it.fleet.run)
        await settled()
        it.binds[0].submit([(A_BODY, "owed")])
        it.fleet.reconfigure({})
        it.fleet.reconfigure(one)
        await trio.sleep(5)
        assert len(it.network.dials) == 1
        await trio.sleep(60)
        assert len(it.network.dials) == 2
        assert it.gone == [], "it is there again"
        assert it.able[-1] == ("one", True)
        nursery.cancel_scope.cancel()


async def test_an_address_that_is_taken_costs_the_added_carrier_alone(
    scripted_smsc: Any, carrier_settings: Settings, autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    taken = f"127.0.0.1:{listener.socket.getsockname()[1]}"
    async with trio.open_nursery() as nursery:
        one = {"one": carrier_settings(name="one")}
        it = Fleeting(Network(scripted_smsc, nursery), one)
        await nursery.start(it.fleet.run)
        await settled()
        it.fleet.reconfigure({**one, "two": carrier_settings(name="two", outbind_listen=[taken])})
        with trio.fail_after(10):
            await it.fleet.carriers["two"].drained()
        await settled()
        assert it.fleet.carriers["two"].alarm == "outbind_listen"
        assert f"cannot listen on {taken}" in caplog.text
        it.fleet.reconfigure(one)
        await settled()
        assert (it.gone, it.able[-1], len(it.network.dials)) == (["two"], ("two", False), 1)
        nursery.cancel_scope.cancel()
    await listener.aclose()


async def test_certificates_are_read_before_a_reload_touches_any_carrier(
    scripted_smsc: Any, carrier_settings: Settings, tmp_path: Path, autojump_clock: Any
) -> None:
    authority = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(authority)
    two = carrier_settings(name="two", tls={"ca_file": str(authority)})
    async with trio.open_nursery() as nursery:
        it = Fleeting(Network(scripted_smsc, nursery), {"one": carrier_settings(name="one"), "two": two})
        before = it.fleet.carriers["two"].contexts.client
        it.fleet.prepare({"two": two})()
        assert it.fleet.carriers["two"].contexts.client not in (None, before), "read again, though nothing else changed"
        authority.unlink()
        with pytest.raises(OSError, match="No such file"):
            it.fleet.prepare({"two": two})
        assert list(it.fleet.carriers) == ["two"]
        nursery.cancel_scope.cancel()
