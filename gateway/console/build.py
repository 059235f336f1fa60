"""The console put together: its pages over the desks, and the task that samples for its live page."""

from functools import partial
from typing import Protocol

from gateway.api.alarms_call import AlarmsView
from gateway.api.base import App
from gateway.console.amiss import Amiss
from gateway.console.app import Console
from gateway.console.frame import Frame, Pages
from gateway.console.live.sampler import Sampler, Sources
from gateway.console.live.stream import LivePages
from gateway.console.pages.audit import AuditPages
from gateway.console.pages.campaigns import CampaignsPages
from gateway.console.pages.carriers import CarriersPages
from gateway.console.pages.doubts import DoubtsPages
from gateway.console.pages.held import HeldPages
from gateway.console.pages.message import MessagePages
from gateway.console.pages.messages import MessagesPages
from gateway.console.pages.opt_outs import OptOutsPages
from gateway.console.pages.overview import OverviewPages, amiss_rendered
from gateway.console.pages.webhooks import WebhooksPages
from gateway.desk.carriers_view import CarriersView
from gateway.desk.desks import Desks
from gateway.settings import Settings
from gateway.store.interface import Store


class WatchedStore(Store, Protocol):
    """With what is kept for gauges."""

    @property
    def doubts_seen(self) -> int: ...


def add_console_to(
    app: App, desks: Desks, settings: Settings, store: WatchedStore, carriers: CarriersView, alarms: AlarmsView
) -> Sampler:
    """Put all of /console into the operators' app; whose `run` is a task of the house."""
    amiss = Amiss(store, alarms, carriers.carriers, desks.held.seen, lambda: desks.draining.is_draining)
    console = Console(app, settings, desks.operators, amiss.notices)
    render = partial(amiss_rendered, console.templates)
    sampler = Sampler(settings, Sources(store.queues, store.queue_ages, carriers.carriers, amiss.findings, render))
    app.parts.append(sampler.reconfigure)
    console.add(
        [
            OverviewPages(console.frame, sampler, amiss),
            LivePages(sampler, console.guard.goes_on),
            *_of_messages(console.frame, app, desks, settings, store),
            *_of_work(console.frame, desks),
        ]
    )
    return sampler


def _of_messages(frame: Frame, app: App, desks: Desks, settings: Settings, store: Store) -> list[Pages]:
    messages = MessagesPages(frame, desks.messages, settings)
    app.parts.append(messages.reconfigure)
    return [
        messages,
        MessagePages(frame, desks.messages),
        DoubtsPages(frame, store),
        AuditPages(frame, desks.audit),
    ]


def _of_work(frame: Frame, desks: Desks) -> list[Pages]:
    return [
        CarriersPages(frame, desks.carriers),
        CampaignsPages(frame, desks.campaigns),
        WebhooksPages(frame, desks.endpoints, desks.events),
        OptOutsPages(frame, desks.opt_outs),
        HeldPages(frame, desks.held),
    ]
