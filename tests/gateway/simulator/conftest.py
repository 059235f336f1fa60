"""An ESME to test the simulator with: protocol.Session on a stream, told what to do one step at a time."""

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
import trio
import trio.testing

from gateway.simulator.options import Options
from gateway.simulator.simulator import Simulator
from protocol.numbers import BindMode
from protocol.pdus import BindRequest, DataSm, DeliverSm, SubmitSm
from protocol.session import Session
from protocol.session_events import BindRefused, Bound, Delivered, Event, SubmitAnswered
from protocol.session_states import Role

E = TypeVar("E")


class Esme:
    """Says nothing that it was not told to, except that it answers enquire_link."""

    def __init__(self, stream: trio.abc.Stream, window: int = 1000) -> None:
        self.stream = stream
        self.session = Session(
            Role.ESME,
            window=window,
            response_timeout=600,
            enquire_link_idle=600,
            enquire_link_timeout=600,
            enquire_link_misses=3,
            bind_timeout=600,
        )
        self.events: deque[Event] = deque()

    async def bind(
        self, system_id: str = "shop", mode: BindMode = BindMode.TRANSCEIVER, password: str = "secret"
    ) -> Any:
        self.session.bind(BindRequest(mode, system_id, password), trio.current_time())
        await self.flush()
        return await self.next(Bound, BindRefused)

    async def submit(self, *pdus: SubmitSm | DataSm) -> None:
        """All in one write; the token of each is the PDU itself."""
        for pdu in pdus:
            self.session.submit(pdu, pdu, trio.current_time())
        await self.flush()

    async def acknowledge(self, delivered: Delivered, status: int = 0) -> None:
        self.session.answer(delivered.pdu, status)
        await self.flush()

    async def flush(self) -> None:
        octets = self.session.bytes_to_send()
        if octets:
            await self.stream.send_all(octets)

    async def next_event(self) -> Event:
        while not self.events:
            try:
                octets = await self.stream.receive_some(65_536)
            except trio.BrokenResourceError:
                octets = b""
            now = trio.current_time()
            received = self.session.receive_bytes(bytes(octets), now) if octets else self.session.receive_eof(now)
            assert octets or received, "the stream ended before the event that was waited for"
            self.events.extend(received)
            await self.flush_if_open()
        return self.events.popleft()

    async def flush_if_open(self) -> None:
        try:
            await self.flush()
        except trio.BrokenResourceError:
            # What the peer no longer reads it can't be told.
            return

    async def next(self, *kinds: type[E]) -> E:
        """The next event, which must be of one of these kinds."""
        event = await self.next_event()
        assert isinstance(event, kinds), f"{event} came instead of {kinds}"
        return event

    async def answer(self) -> SubmitAnswered:
        return await self.next(SubmitAnswered)

    async def delivery(self) -> DeliverSm | DataSm:
        """The next delivery, acknowledged."""
        delivered = await self.next(Delivered)
        await self.acknowledge(delivered)
        return delivered.pdu

    async def settled(self) -> None:
        """Until the simulator has handled all that was sent before: it answers in order."""
        self.session.enquire(trio.current_time())
        await self.flush()
        await trio.testing.wait_all_tasks_blocked()


@dataclass
class Carrier:
    """A simulator and the connections to it, over streams in memory."""

    simulator: Simulator
    nursery: trio.Nursery
    connections: list[Esme] = field(default_factory=list)

    async def connect(self) -> Esme:
        near, far = trio.testing.memory_stream_pair()
        self.nursery.start_soon(self.simulator.attend, far)
        self.connections.append(Esme(near))
        return self.connections[-1]

    async def bound(self, system_id: str = "shop", mode: BindMode = BindMode.TRANSCEIVER) -> Esme:
        esme = await self.connect()
        assert isinstance(await esme.bind(system_id, mode), Bound)
        return esme


@pytest.fixture
async def carrier(nursery: trio.Nursery) -> Callable[..., Carrier]:
    """Starts a simulator with these options. A test asks for `autojump_clock` itself: pytest-trio looks no deeper."""

    def start(**options: Any) -> Carrier:
        simulator = Simulator(Options(**{"seed": 1, **options}), clock=lambda: 1_790_000_000.0)
        nursery.start_soon(simulator.keep_time)
        return Carrier(simulator, nursery)

    return start


@pytest.fixture
def esme_over() -> Callable[[trio.abc.Stream], Esme]:
    """Makes an ESME on a stream of the test's own."""
    return Esme


@pytest.fixture
def a_submit() -> Callable[..., SubmitSm]:
    """Makes a submit_sm that asks for a receipt."""

    def make(destination: str = "34600111222", text: bytes = b"Hello", **fields: Any) -> SubmitSm:
        values = {"source_addr": "SHOP", "registered_delivery": 1, **fields}
        return SubmitSm(destination_addr=destination, short_message=text, **values)

    return make


@pytest.fixture
def environment() -> dict[str, str]:
    """For a process of its own, whose output must come line by line."""
    return {**os.environ, "PYTHONUNBUFFERED": "1"}
