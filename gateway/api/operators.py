"""The operators' listener: /metrics and /healthz open, /admin under operator tokens: how things stand, and doubts.

The figures of /metrics are kept by the rooms that they are about (gateway/metrics.py).
"""

from collections.abc import Mapping
from typing import Any

from msgspec import json
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from quart import Response, request

from gateway import identifiers
from gateway.api import operator_views as views
from gateway.api.admin.asking import by, guarded, sight
from gateway.api.admin.backups import BackupCall
from gateway.api.admin.calls import calls_of
from gateway.api.alarms_call import AlarmCalls, AlarmsView, NoAlarms
from gateway.api.base import App, Handler, bare_app, json_response
from gateway.api.bodies import decode, read_json
from gateway.api.health import HealthChecks
from gateway.api.problem_types import NOT_AN_OBJECT, NOT_FOUND, NOT_IN_DOUBT
from gateway.api.problems import Problem, invalid_fields
from gateway.api.queries import paging, parameters
from gateway.api.reload_call import NothingToReload, ReloadCall, Reloads
from gateway.api.route_call import RouteCall
from gateway.api.tracing import Tracing
from gateway.carriers.trace import Wire
from gateway.desk.carriers_view import CarriersView
from gateway.desk.cursors import next_cursor
from gateway.desk.desks import Desks
from gateway.flows.explain import Explainer
from gateway.identifiers import Identifiers
from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.rules.timestamps import rfc3339
from gateway.rules.values import shown
from gateway.settings import Settings
from gateway.store.interface import Store

BODY_LIMIT = 64 * 1024
_OUTCOMES = ("sent", "resend", "unknown")


def create_operator_app(
    settings: Settings,
    store: Store,
    ids: Identifiers,
    carriers: CarriersView,
    registry: CollectorRegistry,
    wires: Mapping[str, Wire] | None = None,
    alarms: AlarmsView | None = None,
    *,
    explainer: Explainer,
    reloads: Reloads | None = None,
    desks: Desks,
) -> App:
    """The ASGI app for operators. Without an operator token in the settings, /admin stays closed.

    `wires`: of the carriers that can be traced, by name.
    """
    app = bare_app("sluice-operator", ids, BODY_LIMIT, is_operators=True)
    alarm_calls = AlarmCalls(store, alarms or NoAlarms())
    admin = _Admin(settings, store, desks, alarm_calls, started_at=identifiers.now_ms())
    calls: list[tuple[str, str, Handler]] = [
        ("GET", "/admin/status", admin.status),
        ("POST", "/admin/reload", ReloadCall(reloads or NothingToReload()).reload),
        ("GET", "/admin/carriers/<carrier>/trace", Tracing(store, wires or {}).trace),
        ("GET", "/admin/queues", admin.queues),
        ("GET", "/admin/doubts", admin.doubts),
        ("POST", "/admin/doubts/<id>/settle", admin.settle),
        ("GET", "/admin/parked", admin.parked),
        ("GET", "/admin/inbound/untold", admin.untold),
        ("GET", "/admin/route", RouteCall(explainer).route),
        ("GET", "/admin/alarms", alarm_calls.alarms),
        ("GET", "/admin/events", alarm_calls.events),
        ("POST", "/admin/events/<id>/replay", alarm_calls.replay),
        ("POST", "/admin/webhook/test", alarm_calls.test),
        ("POST", "/admin/webhook/enable", alarm_calls.enable),
        ("POST", "/admin/backups", BackupCall(store).taken),
        *calls_of(desks),
    ]
    for method, rule, handler in calls:
        app.add_url_rule(
            rule, f"{method} {rule}".replace(".", "_"), guarded(handler, desks.operators), methods=[method]
        )

    async def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    app.add_url_rule("/metrics", "metrics", metrics, methods=["GET"])
    app.add_url_rule("/healthz", "healthz", HealthChecks(store, carriers).healthz, methods=["GET"])
    app.parts = [desks.reconfigure, admin.reconfigure]
    return app


class _Admin:
    def __init__(self, settings: Settings, store: Store, desks: Desks, alarms: AlarmCalls, started_at: int) -> None:
        self._settings = settings
        self._store = store
        self._carriers = desks.carriers
        self._draining = desks.draining
        self._held = desks.held
        self._alarms = alarms
        self._started_at = started_at

    def reconfigure(self, settings: Settings) -> None:
        """Other settings."""
        self._settings = settings

    async def status(self) -> Response:
        return json_response(
            json.encode(
                {
                    "started_at": rfc3339(self._started_at),
                    "backlog": self._store.backlog(),
                    "backlog_limit": self._settings.store.backlog_limit,
                    "doubts": await self._store.doubts_count(),
                    **self._store.counts(),
                    "ready": sum(row.ready for row in self._store.queues()),
                    "draining": self._draining.begun(),
                    "carriers": self._carriers.all(),
                    "held": self._held.seen(),
                    "alarms": self._alarms.raised(),
                }
            )
        )

    async def queues(self) -> Response:
        return _page([views.queue(row) for row in self._store.queues()], None)

    async def doubts(self) -> Response:
        limit, cursor = paging(parameters(request, "limit", "cursor"))
        page = await self._store.doubts(limit=limit, cursor=cursor)
        return _page([views.doubt(row, sight()) for row in page.rows], page.next_cursor)

    async def settle(self, id: str) -> Response:  # noqa: A002 - the name in the path
        message = identifiers.internal(identifiers.MESSAGE, id)
        if message is None:
            raise Problem(
                NOT_FOUND, "This is no message's id; they begin with msg_. GET /admin/doubts lists those in doubt."
            )
        outcome = _outcome(decode(await read_json(request)))
        if not await self._store.settle_doubt(message, outcome, by=by()):
            raise Problem(NOT_IN_DOUBT, "No message with this id is in doubt.")
        return json_response(json.encode({"id": id, "outcome": outcome}))

    async def parked(self) -> Response:
        limit, cursor = paging(parameters(request, "limit", "cursor"))
        page = await self._store.parked(limit=limit, cursor=cursor)
        return _page([views.parked(row, sight()) for row in page.rows], page.next_cursor)

    async def untold(self) -> Response:
        limit, cursor = paging(parameters(request, "limit", "cursor"))
        page = await self._store.untold(limit=limit, cursor=cursor)
        return _page([views.untold(row, sight()) for row in page.rows], page.next_cursor)


def _page(entities: list[dict[str, Any]], cursor: int | None) -> Response:
    return json_response(json.encode({"entities": entities, "next_cursor": next_cursor(cursor)}))


def _outcome(body: Any) -> str:
    if not isinstance(body, dict):
        raise Problem(NOT_AN_OBJECT, 'Send an object such as {"outcome": "resend"}.')
    errors = ItemErrors()
    outcome = body.get("outcome")
    if outcome not in _OUTCOMES:
        code = FaultCode.WRONG_TYPE if "outcome" in body else FaultCode.MISSING
        errors.add("outcome", Fault(f"must be one of {', '.join(_OUTCOMES)}", code))
    for name in body:
        if name != "outcome":
            errors.add(shown(name), Fault("is not a field of this call; it takes outcome", FaultCode.UNKNOWN_FIELD))
    if errors.fields:
        raise invalid_fields(errors.fields, errors.codes, done="Nothing was settled")
    return str(outcome)
