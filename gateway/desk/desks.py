"""All desks of one gateway together, as its calls and its console ask them."""

from dataclasses import dataclass

from gateway.desk.audit import AuditDesk
from gateway.desk.campaigns import CampaignsDesk
from gateway.desk.carriers import CarriersDesk
from gateway.desk.draining import DrainingDesk
from gateway.desk.endpoints import EndpointsDesk
from gateway.desk.events import EventsDesk
from gateway.desk.held import HeldDesk
from gateway.desk.messages import MessagesDesk
from gateway.desk.operators import Operators
from gateway.desk.opt_outs import OptOutsDesk
from gateway.desk.reconciliation.desk import ReconciliationDesk
from gateway.settings import Settings


@dataclass(slots=True)
class Desks:
    """Who may ask, and what is asked."""

    operators: Operators
    messages: MessagesDesk
    audit: AuditDesk
    carriers: CarriersDesk
    campaigns: CampaignsDesk
    endpoints: EndpointsDesk
    events: EventsDesk
    opt_outs: OptOutsDesk
    draining: DrainingDesk
    held: HeldDesk
    reconciliation: ReconciliationDesk

    def reconfigure(self, settings: Settings) -> None:
        """Other settings."""
        self.operators.reconfigure(settings)
        self.messages.reconfigure(settings)
        self.opt_outs.reconfigure(settings)
        self.reconciliation.reconfigure(settings)
