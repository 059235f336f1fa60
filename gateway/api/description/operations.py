"""The calls that the API takes, in one table: the app registers them, and /openapi.json describes them.

What a call does is in the file of its handler; what may come back beside its success is told by `problems`.
"""

from gateway.api import problem_types
from gateway.api.account import schemas as account_schemas
from gateway.api.campaigns.operations import CAMPAIGN_OPERATIONS
from gateway.api.consents.operations import CONSENT_OPERATIONS
from gateway.api.description import outbox_schemas, schemas
from gateway.api.description.filter_parameters import EVENT_FILTERS, MESSAGE_FILTERS
from gateway.api.description.operation import AGAIN, BODY, CURSOR, LIMIT, REPEATED, Answer, Operation, Parameter
from gateway.api.description.stream_examples import STREAM_ANSWERS, STREAM_LINES
from gateway.api.templates import schemas as template_schemas
from gateway.flows.preview import Preview
from gateway.settings import Scope

_KEYED = (
    problem_types.INVALID_IDEMPOTENCY_KEY,
    problem_types.IDEMPOTENCY_KEY_REUSED,
    problem_types.FIRST_ANSWER_ERASED,
    problem_types.STORE_FULL,
    problem_types.STORE_BUSY,
    problem_types.DRAINING,
)
_ONE = (
    problem_types.INVALID_FIELDS,
    problem_types.NOT_AN_OBJECT,
    problem_types.CLIENT_ID_IN_USE,
    problem_types.DUPLICATE,
    *BODY,
    *_KEYED,
)
_BULK = (
    problem_types.INVALID_FIELDS,
    problem_types.NOT_AN_ARRAY,
    problem_types.EMPTY_BULK,
    problem_types.TOO_MANY_ITEMS,
    *BODY,
    *_KEYED,
)
_STREAM = (
    problem_types.INVALID_FIELDS,
    problem_types.UNSUPPORTED_MEDIA_TYPE,
    problem_types.INVALID_IDEMPOTENCY_KEY,
    problem_types.TOO_MANY_STREAMS,
    problem_types.STOPPING,
    problem_types.DRAINING,
)
_STREAM_WORDS = (
    "A line for each line, in their order, while the body is still being sent: `entity`, on disk, or `error`. "
    "A last line `closing` where the gateway ends it."
)
_ACCEPTED = (Answer(201, schemas.Message, "On disk, and on its way.", ("Location", "Idempotent-Replayed")),)
_CANCELED = (Answer(200, schemas.Canceled, "It will not be sent (also when it was canceled before)."),)
_ASKED = Answer(202, schemas.Canceled, "It was sent, and its carrier is asked by cancel_sm not to deliver it.")
_CANCEL_PROBLEMS = (problem_types.NOT_FOUND, problem_types.ALREADY_SENT, problem_types.STORE_BUSY)

FLAG_DUPLICATES = Parameter(
    "flag_duplicates",
    {"type": "boolean", "default": False},
    "Tell of each message that says the same to the same number as one before it; they are sent all the same.",
)

FIRST_LINE = Parameter(
    "first_line",
    {"type": "integer", "minimum": 1, "default": 1},
    "The number of the first line: of one that had no answer yet, where a stream goes on under its Idempotency-Key.",
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
        query=(FLAG_DUPLICATES,),
        keyed=True,
    ),
    Operation(
        "submit_stream",
        "POST",
        "/v1/sms/stream",
        Scope.SEND,
        "Send messages line by line over one long request, each answered once it is on disk",
        (Answer(200, None, _STREAM_WORDS, others={"application/x-ndjson": STREAM_ANSWERS}),),
        _STREAM,
        query=(FIRST_LINE,),
        keyed=True,
        other_bodies={"application/x-ndjson": STREAM_LINES},
    ),
    Operation(
        "preview",
        "POST",
        "/v1/sms/preview",
        Scope.SEND,
        "What would happen to a message: alphabet, parts, route and carriers. Nothing is sent",
        (Answer(200, Preview, "It would be taken, and so."),),
        (problem_types.INVALID_FIELDS, problem_types.NOT_AN_OBJECT, *BODY),
        schemas.NewMessage,
    ),
    Operation(
        "list_messages",
        "GET",
        "/v1/sms",
        Scope.READ,
        "List messages, newest first; with `direction=inbound` those that came in",
        (Answer(200, schemas.MessageList, "One page; it may be short and yet have a `next_cursor`."),),
        (problem_types.INVALID_FIELDS,),
        query=(*MESSAGE_FILTERS, LIMIT, CURSOR),
    ),
    Operation(
        "get_message",
        "GET",
        "/v1/sms/{id}",
        Scope.READ,
        "One message with all that happened to it",
        (Answer(200, schemas.FullMessage, "The message."),),
        (problem_types.NOT_FOUND,),
    ),
    Operation(
        "cancel",
        "POST",
        "/v1/sms/{id}/cancel",
        Scope.SEND,
        "Cancel a message that is not sent yet, or ask its carrier to",
        (_CANCELED[0]._replace(headers=AGAIN), _ASKED._replace(headers=AGAIN)),
        (*_CANCEL_PROBLEMS, *REPEATED[:2]),
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
    *CAMPAIGN_OPERATIONS,
    *CONSENT_OPERATIONS,
    Operation(
        "list_events",
        "GET",
        "/v1/events",
        Scope.READ,
        "List events and how telling them goes, newest first",
        (Answer(200, outbox_schemas.EventList, "One page; it may be short and yet have a `next_cursor`."),),
        (problem_types.INVALID_FIELDS,),
        query=(*EVENT_FILTERS, LIMIT, CURSOR),
    ),
    Operation(
        "replay_event",
        "POST",
        "/v1/events/{id}/replay",
        Scope.SEND,
        "Tell one event again",
        (Answer(202, outbox_schemas.Replayed, "It is pending again; 0: it was pending already.", AGAIN),),
        (problem_types.NOT_FOUND, *REPEATED),
        keyed=True,
    ),
    Operation(
        "replay_events",
        "POST",
        "/v1/events/replay",
        Scope.SEND,
        "Tell the events of a time range, or all that failed, again",
        (Answer(202, outbox_schemas.Replayed, "So many are pending again.", AGAIN),),
        (problem_types.INVALID_FIELDS, problem_types.NOT_AN_OBJECT, *BODY, *REPEATED),
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
        (Answer(202, outbox_schemas.TestEvent, "It is on its way.", AGAIN),),
        (problem_types.NO_WEBHOOK, *REPEATED),
        keyed=True,
    ),
    Operation(
        "enable_webhook",
        "POST",
        "/v1/webhook/enable",
        Scope.SEND,
        "Post events again after the webhook had answered 410",
        (Answer(200, outbox_schemas.Enabled, "Events are posted again, those that waited first.", AGAIN),),
        (problem_types.NO_WEBHOOK, *REPEATED),
        keyed=True,
    ),
    Operation(
        "put_template",
        "PUT",
        "/v1/templates/{name}",
        Scope.SEND,
        "Keep a template under a name, in the place of the one that was there",
        (
            Answer(201, template_schemas.Template, "It is kept.", ("Location",)),
            Answer(200, template_schemas.Template, "It is kept in the place of an earlier one."),
        ),
        (
            problem_types.INVALID_FIELDS,
            problem_types.NOT_AN_OBJECT,
            problem_types.TOO_MANY_TEMPLATES,
            problem_types.STORE_BUSY,
            *BODY,
        ),
        template_schemas.NewTemplate,
    ),
    Operation(
        "list_templates",
        "GET",
        "/v1/templates",
        Scope.READ,
        "List templates by name",
        (Answer(200, template_schemas.TemplateList, "One page."),),
        (problem_types.INVALID_FIELDS,),
        query=(LIMIT, CURSOR),
    ),
    Operation(
        "get_template",
        "GET",
        "/v1/templates/{name}",
        Scope.READ,
        "One template",
        (Answer(200, template_schemas.Template, "The template."),),
        (problem_types.NOT_FOUND,),
    ),
    Operation(
        "delete_template",
        "DELETE",
        "/v1/templates/{name}",
        Scope.SEND,
        "Forget a template; messages and campaigns that were made of it stay as they are",
        (Answer(204, None, "It is gone."),),
        (problem_types.NOT_FOUND, problem_types.STORE_BUSY),
    ),
    Operation(
        "get_account",
        "GET",
        "/v1/account",
        Scope.READ,
        "How the account is set up, what it may ask and what it has asked",
        (Answer(200, account_schemas.Account, "The account."),),
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
        (problem_types.NOT_READY,),
    ),
)
