"""A carrier whose hosts are scripted SMSCs, behind a network that notes each dial."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import trio
from bound_binds import IdleFeed

from gateway.carriers.bind import Bind
from gateway.carriers.bind_states import BindState
from gateway.carriers.carrier import Carrier
from gateway.carriers.traffic import Traffic
from protocol.codec import encode
from protocol.fields import HEADER_LENGTH
from protocol.pdus import SubmitSm

A_BODY = encode(SubmitSm())[HEADER_LENGTH:]


class Network:
    """Hosts that answer a dial with a new SMSC, or refuse it."""

    def __init__(self, smsc_type: type[Any], nursery: trio.Nursery) -> None:
        self.smsc_type = smsc_type
        self.nursery = nursery
        self.down: set[str] = set()
        self.hanging = False
        self.may_answer = trio.Event()
        self.may_answer.set()
        self.bind_status: int | None = 0
        self.dials: list[tuple[float, str]] = []
        self.smscs: list[Any] = []
        self.binding = 0
        self.most_binding = 0

    async def dial(self, host: str, port: int) -> trio.abc.Stream:
        self.dials.append((trio.current_time(), host))
        if self.hanging:
            await trio.sleep_forever()
        await self.may_answer.wait()
        if host in self.down:
            raise OSError("connection refused")
        smsc = self.smsc_type(bind_status=self.bind_status)
        self.smscs.append(smsc)
        self.nursery.start_soon(smsc.run)
        stream: trio.abc.Stream = smsc.near
        return stream

    @property
    def gaps(self) -> list[float]:
        times = [at for at, _ in self.dials]
        return [later - earlier for earlier, later in pairwise(times)]


class DialedCarrier:
    """A carrier on such a network; its binds get idle feeds."""

    def __init__(self, settings: Any, network: Network, rand: Callable[[], float]) -> None:
        self.network = network
        self.able: list[bool] = []
        self.binds: list[Bind] = []
        self.feeds: list[IdleFeed] = []
        traffic = Traffic(open_feed=self._open_feed, deliver=lambda bind, pdus: None)
        self.carrier = Carrier(settings, traffic, self._on_able, dial=network.dial, rand=rand)

    def _open_feed(self, bind: Bind) -> IdleFeed:
        self.binds.append(bind)
        self.feeds.append(IdleFeed())
        return self.feeds[-1]

    def _on_able(self, name: str, able: bool) -> None:
        assert name == "telco"
        self.able.append(able)

    @property
    def states(self) -> list[BindState]:
        return [view.state for view in self.carrier.views()]
