"""The desks put together, with the API's own looks of messages and campaigns: operators and accounts are told alike."""

from collections.abc import Iterable
from typing import Any

from msgspec import to_builtins

from gateway.api import timeline
from gateway.api.campaigns.views import campaign_of
from gateway.desk.audit import AuditDesk
from gateway.desk.campaigns import CampaignsDesk
from gateway.desk.carriers import CarriersDesk
from gateway.desk.carriers_view import CarriersView
from gateway.desk.desks import Desks
from gateway.desk.draining import DrainingDesk
from gateway.desk.endpoints import EndpointsDesk
from gateway.desk.events import EventsDesk
from gateway.desk.held import HeldDesk
from gateway.desk.messages import MessagesDesk
from gateway.desk.operators import Operators
from gateway.desk.opt_outs import OptOutsDesk
from gateway.desk.reconciliation.desk import ReconciliationDesk
from gateway.flows.held_carriers import HeldCarriers
from gateway.identifiers import now_ms
from gateway.settings import Settings
from gateway.store.campaigns.interface import CampaignRow, RecipientErrors
from gateway.store.interface import Store


def desks_of(
    settings: Settings, store: Store, carriers: CarriersView, held_carriers: HeldCarriers, draining: DrainingDesk
) -> Desks:
    """`draining`: what the calls that submit ask, too."""
    return Desks(
        operators=Operators(settings),
        messages=MessagesDesk(settings, store, carriers, timeline.plain),
        audit=AuditDesk(store),
        carriers=CarriersDesk(carriers, held_carriers, store),
        campaigns=CampaignsDesk(store, _campaign),
        endpoints=EndpointsDesk(store),
        events=EventsDesk(store),
        opt_outs=OptOutsDesk(settings, store),
        draining=draining,
        held=HeldDesk(store),
        reconciliation=ReconciliationDesk(settings, store),
    )


def _campaign(row: CampaignRow, errors: Iterable[RecipientErrors]) -> dict[str, Any]:
    found: dict[str, Any] = to_builtins(campaign_of(row, errors, now_ms()))
    return found
