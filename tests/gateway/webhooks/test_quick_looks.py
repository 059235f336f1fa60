"""What QuickPosts finds on several connections in one look, on socket pairs."""

from collections.abc import AsyncIterator, Callable
from math import inf

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gateway.webhooks.pool import Pooled
from gateway.webhooks.quick import Quick, QuickPosts
from gateway.webhooks.urls import Origin
from gateway.webhooks.wires import PlainWire

FULL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class FaultyWire(PlainWire):
    """Ours, with a fault in it that is met some times."""

    reads = 0

    def read(self) -> bytes:
        self.reads += 1
        if self.reads < 5:
            raise ZeroDivisionError
        return super().read()


class Place:
    """Connections to shops, by name, and what was said of them."""

    def __init__(self) -> None:
        self.quick: QuickPosts[Pooled] = QuickPosts(self._unasked)
        self.told: list[tuple[str, str]] = []
        self.peers: dict[str, trio.socket.SocketType] = {}
        self._ours: list[trio.socket.SocketType] = []

    def _unasked(self, connection: Pooled) -> None:
        self.told.append((connection.origin.host, "unasked"))

    def open(self, host: str, kind: Callable[[trio.SocketStream], PlainWire] = PlainWire) -> Pooled:
        ours, self.peers[host] = trio.socket.socketpair()
        self._ours.append(ours)
        return Pooled(Origin(host, 80, False), ours, kind(trio.SocketStream(ours)))

    def begin(self, connection: Pooled, then: Callable[[], None] = lambda: None) -> None:
        host = connection.origin.host

        def taken(status: int, latency_ms: int) -> None:
            self.told.append((host, "taken"))
            then()

        def unusual(received: bytes | None) -> None:
            self.told.append((host, f"unusual: {received!r}"))

        assert self.quick.begin(Quick(connection, b"POST", trio.current_time(), inf, taken, unusual, lambda: None))

    async def idle(self, connection: Pooled) -> None:
        """Once it has carried a POST."""
        self.begin(connection)
        await self.say((connection.origin.host, FULL))
        self.told.clear()

    async def say(self, *words: tuple[str, bytes]) -> None:
        """All at once, in this order."""
        for host, octets in words:
            # The plain socket's, which is no checkpoint.
            self.peers[host]._sock.send(octets)  # type: ignore[attr-defined]
        await wait_all_tasks_blocked(0.01)

    def close(self) -> None:
        for socket in [*self._ours, *self.peers.values()]:
            socket.close()

    async def goes_on(self) -> None:
        self.begin(self.open("next.example"))
        await self.say(("next.example", FULL))
        assert self.told[-1] == ("next.example", "taken")


class FaultyPlace(Place):
    def _unasked(self, connection: Pooled) -> None:
        super()._unasked(connection)
        raise ZeroDivisionError


@pytest.fixture(params=[Place])
async def place(nursery: trio.Nursery, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    place: Place = request.param()
    await nursery.start(place.quick.run)
    yield place
    place.close()


@pytest.mark.parametrize("is_closed", [False, True])
async def test_one_that_the_answer_before_it_lets_go_is_not_read(place: Place, is_closed: bool) -> None:
    first, second = place.open("first.example"), place.open("second.example")
    await place.idle(second)

    def let_go() -> None:
        place.quick.let_go(second)
        if is_closed:
            second.socket.close()

    place.begin(first, let_go)
    await place.say(("first.example", FULL), ("second.example", b"x"))
    assert place.told == [("first.example", "taken")]
    assert is_closed or await second.socket.recv(1) == b"x"
    await place.goes_on()


async def test_a_fault_of_one_that_is_read_ends_its_connection_and_no_other(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    faulty, sound = place.open("faulty.example", FaultyWire), place.open("sound.example")
    place.begin(faulty)
    place.begin(sound)
    await place.say(("faulty.example", FULL), ("sound.example", FULL))
    assert place.told == [("faulty.example", "unusual: None"), ("sound.example", "taken")]
    assert "webhook fault within its answer: host=faulty.example" in caplog.text
    assert isinstance(faulty.wire, FaultyWire)
    assert faulty.wire.reads == 1
    await place.goes_on()


@pytest.mark.parametrize("place", [FaultyPlace], indirect=True)
async def test_a_fault_over_one_that_idles_ends_no_other_and_is_met_once(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    idle, busy = place.open("idle.example"), place.open("busy.example")
    await place.idle(idle)
    place.begin(busy)
    await place.say(("idle.example", b"x"), ("busy.example", FULL))
    await place.say(("idle.example", b"x"))
    assert place.told == [("idle.example", "unasked"), ("busy.example", "taken")]
    assert "webhook fault after its answer: host=idle.example" in caplog.text
    await place.goes_on()
