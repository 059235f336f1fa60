"""The parts of one running gateway: built from the settings, started in order, and stopped in the order that loses
nothing.

Stop order: HTTP, claiming, windows (bounded), unbind, receipts on disk, webhooks. The process around it, the store and
signals are daemon.py's, new settings reloading.py's.
"""

import logging
import random
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import trio

from gateway import metrics
from gateway.api.admin.desks import desks_of
from gateway.api.app import create_app
from gateway.api.carrier_states import states_of
from gateway.api.operators import create_operator_app
from gateway.carriers.fleet import Fleet
from gateway.carriers.traffic import Traffic
from gateway.console.build import add_console_to
from gateway.desk.draining import DrainingDesk
from gateway.flows.accept import Accept
from gateway.flows.alarms import Alarms
from gateway.flows.asking import Asking
from gateway.flows.campaign import Expand
from gateway.flows.explain import Explainer
from gateway.flows.health import Health
from gateway.flows.held_carriers import HeldCarriers
from gateway.flows.keyword_replies import KeywordReplies
from gateway.flows.notify import Notify
from gateway.flows.number_facts import NumberFacts, table_of
from gateway.flows.receive import Receive
from gateway.flows.send import Send
from gateway.flows.watch import Watch
from gateway.gauges import CarriersNow, Wires, gauges_of, waiting_of
from gateway.identifiers import Identifiers, now_ms
from gateway.metrics import Gauges
from gateway.metrics.beginnings import begin_series
from gateway.reloading import Parts, Reloading
from gateway.rules.quiet_hours import QuietHours
from gateway.rules.senders import NumberOwners
from gateway.serving.server import MOST_OPERATOR_CONNECTIONS, Limits, Server, most_connections, urls_of
from gateway.settings import Settings
from gateway.settings.types import EventType
from gateway.state_line import StateLine
from gateway.store.interface import StoreBusy, StoreFull
from gateway.store.policy import OPERATOR as NO_ACCOUNT
from gateway.store.policy import Policy, policy_of, shown
from gateway.store.sqlite import SqliteStore
from gateway.summary import Summary
from gateway.systemd import Notifier
from gateway.webhooks.addresses import ANY_ADDRESS, AddressGuard
from gateway.webhooks.client import Client

log = logging.getLogger("sluice.daemon")

HTTP, SUBMIT, OPERATOR = "http", "submit", "operator"
"""Names of the listeners: sections of the settings, and sockets of systemd's."""
DRAIN_LIMIT_SECONDS = 20.0
"""For answers of carriers to what is in flight."""
WEBHOOK_LIMIT_SECONDS = 5.0
"""For POSTs under way; what is not taken by then is told after the next start."""


@dataclass(slots=True, frozen=True)
class Running:
    """What a started daemon listens on (URLs, with the ports that were really taken)."""

    http: list[str]
    operator: list[str]
    submit: list[str] = field(default_factory=list)
    """For the calls that send alone."""


_LOOKUP_LIMIT_SECONDS = 10.0
"""As `lookup.timeout` at most: what is waited for is number_facts' matter."""


class House:
    """The parts of one running gateway."""

    def __init__(self, settings: Settings, store: SqliteStore, notifier: Notifier, path: Path | None = None) -> None:
        """`path`: of the configuration file, for reloads."""
        self.store = store
        self.parts: list[Callable[[Settings], None]] = []
        """Told of the settings of a reload, in this order, without a pause between them."""
        self.prepared: list[Callable[[Settings], Callable[[], None]]] = []
        """Asked in a thread, for what takes long to work out; what they give is called before `parts`."""
        ids = Identifiers(store.last_id())
        self.alarms = Alarms(store, settings.alerts)
        owners = _owners(settings)
        self.health = Health(
            settings,
            store,
            lambda: store.policy.tierings,
            self.alarms,
            waiting=lambda name: waiting_of(self.fleet.carriers.get(name)),
            halt=lambda name: self.send.halt(name),
        )
        store.on_ends(self.health.ended)
        self.send = Send(store, settings.lanes, hearing=self.health)
        receive = Receive(store, owners, ids, told=_told_of_inbound(settings), hearing=self.health)
        traffic = Traffic(self.send.open_feed, receive.deliver)
        self.fleet = Fleet(
            settings.carriers,
            traffic,
            self._heard_able,
            on_gone=store.carrier_gone,
            drain_seconds=DRAIN_LIMIT_SECONDS,
        )
        carriers = self.fleet.carriers
        self.held_carriers = HeldCarriers(store, self.health, self.fleet)
        self.asking = Asking(store, carriers.values())
        routes = {route.name for route in settings.routes}
        fastest, quiet = _fastest(settings), QuietHours(settings.countries, settings.lanes.values())
        self.expand = Expand(store, ids, routes, fastest=fastest, quiet=quiet, reroute=store.policy.reroute)
        client = Client(AddressGuard(settings.webhooks.allow_networks), timeout=settings.webhooks.timeout)
        self.notify = Notify(settings, store, client, now_ms, random.random)
        view = CarriersNow(carriers, self.health, self.held_carriers.holds)
        self.watch = Watch(settings, store, self.alarms, view.unable, self.health.counted, held=lambda: store.held_seen)
        store.on_ends(self.watch.ended)
        self._ask = Client(ANY_ADDRESS, timeout=_LOOKUP_LIMIT_SECONDS)
        facts = NumberFacts(settings.lookup, self._ask)
        self.accept = Accept(settings, store, ids, networks=facts)
        explainer = Explainer(settings, facts, states_of(view), store.policy.tierings)
        draining = DrainingDesk(store, end=lambda: signal.raise_signal(signal.SIGTERM))
        desks = desks_of(settings, store, view, self.held_carriers, draining)
        app = create_app(settings, self.accept, store, ids, view, explainer=explainer, draining=draining)
        self._closing = app.closing
        self.http = Server(app, ids, Limits(most_connections()), app.direct)
        parts = Parts(policy_for, self._learn, self.prepared, self.parts, self.alarms.tell)
        self.reloading = Reloading(path, settings, store, parts)
        wires = Wires(carriers)
        operator_app = create_operator_app(
            settings,
            store,
            ids,
            view,
            metrics.REGISTRY,
            wires,
            self.alarms,
            explainer=explainer,
            reloads=self.reloading,
            desks=desks,
        )
        self.console = add_console_to(operator_app, desks, settings, store, view, self.alarms)
        self.operator = Server(operator_app, ids, Limits(MOST_OPERATOR_CONNECTIONS))
        self.line = StateLine(notifier, view, store)
        self.summary = Summary(view, store)
        _begin_series(settings)
        self.gauges = Gauges(gauges_of(store, view, self.alarms.counts))
        # Carriers before those who look at them.
        self.prepared += [
            lambda new: self.fleet.prepare(new.carriers),
            *app.prepared,
            lambda new: partial(facts.reconfigure, new.lookup, table_of(new.lookup)),
            lambda new: partial(receive.reconfigure, _owners(new), _told_of_inbound(new)),
            self._prepare_expand,
        ]
        # One line for each part that minds a reload.
        self.parts += [
            _begin_series,
            *app.parts,
            *operator_app.parts,
            lambda new: explainer.reconfigure(new, store.policy.tierings),
            lambda new: client.reconfigure(AddressGuard(new.webhooks.allow_networks), new.webhooks.timeout),
            self.notify.reconfigure,
            self.send.reconfigure,
            lambda new: self.asking.reconfigure(carriers.values()),
            self.health.reconfigure,
            self.alarms.reconfigure,
            self.watch.reconfigure,
        ]

    def _heard_able(self, carrier: str, able: bool) -> None:
        self.health.able(carrier, able)
        if able:
            self.watch.heard_able(carrier)

    async def _learn(self, settings: Settings) -> None:
        """What is on disk of accounts that are new."""
        await self.accept.templates.learn(self.store, settings.accounts)

    def _prepare_expand(self, settings: Settings) -> Callable[[], None]:
        routes = {route.name for route in settings.routes}
        fastest, quiet = _fastest(settings), QuietHours(settings.countries, settings.lanes.values())
        return lambda: self.expand.reconfigure(routes, fastest, quiet, self.store.policy.reroute)

    async def start(self, nursery: trio.Nursery, sockets: dict[str, list[socket.socket]]) -> Running:
        """All parts; operators' calls last, for a reload among them needs the carriers to run."""
        await self.accept.templates.load(self.store)
        submit = urls_of(sockets[SUBMIT])
        public = await nursery.start(self.http.run, sockets[HTTP], sockets[SUBMIT])
        await nursery.start(self.send.run)
        await nursery.start(self.notify.run)
        await nursery.start(self._ask.run)
        await nursery.start(self.alarms.run)
        await nursery.start(self.health.run)
        await self.held_carriers.learn()
        await nursery.start(self.fleet.run)
        await nursery.start(self.asking.run)
        await nursery.start(self.expand.run)
        await nursery.start(self.watch.run)
        await nursery.start(self.reloading.run)
        nursery.start_soon(self.console.run)
        operator = await nursery.start(self.operator.run, sockets[OPERATOR])
        lean = f" submit={','.join(submit)}" if submit else ""
        log.info("listening http=%s%s operator=%s", ",".join(public), lean, ",".join(operator))
        return Running(public, operator, submit)

    async def stop(self) -> None:
        """In this order; each step has its own limit. Operators are answered to the very end: they may watch."""
        self.watch.stop()
        await self.reloading.stop()
        await self.line.stopping("answers the requests under way")
        for close in self._closing:
            close()
        self.http.stop.set()
        await self.http.ended.wait()
        await self.line.stopping("waits for carriers' answers")
        await self.fleet.drain(DRAIN_LIMIT_SECONDS)
        await self.line.stopping("writes the last receipts")
        await self._last_receipts()
        await self.line.stopping("waits for webhooks under way")
        left = await self.notify.stop(WEBHOOK_LIMIT_SECONDS)
        if left:
            log.warning("%d webhook deliveries under way are told again after the next start", left)
        await self.line.stopping("closes the store")

    async def _last_receipts(self) -> None:
        """On disk before the webhooks end, so that they are told if there is time."""
        try:
            await self.store.keep_alive()
        except (StoreBusy, StoreFull) as error:
            log.error("the store can't write while the daemon stops: %s", error)


def policy_for(settings: Settings) -> Policy:
    """All that the store has to know of the settings."""
    return replace(policy_of(settings), reply=KeywordReplies(settings), network_of=table_of(settings.lookup).of)


def _fastest(settings: Settings) -> dict[str, float]:
    """Messages a second of each account; 0: no limit."""
    return {name: account.limits.messages_per_second for name, account in settings.accounts.items()}


def _owners(settings: Settings) -> NumberOwners:
    return NumberOwners({name: account.senders for name, account in settings.accounts.items()})


def _begin_series(settings: Settings) -> None:
    operator = () if settings.operator.webhook is None else (shown(NO_ACCOUNT),)
    begin_series([*settings.accounts, *operator], settings.lanes, settings.carriers)


def _told_of_inbound(settings: Settings) -> frozenset[str]:
    """The accounts whose endpoints take inbound messages."""
    webhooks = {name: account.webhook for name, account in settings.accounts.items()}
    return frozenset(name for name, webhook in webhooks.items() if webhook and EventType.INBOUND in webhook.events)
