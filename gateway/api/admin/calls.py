"""The calls of /admin that stand on the desks, as a table: method, path, handler."""

from gateway.api.admin.audit import AuditCall
from gateway.api.admin.campaigns import CampaignCalls
from gateway.api.admin.carriers import CarrierCalls
from gateway.api.admin.draining import DrainCalls
from gateway.api.admin.held import HeldCalls
from gateway.api.admin.messages import MessageCalls
from gateway.api.admin.opt_outs import OptOutCalls
from gateway.api.admin.reconciliation import ReconciliationCall
from gateway.api.admin.telling import EndpointCalls, OutboxCalls
from gateway.api.base import Handler
from gateway.desk.desks import Desks

AdminCalls = list[tuple[str, str, Handler]]


def calls_of(desks: Desks) -> AdminCalls:
    """Each behind the token that the app asks for."""
    carriers, drain = CarrierCalls(desks.carriers), DrainCalls(desks.draining)
    messages, campaigns = MessageCalls(desks.messages), CampaignCalls(desks.campaigns)
    return [
        ("GET", "/admin/messages", messages.search),
        ("GET", "/admin/messages/<id>", messages.story),
        ("POST", "/admin/messages/<id>/reveal", messages.reveal),
        ("POST", "/admin/messages/<id>/cancel", messages.cancel),
        ("POST", "/admin/messages/<id>/replay", messages.replay),
        ("GET", "/admin/audit", AuditCall(desks.audit).audit),
        ("GET", "/admin/carriers", carriers.list_carriers),
        ("POST", "/admin/carriers/<carrier>/pause", carriers.pause),
        ("POST", "/admin/carriers/<carrier>/drain", carriers.drain),
        ("POST", "/admin/carriers/<carrier>/resume", carriers.resume),
        ("POST", "/admin/carriers/<carrier>/rebind", carriers.rebind),
        ("GET", "/admin/campaigns", campaigns.list_campaigns),
        ("GET", "/admin/campaigns/<id>", campaigns.get_campaign),
        ("POST", "/admin/campaigns/<id>/pause", campaigns.pause),
        ("POST", "/admin/campaigns/<id>/resume", campaigns.resume),
        ("POST", "/admin/campaigns/<id>/cancel", campaigns.cancel),
        *_telling(desks),
        *_opt_outs(desks),
        *_held(desks),
        ("GET", "/admin/reconciliation", ReconciliationCall(desks.reconciliation).reconciliation),
        ("GET", "/admin/drain", drain.state),
        ("POST", "/admin/drain", drain.start),
        ("DELETE", "/admin/drain", drain.stop),
        ("POST", "/admin/stop", drain.end),
    ]


def _telling(desks: Desks) -> AdminCalls:
    endpoints, outbox = EndpointCalls(desks.endpoints), OutboxCalls(desks.events)
    return [
        ("GET", "/admin/endpoints", endpoints.list_endpoints),
        ("POST", "/admin/endpoints/<int:id>/enable", endpoints.enable),
        ("POST", "/admin/endpoints/<int:id>/replay", endpoints.replay),
        ("GET", "/admin/outbox", outbox.list_events),
        ("POST", "/admin/outbox/<id>/replay", outbox.replay),
    ]


def _opt_outs(desks: Desks) -> AdminCalls:
    opt_outs = OptOutCalls(desks.opt_outs)
    return [
        ("GET", "/admin/opt-outs/<account>", opt_outs.list_opt_outs),
        ("GET", "/admin/opt-outs/<account>/<number>", opt_outs.get),
        ("PUT", "/admin/opt-outs/<account>/<number>", opt_outs.put),
        ("DELETE", "/admin/opt-outs/<account>/<number>", opt_outs.delete),
    ]


def _held(desks: Desks) -> AdminCalls:
    held = HeldCalls(desks.held)
    return [
        ("GET", "/admin/held", held.held),
        ("GET", "/admin/held/messages", held.messages),
        ("POST", "/admin/held/release", held.release),
        ("POST", "/admin/held/end", held.end),
    ]
