"""A bind over memory streams and what is given to it: feeds that record, a stream that hangs, bodies and receipts."""

from typing import Any

import trio
import trio.testing

from gateway.carriers.bind import Bind
from gateway.carriers.bind_states import BindState, Ended
from gateway.carriers.pacing import Pace
from gateway.carriers.restraint import Restraint
from gateway.carriers.traffic import Traffic
from protocol.codec import encode
from protocol.fields import HEADER_LENGTH
from protocol.numbers import BindMode
from protocol.pdus import BindRequest, DeliverSm, SubmitSm

REQUEST = BindRequest(BindMode.TRANSCEIVER, "acme", "secret")
ENQUIRE_LINK = bytes.fromhex("00000010 00000015 00000000 00000077")
ENQUIRE_LINK_RESP = bytes.fromhex("00000010 80000015 00000000 00000077")


def a_body(text: str) -> bytes:
    """Of a submit_sm, as a claim brings it."""
    return encode(SubmitSm(destination_addr="34600000001", short_message=text.encode()))[HEADER_LENGTH:]


def a_receipt() -> DeliverSm:
    return DeliverSm(source_addr="34600000001", esm_class=4, short_message=b"id:1 stat:DELIVRD")


def tokens(count: int, first: int = 0) -> list[str]:
    """As `BoundBind.submit` gives them."""
    return [f"t{number}" for number in range(first, first + count)]


async def quiet() -> None:
    await trio.testing.wait_all_tasks_blocked()


class IdleFeed:
    """A feed that gives no work of its own, and remembers what was left in the end."""

    def __init__(self) -> None:
        self.end: tuple[list[Any], list[Any]] | None = None
        """Tokens in doubt, and those that were not written."""

    def answered(self, answers: list[Any]) -> None: ...

    def expired(self, tokens: list[Any]) -> None: ...

    def unwritten(self, tokens: list[Any]) -> None: ...

    def is_urgent(self, token: Any) -> bool:
        return False

    def freed(self) -> None: ...

    def halted(self) -> None: ...

    def closed(self, doubtful: list[Any], unwritten: list[Any]) -> None:
        assert self.end is None
        self.end = (doubtful, unwritten)


class RecordingFeed(IdleFeed):
    """Everything that a feed is told."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[Any] = []
        self.reads: list[int] = []
        """How many answers came in each call."""
        self.gone: list[Any] = []
        """Tokens whose time was over."""
        self.returned: list[Any] = []
        """Tokens that were given back unwritten."""
        self.freed_times: list[float] = []
        self.halts = 0

    def answered(self, answers: list[Any]) -> None:
        assert self.end is None
        self.reads.append(len(answers))
        self.answers += answers

    def expired(self, tokens: list[Any]) -> None:
        self.gone += tokens

    def unwritten(self, tokens: list[Any]) -> None:
        self.returned += tokens

    def freed(self) -> None:
        self.freed_times.append(trio.current_time())

    def halted(self) -> None:
        self.halts += 1

    def told(self) -> list[tuple[Any, int, str, bool]]:
        """Of each answer: token, status, message id, and whether it was late."""
        return [(answer.token, answer.status, answer.message_id, answer.late) for answer in self.answers]


class BoundBind:
    """A bind whose other end is a scripted SMSC, and its feed."""

    def __init__(
        self,
        smsc: Any,
        settings: Any,
        stream: Any = None,
        mode: BindMode = BindMode.TRANSCEIVER,
        **given: Any,
    ) -> None:
        """`stream` instead of the SMSC's; `given` goes to the bind."""
        self.smsc = smsc
        self.feed = RecordingFeed()
        self.pdus: list[Any] = []
        self.deliveries: list[int] = []
        """How many PDUs came in each call."""
        self.answers_at_once = False
        """Whether deliveries are answered as they come, where else the test does."""
        self.states: list[BindState] = []
        paces = [Pace(settings.submit_rate)] if settings.submit_rate else []
        traffic = Traffic(open_feed=lambda bind: self.feed, deliver=self._deliver)
        given = {"restraint": Restraint(settings, paces), "on_state": self.states.append, **given}
        self.bind = Bind("telco/1", mode, settings, stream or smsc.near, traffic, **given)
        self.ended: Ended | None = None
        self.over = trio.Event()

    def _deliver(self, bind: Bind, pdus: list[Any]) -> None:
        self.deliveries.append(len(pdus))
        self.pdus += pdus
        if self.answers_at_once:
            bind.answer_all(pdus, 0)

    def submit(self, count: int, first: int = 0) -> None:
        """So many with the texts `text 0`, `text 1`... and the tokens `t0`, `t1`..."""
        self.bind.submit([(a_body(f"text {number}"), f"t{number}") for number in range(first, first + count)])

    async def run(self) -> None:
        self.ended = await self.bind.run(REQUEST)
        self.over.set()


class StuckStream(trio.abc.Stream):
    """A stream whose writes hang once `stuck`, since the peer reads no more, or fail once `broken`."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.stuck = False
        self.broken = False
        self._released = trio.Event()
        self.writes: list[bytes] = []

    async def send_all(self, data: Any) -> None:
        self.writes.append(bytes(data))
        if self.stuck:
            await self._released.wait()
        if self.broken:
            raise trio.BrokenResourceError
        await self._inner.send_all(data)

    def release(self) -> None:
        """The write that hangs goes through; the next hangs if `stuck` still says so."""
        self._released.set()
        self._released = trio.Event()

    async def wait_send_all_might_not_block(self) -> None:
        await self._inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> Any:
        return await self._inner.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self._inner.aclose()
