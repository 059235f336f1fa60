"""/openapi.json: the OpenAPI 3.1 document, built from the table of operations, the structs and the examples."""

from functools import cache
from typing import Any

import msgspec

from gateway.api import problem_types
from gateway.api.campaigns.schemas import NewCampaign
from gateway.api.description.event_examples import (
    BATCH_EXAMPLE,
    CAMPAIGN_EXAMPLE,
    INBOUND_EXAMPLE,
    MESSAGE_EXAMPLES,
    OPT_OUT_EXAMPLE,
    TEST_EXAMPLE,
)
from gateway.api.description.event_schemas import (
    CampaignEvent,
    InboundEvent,
    MessageEvent,
    OptOutEvent,
    WebhookTestEvent,
)
from gateway.api.description.examples import EXAMPLES
from gateway.api.description.inbound_schemas import InboundMessage
from gateway.api.description.operation import Answer, Operation
from gateway.api.description.operations import OPERATIONS
from gateway.api.description.problem_examples import PROBLEM_EXAMPLES
from gateway.api.description.schemas import ListedMessage, MessageList, NewMessage, ProblemDocument
from gateway.api.problem_types import ProblemType
from gateway.api.problems import CONTENT_TYPE

_REFERENCE = "#/components/schemas/{name}"
_DESCRIPTION = (
    "SMS over SMPP carriers, by HTTP. A 2xx to a submission means that the message is on disk. Within v1, fields, "
    "events and codes are only added: ignore what you do not know. Every answer has a Request-Id. Every error is a "
    "problem document (RFC 9457)."
)
_HEADERS: dict[str, dict[str, Any]] = {
    "Request-Id": {"description": "Names this call in logs and to support.", "schema": {"type": "string"}},
    "Location": {"description": "The path of the message.", "schema": {"type": "string"}},
    "Idempotent-Replayed": {
        "description": "`true` where the answer is that of an earlier call with the same key.",
        "schema": {"const": "true"},
    },
    "Retry-After": {"description": "Seconds to wait before sending again.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "What kind of token is needed.", "schema": {"type": "string"}},
    "RateLimit-Policy": {
        "description": 'Of an account with limits: how much may be asked, such as `"requests";q=100;w=1`.',
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "Of an account with limits: what is left, and the seconds until it is whole again, such as "
        '`"requests";r=37;t=1`.',
        "schema": {"type": "string"},
    },
    "Allow": {"description": "The methods that the path takes.", "schema": {"type": "string"}},
}
_LIMITED = ("RateLimit-Policy", "RateLimit")
_WEBHOOK_HEADERS = {
    "webhook-id": "The same through every retry of the POST.",
    "webhook-timestamp": "Unix time of this try, in seconds; refuse it when it is more than five minutes off.",
    "webhook-signature": "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; one for each secret, with "
    "spaces between.",
}
"""Standard Webhooks."""
_WEBHOOK_ANSWERS = {
    "2XX": {"description": "Taken. The body is not read."},
    "410": {"description": "The endpoint is disabled; its events wait until POST /v1/webhook/enable."},
    "default": {"description": "Tried again later; `Retry-After` is kept to, up to an hour."},
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes a repeat safe: the first 2xx is given again, and nothing is done twice. Kept for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


@cache
def openapi_document() -> dict[str, Any]:
    """The whole document."""
    types = [
        ProblemDocument,
        MessageEvent,
        InboundEvent,
        CampaignEvent,
        OptOutEvent,
        WebhookTestEvent,
        InboundMessage,
        *{_identity(schema): schema for schema in _schemas()}.values(),
    ]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    by_type = {_identity(schema): described for schema, described in zip(types, schemas, strict=True)}
    components[NewCampaign.__name__]["anyOf"] = [{"required": [name]} for name in ("message", "text", "template")]
    either = {"anyOf": [_reference(ListedMessage), _reference(InboundMessage)]}
    components[MessageList.__name__]["properties"]["entities"]["items"] = either
    components[NewMessage.__name__]["anyOf"] = [{"required": [name]} for name in ("text", "message", "template")]
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sluice", "version": "1", "summary": "An SMPP gateway", "description": _DESCRIPTION},
        "paths": paths,
        "webhooks": _webhooks(),
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token of your account: `sk_...`"}
            },
            "headers": _HEADERS,
        },
        "security": [{"token": []}],
    }


def _webhooks() -> dict[str, Any]:
    """What is posted to endpoints: each type of event, and a batch of them."""
    events = {name: (MessageEvent, example) for name, example in MESSAGE_EXAMPLES.items()}
    others = {
        "message.inbound": (InboundEvent, INBOUND_EXAMPLE),
        "recipient.opt_out": (OptOutEvent, OPT_OUT_EXAMPLE),
        "campaign.completed": (CampaignEvent, CAMPAIGN_EXAMPLE),
        "webhook.test": (WebhookTestEvent, TEST_EXAMPLE),
    }
    kinds = [_reference(kind) for kind in (MessageEvent, *(kind for kind, _ in others.values()))]
    batch = {"type": "array", "minItems": 1, "items": {"anyOf": kinds}}
    found = {
        name: _webhook(f"The event `{name}`", _reference(kind), example)
        for name, (kind, example) in (events | others).items()
    }
    found["batch"] = _webhook("Several events, where the webhook has `batch` above 1", batch, BATCH_EXAMPLE)
    return found


def _webhook(summary: str, schema: dict[str, Any], example: Any) -> dict[str, Any]:
    headers = [
        {"name": name, "in": "header", "required": True, "description": description, "schema": {"type": "string"}}
        for name, description in _WEBHOOK_HEADERS.items()
    ]
    content = {"application/json": {"schema": schema, "example": example}}
    post = {
        "summary": summary,
        "security": [],
        "parameters": headers,
        "requestBody": {"required": True, "content": content},
        "responses": _WEBHOOK_ANSWERS,
    }
    return {"post": post}


def _reference(kind: type) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(name=kind.__name__)}


def _schemas() -> list[Any]:
    bodies = [operation.body for operation in OPERATIONS if operation.body is not None]
    answers = [answer for operation in OPERATIONS for answer in operation.answers]
    return bodies + [answer.schema for answer in answers if answer.schema is not None]


def _identity(schema: Any) -> str:
    return str(schema)


def _operation(operation: Operation, by_type: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {"operationId": operation.name, "summary": operation.summary}
    if operation.scope is None:
        described["security"] = []
    else:
        described["description"] = f"Needs a token with the scope `{operation.scope}`."
    parameters = _parameters(operation)
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None or operation.other_bodies:
        content: dict[str, Any] = {}
        if operation.body is not None:
            example = {"example": EXAMPLES[operation.name].request}
            content["application/json"] = {"schema": by_type[_identity(operation.body)], **example}
        for kind, text in operation.other_bodies.items():
            content[kind] = {"schema": {"type": "string"}, "example": text}
        described["requestBody"] = {"required": True, "content": content}
    described["responses"] = {
        **{str(answer.status): _success(operation, answer, by_type) for answer in operation.answers},
        **_failures(operation),
    }
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    found.extend(
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in ("id", "name", "number")
        if f"{{{name}}}" in operation.path
    )
    found.extend(
        {
            "name": parameter.name,
            "in": "query",
            "required": parameter.required,
            "description": parameter.description,
            "schema": parameter.schema,
        }
        for parameter in operation.query
    )
    if operation.keyed:
        found.append(_IDEMPOTENCY_KEY)
    return found


def _success(operation: Operation, answer: Answer, by_type: dict[str, Any]) -> dict[str, Any]:
    limited = () if operation.scope is None else _LIMITED
    headers = _header_references("Request-Id", *answer.headers, *limited)
    success = {"description": answer.description, "headers": headers}
    if answer.others:
        content = {kind: {"schema": {"type": "string"}, "example": text} for kind, text in answer.others.items()}
        return {**success, "content": content}
    if answer.schema is None:
        return success
    media = {"schema": by_type[_identity(answer.schema)], "example": EXAMPLES[operation.name].response}
    return {**success, "content": {"application/json": media}}


def _failures(operation: Operation) -> dict[str, Any]:
    kinds = [*operation.problems, problem_types.INTERNAL_ERROR]
    if operation.scope is not None:
        for_all = (problem_types.UNAUTHORIZED, problem_types.INSUFFICIENT_SCOPE, problem_types.ADDRESS_NOT_ALLOWED)
        kinds = [*for_all, *kinds, problem_types.TOO_MANY_REQUESTS]
    by_status: dict[int, list[ProblemType]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status, []).append(kind)
    return {str(status): _failure(status, by_status[status]) for status in sorted(by_status)}


def _failure(status: int, kinds: list[ProblemType]) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": {"$ref": _REFERENCE.format(name="ProblemDocument")}}
    media["examples"] = {kind.code: {"value": PROBLEM_EXAMPLES[kind.slug]} for kind in kinds}
    names = [
        "Request-Id",
        *{401: ["WWW-Authenticate"], 429: ["Retry-After", *_LIMITED], 503: ["Retry-After"]}.get(status, []),
    ]
    return {
        "description": " ".join(f"`{kind.code}`: {kind.title}." for kind in kinds),
        "headers": _header_references(*names),
        "content": {CONTENT_TYPE: media},
    }


def _header_references(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
