"""Names of webhook hosts are looked up without getting in anybody's way."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import trio

from gateway.webhooks.lookups import Lookups


class SlowNames:
    """The system's resolver: names below slow.example wait until the test lets them go, others are found at once."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked: list[str] = []

    def look_up(self, host: str, port: int, **hints: int) -> Any:
        self.asked.append(host)
        if host.endswith("slow.example"):
            self.go.wait()
        if host == "nowhere.example":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if host == "odd.example":
            raise UnicodeError("label too long")
        return [
            (socket.AF_INET, hints["type"], 6, "", (address, port))
            for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1")
        ]


@pytest.fixture
def names() -> Iterator[SlowNames]:
    names = SlowNames()
    yield names
    names.go.set()


async def test_a_name_gives_its_addresses_once_each(names: SlowNames) -> None:
    assert await Lookups(look_up=names.look_up)("shop.example", 443) == ["192.0.2.1", "192.0.2.2"]


async def test_an_address_is_not_looked_up(names: SlowNames) -> None:
    lookups = Lookups(look_up=names.look_up)
    assert [await lookups(host, 443) for host in ("192.0.2.7", "2001:db8::7")] == [["192.0.2.7"], ["2001:db8::7"]]
    assert names.asked == []


async def test_the_systems_resolver_is_the_one_asked() -> None:
    assert set(await Lookups()("localhost", 443)) <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize("host", ["nowhere.example", "odd.example"])
async def test_a_name_that_is_not_found_is_an_os_error(names: SlowNames, host: str) -> None:
    with pytest.raises(OSError, match=r"Name or service not known|is no host name"):
        await Lookups(look_up=names.look_up)(host, 443)


async def test_slow_names_that_nobody_waits_for_any_more_take_no_thread_from_others(names: SlowNames) -> None:
    """A carrier's name is looked up by Trio, whose limiter is shared with everything else that needs a thread."""
    lookups = Lookups(4, names.look_up)
    async with trio.open_nursery() as nursery:
        for number in range(60):
            nursery.start_soon(_give_up_on, lookups, f"evil{number}.slow.example")
    assert trio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
    assert len(names.asked) == 2, "a domain has at most as many as are free"
    with trio.fail_after(30):
        assert await lookups("shop.example", 443)


async def test_a_domain_gets_its_turns_back_when_its_names_are_answered(names: SlowNames) -> None:
    lookups = Lookups(4, names.look_up)
    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(_give_up_on, lookups, f"evil{number}.slow.example")
    names.go.set()
    with trio.fail_after(30):
        for number in range(10):
            assert await lookups(f"late{number}.slow.example", 443)


async def _give_up_on(lookups: Lookups, host: str) -> None:
    with trio.move_on_after(0.05):
        await lookups(host, 443)
