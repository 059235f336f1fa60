"""The API for callers, put together: the calls of the table of operations behind their tokens, and the pages of docs.

Who serves it, and where, is the daemon's matter.
"""

from typing import Any

from msgspec import json
from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.routing import BaseConverter

from gateway.api.base import Handler, bare_app, json_response
from gateway.api.carriers_view import CarriersView
from gateway.api.direct import Call, Direct
from gateway.api.docs_page import CONTENT_SECURITY_POLICY, docs_page
from gateway.api.health import HealthChecks
from gateway.api.lookups import Lookups
from gateway.api.openapi import openapi_document
from gateway.api.operations import OPERATIONS, Operation
from gateway.api.outbox import Outbox
from gateway.api.preview import PreviewCall
from gateway.api.repeats import Repeats
from gateway.api.submissions import Submissions
from gateway.api.tokens import Grant, Tokens
from gateway.flows.accept import Accept
from gateway.flows.preview import Previews
from gateway.identifiers import Identifiers
from gateway.settings import Settings
from gateway.store.interface import Store

BULK_SLOTS = 8
"""Large bodies worked on at a time: enough that several share a commit, few enough that their memory is bounded."""


class _Id(BaseConverter):
    """An id in a path. Words that name calls are none, so a call that is not offered is a 404 rather than a 405."""

    regex = "(?!(?:bulk|preview|stream|replay|test|enable)(?:/|$))[^/]+"


def create_app(
    settings: Settings,
    accept: Accept,
    store: Store,
    ids: Identifiers,
    carriers: CarriersView,
    *,
    bulk_slots: int = BULK_SLOTS,
) -> QuartTrio:
    """The ASGI app for callers."""
    app = bare_app("sluice", ids, settings.http.body_limit)
    app.url_map.converters["id"] = _Id
    tokens = _tokens(settings)
    submissions = Submissions(accept, settings.limits.bulk_items, bulk_slots)
    repeats = Repeats(store)
    lookups, outbox, health = Lookups(store, repeats), Outbox(store, repeats), HealthChecks(store, carriers)
    handlers: dict[str, Handler] = {
        "send": submissions.submit,
        "submit": submissions.submit,
        "submit_bulk": submissions.submit_bulk,
        "preview": PreviewCall(Previews(settings, accept)).preview,
        "list_messages": lookups.list_messages,
        "get_message": lookups.get_message,
        "cancel": lookups.cancel,
        "delete": lookups.cancel,
        "list_events": outbox.list_events,
        "replay_event": outbox.replay_event,
        "replay_events": outbox.replay_events,
        "get_webhook": outbox.get_webhook,
        "test_webhook": outbox.test_webhook,
        "enable_webhook": outbox.enable_webhook,
        "healthz": health.healthz,
        "readyz": health.readyz,
    }
    for operation in OPERATIONS:
        view = _guarded(operation, handlers[operation.name], tokens)
        rule = operation.path.replace("{id}", "<id:id>")
        app.add_url_rule(rule, operation.name, view, methods=[operation.method])
    _add_documents(app)
    limit, timeout = settings.http.body_limit, app.config["BODY_TIMEOUT"]
    direct = Direct(_calls(submissions), tokens, ids, app.refusals, body_limit=limit, body_timeout=timeout)
    app.take = direct.take
    return app


def _calls(submissions: Submissions) -> dict[str, Call]:
    """Those that are answered past the framework, by path."""
    answers = {"send": submissions.one, "submit": submissions.one, "submit_bulk": submissions.bulk}
    return {
        operation.path: Call(answers[operation.name], operation.scope)
        for operation in OPERATIONS
        if operation.name in answers and operation.scope is not None
    }


def _tokens(settings: Settings) -> Tokens:
    grants = [
        Grant(token.sha256, name, frozenset(token.scopes), token.allow_from)
        for name, account in settings.accounts.items()
        for token in account.tokens
    ]
    return Tokens(grants, settings.http.trusted_proxies)


def _guarded(operation: Operation, handler: Handler, tokens: Tokens) -> Handler:
    """The call behind its token; handlers of such calls take the account's name first."""
    scope = operation.scope
    if scope is None:
        return handler

    async def view(**path: Any) -> Response:
        return await handler(tokens.owner(request, scope), **path)

    return view


def _add_documents(app: QuartTrio) -> None:
    document = openapi_document()
    rendered = json.encode(document)
    page = docs_page(document)
    kept = {"Cache-Control": "max-age=300"}

    async def openapi() -> Response:
        return json_response(rendered, headers=kept)

    async def docs() -> Response:
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, **kept}
        return Response(page, headers=headers, content_type="text/html; charset=utf-8")

    app.add_url_rule("/openapi.json", "openapi", openapi, methods=["GET"])
    app.add_url_rule("/docs", "docs", docs, methods=["GET"])
