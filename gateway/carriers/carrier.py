"""A configured carrier: what its binds share: one attempt at a time, the pace, whether any of them can send.

How one bind is kept up is link.py's, connections that the carrier opens are outbinds.py's.
"""

import itertools
import logging
import random
from collections.abc import Awaitable, Callable, Iterator

import trio

from gateway.carriers.bind import Bind
from gateway.carriers.dialing import Contexts, Dial, contexts_of, dial_from, dial_tcp, dialer
from gateway.carriers.link import Link
from gateway.carriers.outbinds import Outbinds
from gateway.carriers.pacing import Pace, Random, retuned
from gateway.carriers.place import BindView, Place
from gateway.carriers.requests import connections, patience_of
from gateway.carriers.trace import Wire
from gateway.carriers.trace_stream import recorded
from gateway.carriers.traffic import Traffic
from gateway.logs import quoted
from gateway.rules.ways import way_of
from gateway.settings.carriers import Carrier as CarrierSettings
from gateway.settings.cautions import cautions
from gateway.settings.changes import needs_new_binds
from protocol.command_status import BindRefusal

UNBIND_LIMIT_SECONDS = 5.0
"""At a stop no carrier is waited for longer, whatever its unbind_timeout: the service manager waits too."""
BIND_FAILED_LIMIT = 3
"""So many ESME_RBINDFAIL in a row, with no bind taken between, mean that the credentials are wrong."""

_log = logging.getLogger("sluice.carriers")


class Carrier:
    """Keeps the configured binds of one carrier up until it is drained."""

    def __init__(
        self,
        settings: CarrierSettings,
        traffic: Traffic,
        on_able: Callable[[str, bool], None],
        *,
        contexts: Contexts | None = None,
        dial: Dial = dial_tcp,
        rand: Random = random.random,
    ) -> None:
        """`on_able` is told when the first bind can send and when none can any more; a paused one cannot. `contexts`:
        those of the settings, where they are made ready."""
        self.settings = settings
        self.traffic = traffic
        self._dial = dial
        self.freshen(contexts)
        self.rand = rand
        self.wire = Wire(settings.name, way_of(settings))
        """For those who trace it."""
        self.able = False
        self.draining = False
        self.is_unbound = False
        """An operator wants it without binds."""
        self.alarm: str | None = None
        """The status by which it refuses us, while attempts are few because nothing but a change of settings helps."""
        self.pace = Pace(settings.submit_rate) if settings.submit_rate else None
        self.patience = patience_of(settings)
        """What late answers and throttles taught outlives the bind that met them."""
        # Carriers ban clients that come with several binds at once, or again too soon.
        self.turn = trio.Semaphore(1)
        self.not_before = float("-inf")
        self._on_able = on_able
        self._turns = itertools.count()
        self._links = {name: Link(self, name, mode, self._turns) for name, mode in connections(settings)}
        self._left: list[Link] = []
        """Taken out by a reload, with binds that have yet to leave."""
        self._renewing = trio.CancelScope()
        self._nursery: trio.Nursery | None = None
        self._outbinds = Outbinds(self)
        self._bind_failures = 0
        self._nudge = trio.Event()
        self._scope = trio.CancelScope()
        self._is_left = trio.Event()
        self._ended = trio.Event()

    @property
    def name(self) -> str:
        """The name in the settings."""
        return self.settings.name

    @property
    def bind_to_ask(self) -> Bind | None:
        """One that can send now, of which questions may be asked."""
        return next((place.bind for place in self.places() if place.can_send), None)

    @property
    def outbind_ports(self) -> list[int]:
        """Those listened on, once it runs."""
        return self._outbinds.ports

    def views(self) -> list[BindView]:
        """Every bind as it stands, those made after an outbind last."""
        return [place.view() for place in self.places()]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the binds up; returns once drained. Started at once: nobody waits for a carrier to be there.

        Raises OSError when an address of outbind_listen can't be listened on.
        """
        for caution in cautions(self.settings):
            _log.warning("carrier=%s caution=%s", self.name, quoted(caution))
        try:
            with self._scope:
                async with recorded(self.wire, self.settings.trace_file), trio.open_nursery() as nursery:
                    await nursery.start(self._outbinds.run)
                    task_status.started()
                    self._nursery = nursery
                    # An operator may want it without any bind for a while.
                    nursery.start_soon(self._is_left.wait)
                    # As they are now: those that come while this waits are begun by who makes them.
                    for link in list(self._links.values()):
                        nursery.start_soon(link.keep_up)
                        # Trio starts what is begun together in any order; binds should come up in theirs.
                        await trio.lowlevel.checkpoint()
        finally:
            self._ended.set()

    def leave(self, timeout_seconds: float) -> None:
        """Take no more work from now on. To be followed by `drain`, which waits for the end of it."""
        self.draining = True
        self._is_left.set()
        self._renewing.cancel()
        self._outbinds.refuse()
        for place in self.places():
            place.leave(timeout_seconds, UNBIND_LIMIT_SECONDS)

    async def drain(self, timeout_seconds: float) -> None:
        """Take no more work, wait so long for the answers in flight, unbind and close. Call it while `run` runs."""
        self.leave(timeout_seconds)
        with trio.move_on_after(timeout_seconds + UNBIND_LIMIT_SECONDS):
            await self._ended.wait()
        self._scope.cancel()
        await self._ended.wait()

    async def drained(self) -> None:
        """Once `run` has ended."""
        await self._ended.wait()

    def reconfigure(self, settings: CarrierSettings, contexts: Contexts | None = None) -> None:
        """Go on by other settings. Binds stay, but where they were made by what has changed: those leave one after the
        other, the next once the one before is bound again."""
        is_anew = needs_new_binds(self.settings, settings)
        self.settings = settings
        self.freshen(contexts)
        self.pace = retuned(self.pace, settings.submit_rate)
        self.wire.way = way_of(settings)
        self.patience.is_endless = settings.strict_window
        for caution in cautions(settings):
            _log.warning("carrier=%s caution=%s", self.name, quoted(caution))
        self._set_links()
        for link in self._links.values():
            link.reconfigure()
        self._outbinds.reconfigure(is_anew=is_anew)
        if is_anew:
            self._renewing.cancel()
            self._renewing = trio.CancelScope()
            self._begin(self._renew, self._renewing)
        self.weigh()

    def unbind(self) -> None:
        """An operator asks: each bind leaves once it has its answers, and none is made until `bind_again`."""
        self.is_unbound = True
        self._set_links()
        self._outbinds.unbind()

    def bind_again(self) -> None:
        """Make the binds of the settings, at once; none any more where it drains."""
        self.is_unbound = False
        if not self.draining:
            self._set_links()
            self.rebind()

    def freshen(self, contexts: Contexts | None = None) -> None:
        """Connections from now on are made with these certificates; those that lie there now where none are given."""
        self.contexts = contexts or contexts_of(self.settings)

    def dial(self, local_address: str | None) -> Dial:
        """How a connection is opened now, from this address of ours if one is given."""
        return dialer(self.settings.tls, dial_from(local_address, self._dial), self.contexts.client)

    def rebind(self) -> None:
        """An operator asks: try every bind that is not up now, one after the other, whatever was to be waited for."""
        self.not_before = float("-inf")
        self._nudge.set()
        self._nudge = trio.Event()

    async def rest(self, seconds: float) -> None:
        """Wait so long, or until someone asks for a rebind."""
        with trio.move_on_after(seconds):
            await self._nudge.wait()

    async def allowed(self) -> None:
        """Return once another attempt may be made."""
        while (seconds := self.not_before - trio.current_time()) > 0:
            await self.rest(seconds)

    def weigh(self) -> None:
        """A bind changed its state: tell if that changes what the carrier can do."""
        able = any(place.can_send for place in self.places())
        if able is not self.able:
            self.able = able
            _log.info("carrier=%s able=%s", self.name, able)
            self._on_able(self.name, able)

    def taken(self) -> None:
        """The carrier took a bind: our credentials are good."""
        self._bind_failures = 0
        if self.alarm is not None:
            _log.info("carrier=%s alarm=over was=%s", self.name, self.alarm)
            self.alarm = None

    def is_hopeless(self, refusal: BindRefusal) -> bool:
        """Whether trying again soon would change nothing, now that a bind was refused for this."""
        if refusal is BindRefusal.BIND_FAILED:
            # While another bind is up it is not our credentials that are wrong.
            self._bind_failures = 0 if self._is_bound() else self._bind_failures + 1
            return self._bind_failures >= BIND_FAILED_LIMIT
        return refusal in (BindRefusal.BAD_CREDENTIALS, BindRefusal.NOT_OFFERED)

    def refused(self, status: str, wait: float) -> bool:
        """It refuses us for good: no other bind is tried before `wait` is over. Whether that is news."""
        if self._is_bound():
            return True
        self.not_before = trio.current_time() + wait
        is_news, self.alarm = self.alarm is None, status
        return is_news

    def _is_bound(self) -> bool:
        return any(place.is_bound for place in self.places())

    def _set_links(self) -> None:
        """A link for each connection of the settings: those that there are no longer leave."""
        wanted = {} if self.is_unbound else dict(connections(self.settings))
        for name in [name for name in self._links if name not in wanted]:
            link = self._links.pop(name)
            if self._nursery is None:
                continue  # Nothing keeps it up yet.
            self._left.append(link)
            link.part(self.settings.response_timeout, self.settings.unbind_timeout)
        known = dict(self._links)
        self._links.clear()
        for name, mode in wanted.items():
            self._links[name] = known.get(name) or Link(self, name, mode, self._turns)
            if name not in known:
                before = [left for left in self._left if left.name == name]
                self._begin(self._keep, self._links[name], before)

    def _begin(self, task: Callable[..., Awaitable[None]], *arguments: object) -> None:
        # Before `run` there is nothing to begin beside: what is told here it finds.
        if self._nursery is not None:
            self._nursery.start_soon(task, *arguments)

    async def _keep(self, link: Link, before: list[Link]) -> None:
        """Once those of its name are gone: binds are known by their names."""
        for left in before:
            await left.gone.wait()
        self._left = [left for left in self._left if not left.gone.is_set()]
        await link.keep_up()

    async def _renew(self, scope: trio.CancelScope) -> None:
        """Make each bind anew; those that are not up are tried at once."""
        with scope:
            self.rebind()
            for link in list(self._links.values()):
                await link.renewed()

    def places(self) -> Iterator[Place]:
        """Those of its binds, whether there is one in them or not, in the order of `views`."""
        yield from self._links.values()
        yield from (link for link in self._left if link.bind is not None)
        yield from self._outbinds.taken()
