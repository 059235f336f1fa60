"""All carriers of the settings, running: those that come and go with a reload, and those whose settings change.

What a change means for one carrier's binds is carrier.py's; what becomes of messages is the store's.
"""

import logging
from collections.abc import Callable, Mapping
from functools import partial

import trio

from gateway.carriers.carrier import Carrier
from gateway.carriers.dialing import Contexts, Dial, contexts_of, dial_tcp
from gateway.carriers.traffic import Traffic
from gateway.logs import quoted
from gateway.settings.carriers import Carrier as CarrierSettings

NOT_READ: Mapping[str, Contexts] = {}
_log = logging.getLogger("sluice.carriers")


class Fleet:
    """The carriers by name, in the order of the settings. Start `run`; what was taken out drains beside the others."""

    def __init__(
        self,
        settings: Mapping[str, CarrierSettings],
        traffic: Traffic,
        on_able: Callable[[str, bool], None],
        *,
        on_gone: Callable[[str], None] = lambda carrier: None,
        drain_seconds: float = 20.0,
        dial: Dial = dial_tcp,
    ) -> None:
        """`on_able`: as in Carrier, and told of each carrier that it cannot send yet. `on_gone`: told of one that was
        taken out and has drained. `drain_seconds`: for the answers to what such a one has in flight."""
        self._traffic = traffic
        self._on_able = on_able
        self._on_gone = on_gone
        self._drain_seconds = drain_seconds
        self._dial = dial
        self._nursery: trio.Nursery | None = None
        self._leaving: set[Carrier] = set()
        self._unbound: set[str] = set()
        self.carriers: dict[str, Carrier] = {}
        """Live: a reload changes it."""
        for name, one in settings.items():
            self.carriers[name] = self._made(one)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled. Raises OSError when an address of outbind_listen can't be listened on at the start."""
        async with trio.open_nursery() as nursery:
            for name in self.carriers:
                self._on_able(name, False)
            for carrier in self.carriers.values():
                await nursery.start(carrier.run)
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    async def drain(self, timeout_seconds: float) -> None:
        """Let every carrier end what it has in flight, for so long, and leave."""
        async with trio.open_nursery() as nursery:
            for carrier in self.carriers.values():
                nursery.start_soon(carrier.drain, timeout_seconds)
            for carrier in list(self._leaving):
                nursery.start_soon(carrier.drained)

    def unbind(self, carrier: str) -> None:
        """Let the binds of the carrier of this name leave; it has none until `bind_again`, also if it comes later."""
        self._unbound.add(carrier)
        if carrier in self.carriers:
            self.carriers[carrier].unbind()

    def bind_again(self, carrier: str) -> None:
        """Make its binds, where it was to have none."""
        if carrier in self._unbound:
            self._unbound.remove(carrier)
            if carrier in self.carriers:
                self.carriers[carrier].bind_again()

    def prepare(self, settings: Mapping[str, CarrierSettings]) -> Callable[[], None]:
        """`reconfigure` by these, once it is called: certificates are read here, in any thread. Raises OSError
        and ValueError."""
        return partial(self.reconfigure, settings, {name: contexts_of(one) for name, one in settings.items()})

    def reconfigure(self, settings: Mapping[str, CarrierSettings], contexts: Mapping[str, Contexts] = NOT_READ) -> None:
        """These are the carriers from now on. One whose settings are the same keeps its binds as they are.

        Who was taken out takes no work from now on and drains beside the others; one of the same name that comes back
        meanwhile is another carrier.
        """
        for name in self.carriers.keys() - settings.keys():
            self._leave(self.carriers.pop(name))
        known, added = dict(self.carriers), []
        self.carriers.clear()
        for name, one in settings.items():
            # Among the others before anyone is told of it.
            carrier = self.carriers[name] = known.get(name) or self._made(one, contexts.get(name))
            if name not in known:
                added.append(carrier)
            elif carrier.settings != one:
                carrier.reconfigure(one, contexts.get(name))
            else:
                carrier.freshen(contexts.get(name))
        for carrier in added:
            self._on_able(carrier.name, False)
            self._begin(carrier)

    def _made(self, settings: CarrierSettings, contexts: Contexts | None = None) -> Carrier:
        carrier = Carrier(settings, self._traffic, self._on_able, contexts=contexts, dial=self._dial)
        if settings.name in self._unbound:
            carrier.unbind()
        return carrier

    def _begin(self, carrier: Carrier) -> None:
        before = [one for one in self._leaving if one.name == carrier.name]
        if self._nursery is not None:
            self._nursery.start_soon(self._keep, carrier, before)

    async def _keep(self, carrier: Carrier, before: list[Carrier]) -> None:
        """One that was added: what it can't listen on must not end the others."""
        # Binds are known by their names.
        for one in before:
            await one.drained()
        try:
            await carrier.run()
        except* OSError as fault:
            line = "carrier=%s has no binds until it is taken out and added again, or the next start: %s"
            _log.error(line, carrier.name, quoted(_why(fault)))
            carrier.alarm = "outbind_listen"

    def _leave(self, carrier: Carrier) -> None:
        self._leaving.add(carrier)
        carrier.leave(self._drain_seconds)
        if self._nursery is not None:
            self._nursery.start_soon(self._let_go, carrier)

    async def _let_go(self, carrier: Carrier) -> None:
        await carrier.drain(self._drain_seconds)
        self._leaving.discard(carrier)
        if carrier.name not in self.carriers:
            self._on_gone(carrier.name)
        _log.info("carrier=%s left: it is no longer in the settings", carrier.name)


def _why(fault: BaseException) -> str:
    """What is said by the first of those that a nursery gave as a group."""
    return _why(fault.exceptions[0]) if isinstance(fault, BaseExceptionGroup) else str(fault)
