"""Which of our addresses a carrier's connections leave from, as the simulator behind real sockets sees it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
from bound_binds import IdleFeed

from gateway.carriers.carrier import Carrier
from gateway.carriers.dialing import dial_tcp
from gateway.carriers.traffic import Traffic
from gateway.simulator.simulator import Simulator

Settings = Callable[..., Any]
PATIENCE_SECONDS = 10.0
NOBODYS = "192.0.2.77"
"""For documentation (RFC 5737): no machine has it."""


class Seen:
    """A simulator that notes where its connections come from, and a carrier that binds to it."""

    def __init__(self) -> None:
        self.simulator = Simulator()
        self.peers: list[str] = []
        self.came = trio.Event()
        self.bound = 0
        self.taken = trio.Event()
        self.carrier: Any = None
        self.port = 0

    async def attend(self, stream: trio.SocketStream) -> None:
        self.peers.append(stream.socket.getpeername()[0])
        self.came.set()
        self.came = trio.Event()
        await self.simulator.attend(stream)

    async def until(self, count: int) -> list[str]:
        """The first so many connections' addresses."""
        with trio.fail_after(PATIENCE_SECONDS):
            while len(self.peers) < count:
                await self.came.wait()
        return self.peers[:count]

    async def until_bound(self, count: int) -> None:
        """Until so many binds have been taken."""
        with trio.fail_after(PATIENCE_SECONDS):
            while self.bound < count:
                await self.taken.wait()

    def open_feed(self, _bind: Any) -> IdleFeed:
        self.bound += 1
        self.taken.set()
        self.taken = trio.Event()
        return IdleFeed()


@asynccontextmanager
async def bound_from(carrier_settings: Settings, **given: Any) -> AsyncIterator[Seen]:
    seen = Seen()
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        seen.port = listeners[0].socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, seen.attend, listeners)
        nursery.start_soon(seen.simulator.keep_time)
        traffic = Traffic(open_feed=seen.open_feed, deliver=lambda bind, pdus: None)
        seen.carrier = Carrier(of(seen, carrier_settings, **given), traffic, lambda name, able: None)
        await nursery.start(seen.carrier.run)
        yield seen
        nursery.cancel_scope.cancel()


def of(seen: Seen, carrier_settings: Settings, **given: Any) -> Any:
    """Settings of a carrier that binds to the simulator."""
    return carrier_settings(**{"hosts": [f"127.0.0.1:{seen.port}"], "reconnect_floor": "10ms", **given})


async def test_connections_leave_from_the_address_of_the_settings(carrier_settings: Settings) -> None:
    async with bound_from(carrier_settings, local_address=["127.0.0.2"], binds=2) as seen:
        assert await seen.until(2) == ["127.0.0.2"] * 2
        assert [view.local_address for view in seen.carrier.views()] == ["127.0.0.2"] * 2


async def test_the_binds_take_several_addresses_in_turn(carrier_settings: Settings) -> None:
    async with bound_from(carrier_settings, local_address=["127.0.0.2", "127.0.0.3"], binds=3) as seen:
        assert sorted(await seen.until(3)) == ["127.0.0.2", "127.0.0.2", "127.0.0.3"]
        shown = {view.name: view.local_address for view in seen.carrier.views()}
        assert shown == {"telco/1": "127.0.0.2", "telco/2": "127.0.0.3", "telco/3": "127.0.0.2"}


async def test_a_transmitter_and_its_receiver_leave_from_the_same_address(carrier_settings: Settings) -> None:
    given = {"local_address": ["127.0.0.2", "127.0.0.3"], "mode": "transmitter+receiver", "binds": 2}
    async with bound_from(carrier_settings, **given) as seen:
        assert sorted(await seen.until(4)) == ["127.0.0.2"] * 2 + ["127.0.0.3"] * 2
        assert [view.local_address for view in seen.carrier.views()] == ["127.0.0.2"] * 2 + ["127.0.0.3"] * 2


async def test_without_one_the_system_chooses(carrier_settings: Settings) -> None:
    async with bound_from(carrier_settings) as seen:
        assert await seen.until(1) == ["127.0.0.1"]
        assert seen.carrier.views()[0].local_address is None


async def test_another_address_makes_the_binds_anew_one_after_the_other(carrier_settings: Settings) -> None:
    async with bound_from(carrier_settings, local_address=["127.0.0.2"], binds=2) as seen:
        await seen.until_bound(2)
        seen.carrier.reconfigure(of(seen, carrier_settings, local_address=["127.0.0.3"], binds=2))
        assert await seen.until(4) == ["127.0.0.2"] * 2 + ["127.0.0.3"] * 2
        assert [view.local_address for view in seen.carrier.views()] == ["127.0.0.3"] * 2


async def test_an_address_that_is_not_ours_is_told_and_mended_by_a_reload(carrier_settings: Settings) -> None:
    async with bound_from(carrier_settings, local_address=[NOBODYS]) as seen:
        await trio.testing.wait_all_tasks_blocked()
        told = seen.carrier.views()[0].last_error
        assert f"local_address {NOBODYS} can't be left from" in told
        assert "`ip address` lists them" in told
        assert seen.peers == []
        seen.carrier.reconfigure(of(seen, carrier_settings, local_address=["127.0.0.2"]))
        assert await seen.until(1) == ["127.0.0.2"]


async def test_ipv6_addresses_are_left_from_too(carrier_settings: Settings) -> None:
    try:
        listeners = await trio.open_tcp_listeners(0, host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    seen = Seen()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, seen.attend, listeners)
        dial = Carrier(
            carrier_settings(local_address=["::1"]),
            Traffic(open_feed=lambda bind: IdleFeed(), deliver=lambda bind, pdus: None),
            lambda name, able: None,
        ).dial("::1")
        stream = await dial("::1", listeners[0].socket.getsockname()[1])
        assert await seen.until(1) == ["::1"]
        await stream.aclose()
        nursery.cancel_scope.cancel()


async def test_a_host_without_an_address_of_our_kind_is_told() -> None:
    with pytest.raises(OSError, match=r"127\.0\.0\.1 has no IPv6 address, as local_address ::1 is one"):
        await dial_tcp("127.0.0.1", 2775, "::1")
