"""The calls that the API takes, in one table: the app registers them, and /openapi.json describes them.

What a call does is in the file of its handler; what may come back beside its success is told by `problems`.
"""

from typing import Any, NamedTuple

from gateway.api import outbox_schemas, problems, schemas
from gateway.api.problems import ProblemType
from gateway.flows.preview import Preview
from gateway.settings import Scope


class Answer(NamedTuple):
    """A success."""

    status: int
    schema: Any
    description: str
    headers: tuple[str, ...] = ()


class Parameter(NamedTuple):
    name: str
    schema: dict[str, Any]
    description: str
    required: bool = False


class Operation(NamedTuple):
    name: str
    """operationId, and the name of the handler."""
    method: str
    path: str
    scope: Scope | None
    """None: open to anyone."""
    summary: str
    answers: tuple[Answer, ...]
    problems: tuple[ProblemType, ...] = ()
    body: Any = None
    query: tuple[Parameter, ...] = ()
    keyed: bool = False
    """Takes an Idempotency-Key."""


_BODY = (problems.INVALID_JSON, problems.UNSUPPORTED_MEDIA_TYPE, problems.BODY_TOO_LARGE, problems.REQUEST_TIMEOUT)
_KEYED = (
    problems.INVALID_IDEMPOTENCY_KEY,
    problems.IDEMPOTENCY_KEY_REUSED,
    problems.FIRST_ANSWER_ERASED,
    problems.STORE_FULL,
    problems.STORE_BUSY,
)
_ONE = (problems.INVALID_FIELDS, problems.NOT_AN_OBJECT, problems.CLIENT_ID_IN_USE, *_BODY, *_KEYED)
_BULK = (problems.NOT_AN_ARRAY, problems.EMPTY_BULK, problems.TOO_MANY_ITEMS, *_BODY, *_KEYED)
_ACCEPTED = (Answer(201, schemas.Message, "On disk, and on its way.", ("Location", "Idempotent-Replayed")),)
_CANCELED = (Answer(200, schemas.Canceled, "It will not be sent (also when it was canceled before)."),)
_ASKED = Answer(202, schemas.Canceled, "It was sent, and its carrier is asked by cancel_sm not to deliver it.")
_CANCEL_PROBLEMS = (problems.NOT_FOUND, problems.ALREADY_SENT, problems.STORE_BUSY)
_REPEATED = (problems.INVALID_IDEMPOTENCY_KEY, problems.IDEMPOTENCY_KEY_REUSED, problems.STORE_BUSY)
_AGAIN = ("Idempotent-Replayed",)

LIMIT = Parameter("limit", {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}, "Most entries of a page.")
CURSOR = Parameter("cursor", {"type": "string"}, "`next_cursor` of the page before.")
CLIENT_ID = Parameter(
    "client_id", {"type": "string", "maxLength": 40}, "The message with this id of yours.", required=True
)
EVENT_STATUS = Parameter(
    "status",
    {"type": "string", "examples": ["pending,failed"]},
    "Only events that stand so: `pending`, `delivered`, `failed`, several with commas.",
)

OPERATIONS = (
    Operation(
        "send",
        "POST",
        "/send",
        Scope.SEND,
        "Send one message: the three-line start",
        _ACCEPTED,
        _ONE,
        schemas.NewMessage,
        keyed=True,
    ),
    Operation(
        "submit", "POST", "/v1/sms", Scope.SEND, "Send one message", _ACCEPTED, _ONE, schemas.NewMessage, keyed=True
    ),
    Operation(
        "submit_bulk",
        "POST",
        "/v1/sms/bulk",
        Scope.SEND,
        "Send many messages, each on its own",
        (Answer(201, schemas.Bulk, "Each message was accepted or refused on its own.", ("Idempotent-Replayed",)),),
        _BULK,
        list[schemas.NewMessage],
        keyed=True,
    ),
    Operation(
        "preview",
        "POST",
        "/v1/sms/preview",
        Scope.SEND,
        "What would happen to a message: alphabet, parts, route and carriers. Nothing is sent",
        (Answer(200, Preview, "It would be taken, and so."),),
        (problems.INVALID_FIELDS, problems.NOT_AN_OBJECT, *_BODY),
        schemas.NewMessage,
    ),
    Operation(
        "list_messages",
        "GET",
        "/v1/sms",
        Scope.READ,
        "List messages, newest first",
        (Answer(200, schemas.MessageList, "One page."),),
        (problems.INVALID_FIELDS,),
        query=(CLIENT_ID, LIMIT, CURSOR),
    ),
    Operation(
        "get_message",
        "GET",
        "/v1/sms/{id}",
        Scope.READ,
        "One message with all that happened to it",
        (Answer(200, schemas.FullMessage, "The message."),),
        (problems.NOT_FOUND,),
    ),
    Operation(
        "cancel",
        "POST",
        "/v1/sms/{id}/cancel",
        Scope.SEND,
        "Cancel a message that is not sent yet, or ask its carrier to",
        (_CANCELED[0]._replace(headers=_AGAIN), _ASKED._replace(headers=_AGAIN)),
        (*_CANCEL_PROBLEMS, *_REPEATED[:2]),
        keyed=True,
    ),
    Operation(
        "delete",
        "DELETE",
        "/v1/sms/{id}",
        Scope.SEND,
        "Cancel a message: the same as POST /v1/sms/{id}/cancel",
        (*_CANCELED, _ASKED),
        _CANCEL_PROBLEMS,
    ),
    Operation(
        "list_events",
        "GET",
        "/v1/events",
        Scope.READ,
        "List events and how telling them goes, newest first",
        (Answer(200, outbox_schemas.EventList, "One page."),),
        (problems.INVALID_FIELDS,),
        query=(EVENT_STATUS, LIMIT, CURSOR),
    ),
    Operation(
        "replay_event",
        "POST",
        "/v1/events/{id}/replay",
        Scope.SEND,
        "Tell one event again",
        (Answer(202, outbox_schemas.Replayed, "It is pending again; 0: it was pending already.", _AGAIN),),
        (problems.NOT_FOUND, *_REPEATED),
        keyed=True,
    ),
    Operation(
        "replay_events",
        "POST",
        "/v1/events/replay",
        Scope.SEND,
        "Tell the events of a time range, or all that failed, again",
        (Answer(202, outbox_schemas.Replayed, "So many are pending again.", _AGAIN),),
        (problems.INVALID_FIELDS, problems.NOT_AN_OBJECT, *_BODY, *_REPEATED),
        outbox_schemas.ReplayRange,
        keyed=True,
    ),
    Operation(
        "get_webhook",
        "GET",
        "/v1/webhook",
        Scope.READ,
        "The health of the places that events go to",
        (Answer(200, outbox_schemas.EndpointList, "The account's own webhook first, then those of messages."),),
    ),
    Operation(
        "test_webhook",
        "POST",
        "/v1/webhook/test",
        Scope.SEND,
        "Post a `webhook.test` event to the account's webhook",
        (Answer(202, outbox_schemas.TestEvent, "It is on its way.", _AGAIN),),
        (problems.NO_WEBHOOK, *_REPEATED),
        keyed=True,
    ),
    Operation(
        "enable_webhook",
        "POST",
        "/v1/webhook/enable",
        Scope.SEND,
        "Post events again after the webhook had answered 410",
        (Answer(200, outbox_schemas.Enabled, "Events are posted again, those that waited first.", _AGAIN),),
        (problems.NO_WEBHOOK, *_REPEATED),
        keyed=True,
    ),
    Operation(
        "healthz",
        "GET",
        "/healthz",
        None,
        "Whether the process runs",
        (Answer(200, outbox_schemas.Health, "It runs."),),
    ),
    Operation(
        "readyz",
        "GET",
        "/readyz",
        None,
        "Whether a submission would be taken now",
        (Answer(200, outbox_schemas.Readiness, "They are."),),
        (problems.NOT_READY,),
    ),
)
