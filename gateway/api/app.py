"""The API for callers, put together: the calls of the table of operations behind their tokens, and the pages of docs.

Who serves it, and where, is the daemon's matter.
"""

from typing import Any, TypeAlias

from msgspec import json
from quart import Response, g, request
from quart_trio import QuartTrio
from werkzeug.routing import BaseConverter

from gateway.api.account.calls import AccountCall
from gateway.api.account.limits import LimitsOfAll
from gateway.api.base import App, Handler, bare_app, json_response
from gateway.api.campaigns.calls import Campaigns
from gateway.api.campaigns.uploads import PATH as CAMPAIGN_PATH
from gateway.api.campaigns.uploads import CampaignUploads
from gateway.api.consents import imports as consent_imports
from gateway.api.consents.calls import ConsentCalls
from gateway.api.description.docs_page import CONTENT_SECURITY_POLICY, docs_page
from gateway.api.description.openapi import openapi_document
from gateway.api.description.operation import Operation
from gateway.api.description.operations import OPERATIONS
from gateway.api.direct import Call, Direct
from gateway.api.health import HealthChecks
from gateway.api.lookups import Lookups
from gateway.api.message_lists import MessageLists
from gateway.api.outbox import Outbox
from gateway.api.preview import PreviewCall
from gateway.api.problem_types import VOICE_NOT_OFFERED
from gateway.api.problems import Problem
from gateway.api.repeats import Repeats
from gateway.api.stream.calls import StreamCalls
from gateway.api.stream.connection import StreamConnection
from gateway.api.submissions import Submissions
from gateway.api.templates.calls import TemplateCalls
from gateway.api.tokens import Grant, Tokens
from gateway.desk.carriers_view import CarriersView
from gateway.desk.draining import DrainingDesk
from gateway.flows.accept import Accept
from gateway.flows.accept_lines import AcceptLines
from gateway.flows.explain import Explainer
from gateway.flows.load_campaign import LoadCampaign
from gateway.flows.preview import Previews
from gateway.identifiers import Identifiers
from gateway.settings import Scope, Settings
from gateway.store.consents.interface import ConsentKind
from gateway.store.interface import Store

BULK_SLOTS = 8
"""Large bodies worked on at a time: enough that several share a commit, few enough that their memory is bounded."""


class _Id(BaseConverter):
    """An id in a path. Words that name calls are none, so a call that is not offered is a 404 rather than a 405."""

    regex = "(?!(?:sms|voice|bulk|preview|stream|replay|test|enable)(?:/|$))[^/]+"


def create_app(
    settings: Settings,
    accept: Accept,
    store: Store,
    ids: Identifiers,
    carriers: CarriersView,
    *,
    explainer: Explainer,
    draining: DrainingDesk,
) -> App:
    """The ASGI app for callers. `draining`: says when nothing new is taken."""
    app = bare_app("sluice", ids, settings.http.body_limit)
    app.url_map.converters["id"] = _Id
    tokens = Tokens(_grants(settings), settings.http.trusted_proxies)
    app.limits = limits = LimitsOfAll({name: account.limits for name, account in settings.accounts.items()}, store)
    submissions = Submissions(accept, settings.limits.bulk_items, BULK_SLOTS, draining)
    app.asgi_http_class = StreamConnection
    app.streams = streams = StreamCalls(AcceptLines(accept, store), settings, app.refusals, tokens, draining)
    repeats = Repeats(store)
    lookups, outbox, health = Lookups(store, repeats), Outbox(store, repeats), HealthChecks(store, carriers, draining)
    templates = TemplateCalls(store, accept.templates)
    campaigns = Campaigns(store, repeats)
    load = LoadCampaign(settings, store, ids, accept.templates, networks=accept.networks)
    uploads = CampaignUploads(settings, load, store, draining)
    previews, lists, account = (
        Previews(settings, accept, explainer),
        MessageLists(store, settings),
        AccountCall(settings, store, limits),
    )
    consents = _consents(settings, store)
    handlers: dict[str, Handler] = {
        "send": submissions.submit,
        "submit": submissions.submit,
        "submit_bulk": submissions.submit_bulk,
        "submit_stream": streams.submit_stream,
        "preview": PreviewCall(previews).preview,
        "list_messages": lists.list_messages,
        "get_message": lookups.get_message,
        "cancel": lookups.cancel,
        "delete": lookups.cancel,
        "submit_campaign": uploads.submit_campaign,
        "list_campaigns": campaigns.list_campaigns,
        "get_campaign": campaigns.get_campaign,
        "list_campaign_errors": campaigns.list_campaign_errors,
        "pause_campaign": campaigns.pause_campaign,
        "resume_campaign": campaigns.resume_campaign,
        "cancel_campaign": campaigns.cancel_campaign,
        "list_events": outbox.list_events,
        "replay_event": outbox.replay_event,
        "replay_events": outbox.replay_events,
        "get_webhook": outbox.get_webhook,
        "test_webhook": outbox.test_webhook,
        "enable_webhook": outbox.enable_webhook,
        "put_template": templates.put_template,
        "list_templates": templates.list_templates,
        "get_template": templates.get_template,
        "delete_template": templates.delete_template,
        **_consent_handlers(consents),
        "get_account": account.get_account,
        "healthz": health.healthz,
        "readyz": health.readyz,
    }
    for operation in OPERATIONS:
        view = _guarded(operation, handlers[operation.name], tokens, limits)
        rule = operation.path.replace("{id}", "<id:id>").replace("{name}", "<name>").replace("{number}", "<number>")
        app.add_url_rule(rule, operation.name, view, methods=[operation.method])
    app.add_url_rule("/v1/campaigns/voice", "refuse_voice", _voice(tokens, limits), methods=["POST"])
    app.streamed = frozenset({CAMPAIGN_PATH, *consent_imports.PATHS.values()})
    _add_documents(app)
    limit, timeout = settings.http.body_limit, app.config["BODY_TIMEOUT"]
    direct = Direct(_calls(submissions), tokens, ids, app.refusals, limits, body_limit=limit, body_timeout=timeout)
    app.direct, app.take = direct, direct.take
    app.closing = [streams.stop]
    app.prepared = [accept.prepare, load.prepare]
    app.parts = [
        lambda new: tokens.replace(_grants(new), new.http.trusted_proxies),
        lambda new: limits.reconfigure({name: account.limits for name, account in new.accounts.items()}),
        submissions.reconfigure,
        streams.reconfigure,
        uploads.reconfigure,
        previews.reconfigure,
        lists.reconfigure,
        account.reconfigure,
        *(calls.reconfigure for both in consents.values() for calls in both),
    ]
    return app


_Consents: TypeAlias = dict[ConsentKind, tuple[ConsentCalls, consent_imports.ConsentImports]]


def _consents(settings: Settings, store: Store) -> _Consents:
    """The calls about opt-outs and those about opt-ins."""
    return {
        kind: (ConsentCalls(kind, settings, store), consent_imports.ConsentImports(kind, settings, store))
        for kind in (ConsentKind.OPT_OUT, ConsentKind.OPT_IN)
    }


def _consent_handlers(consents: _Consents) -> dict[str, Handler]:
    handlers: dict[str, Handler] = {}
    for kind, name in ((ConsentKind.OPT_OUT, "opt_out"), (ConsentKind.OPT_IN, "opt_in")):
        calls, imports = consents[kind]
        handlers[f"put_{name}"], handlers[f"get_{name}"], handlers[f"delete_{name}"] = (
            calls.put,
            calls.get,
            calls.delete,
        )
        handlers[f"list_{name}s"], handlers[f"export_{name}s"] = calls.list_all, calls.export
        handlers[f"import_{name}s"] = imports.take
    return handlers


def _calls(submissions: Submissions) -> dict[str, Call]:
    """Those that are answered past the framework, by path."""
    one, bulk = (submissions.one, submissions.ask_one), (submissions.bulk, None)
    answers = {"send": one, "submit": one, "submit_bulk": bulk}
    calls = {}
    for operation in OPERATIONS:
        if operation.name in answers and operation.scope is not None:
            answer, ask = answers[operation.name]
            calls[operation.path] = Call(answer, operation.scope, ask)
    return calls


def _grants(settings: Settings) -> list[Grant]:
    return [
        Grant(token.sha256, name, frozenset(token.scopes), token.allow_from)
        for name, account in settings.accounts.items()
        for token in account.tokens
    ]


def _guarded(operation: Operation, handler: Handler, tokens: Tokens, limits: LimitsOfAll) -> Handler:
    """The call behind its token; handlers of such calls take the account's name first."""
    scope = operation.scope
    if scope is None:
        return handler

    async def view(**path: Any) -> Response:
        return await handler(_admitted(tokens, limits, scope), **path)

    return view


def _admitted(tokens: Tokens, limits: LimitsOfAll, scope: Scope) -> str:
    """Who calls, counted. Raises a Problem 401, 403 or 429."""
    account = g.account = tokens.owner(request, scope)
    limits.admit(account)
    return account


def _voice(tokens: Tokens, limits: LimitsOfAll) -> Handler:
    """POST /v1/campaigns/voice, which other gateways have."""

    async def view() -> Response:
        _admitted(tokens, limits, Scope.SEND)
        raise Problem(VOICE_NOT_OFFERED, "This gateway sends text messages: POST /v1/campaigns/sms.")

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
