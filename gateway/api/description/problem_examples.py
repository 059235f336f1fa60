"""An example of each problem document, for /openapi.json, the pages of docs/problems and those at /problems/TYPE."""

from typing import Any

from gateway.api import problem_types
from gateway.api.problem_types import ProblemType


def _of(kind: ProblemType, detail: str, **members: Any) -> dict[str, Any]:
    return {
        "type": f"/problems/{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "code": kind.code,
        "detail": detail,
        "retryable": kind.retryable,
        "request_id": "req_01KAK5Y7Q3P5S7V9X2Z4B6D8FG",
        **members,
    }


_PROBLEMS = [
    _of(
        problem_types.INVALID_FIELDS,
        "Nothing was accepted. Correct 1 field and send again.",
        fields={"schedule": ["is in the past"]},
        codes={"schedule": ["in_the_past"]},
    ),
    _of(problem_types.INVALID_JSON, "Line 1, column 20: expecting ',' delimiter."),
    _of(problem_types.NOT_AN_OBJECT, "Send one message as an object; send an array to /v1/sms/bulk."),
    _of(problem_types.NOT_AN_ARRAY, "Send the array itself, without the object around it: [{...}, {...}]."),
    _of(problem_types.TOO_MANY_ITEMS, "The array holds 501 messages; at most 500 go into one call.", limit=500),
    _of(problem_types.BODY_TOO_LARGE, "The body is larger than 4,194,304 bytes.", limit_bytes=4_194_304),
    _of(
        problem_types.UNSUPPORTED_MEDIA_TYPE,
        "The Content-Type must be application/json, not application/x-www-form-urlencoded.",
    ),
    _of(
        problem_types.INVALID_IDEMPOTENCY_KEY,
        "The Idempotency-Key has 300 characters; give it once, with 1 to 255 visible ASCII characters.",
    ),
    _of(
        problem_types.IDEMPOTENCY_KEY_REUSED,
        "This Idempotency-Key came before with another body or on another path. Nothing was done.",
    ),
    _of(
        problem_types.REQUEST_UNDER_WAY,
        "A campaign with this idempotency key is being loaded at this moment. Nothing was done.",
    ),
    _of(
        problem_types.CAMPAIGN_STATUS,
        "The campaign is completed, so it cannot be paused. Nothing was changed.",
        campaign_status="completed",
    ),
    _of(problem_types.UNAUTHORIZED, "The token is not valid."),
    _of(problem_types.INSUFFICIENT_SCOPE, "This call needs a token with the scope `send`."),
    _of(problem_types.NOT_FOUND, "This account has no message with this id."),
    _of(problem_types.NO_WEBHOOK, "No webhook is configured for this account."),
    _of(
        problem_types.CLIENT_ID_IN_USE,
        "Another message has this client_id. Nothing was accepted.",
        message_id="msg_01KAK5Y7Q4V8M3Z2T9N6C1XHRD",
    ),
    _of(problem_types.TOO_MANY_TEMPLATES, "The account has 1,000 templates, which are the most."),
    _of(
        problem_types.DUPLICATE,
        "The same text to this number was accepted moments ago. Nothing was accepted now.",
        message_id="msg_01KAK5Y7Q4V8M3Z2T9N6C1XHRD",
    ),
    _of(
        problem_types.TOO_MANY_REQUESTS,
        "The account may have 200 requests a second. Nothing was done. Send again after the time in Retry-After.",
        limit=200,
        limited_by="requests_per_second",
    ),
    _of(problem_types.ALREADY_SENT, "The message was put to a carrier already, or has ended. It was not canceled."),
    _of(
        problem_types.FIRST_ANSWER_ERASED,
        "This Idempotency-Key came before, and what was accepted then is no longer kept. Nothing was accepted now.",
    ),
    _of(problem_types.REQUEST_TIMEOUT, "The body did not arrive in time."),
    _of(
        problem_types.STORE_FULL,
        "The gateway can't take more messages at the moment. Nothing was accepted. Send again after the time in "
        "Retry-After.",
    ),
    _of(
        problem_types.STORE_BUSY,
        "The gateway can't store anything at the moment. Nothing was changed. Send again after the time in "
        "Retry-After, with the same Idempotency-Key.",
    ),
    _of(
        problem_types.NOT_READY,
        "The disk is full down to its reserve.",
        store="full",
        backlog="ok",
        carriers={"telco": "able"},
    ),
    _of(problem_types.INTERNAL_ERROR, "Something went wrong inside; it was logged with this request_id."),
    _of(problem_types.EMPTY_BULK, "Send at least one message."),
    _of(
        problem_types.TOO_MANY_RECIPIENTS,
        "There are more than 100,000 recipients, which are the most in one such body.",
        limit=100_000,
    ),
    _of(
        problem_types.ADDRESS_NOT_ALLOWED,
        "The request comes from 203.0.113.9, which is not among the networks of this token.",
    ),
    _of(problem_types.METHOD_NOT_ALLOWED, "This path takes GET, not POST."),
    _of(problem_types.NOT_IN_DOUBT, "No message with this id is in doubt."),
    _of(
        problem_types.INVALID_CONFIGURATION,
        "The configuration cannot be used. Nothing was changed.",
        problems=["/etc/sluice/sluice.toml: carriers.telco.window is 0; the least is 1"],
    ),
    _of(problem_types.VOICE_NOT_OFFERED, "This gateway sends text messages: POST /v1/campaigns/sms."),
    _of(problem_types.BAD_REQUEST, "Content-Length and Transfer-Encoding exclude each other."),
    _of(problem_types.HEAD_TOO_LARGE, "The request line and the headers have more than 16,384 bytes."),
    _of(problem_types.UNKNOWN_TRANSFER_CODING, "The Transfer-Encoding must be chunked."),
    _of(problem_types.TOO_MANY_UPLOADS, "Two campaigns of this account are being taken in. Send again later."),
    _of(problem_types.TOO_MANY_STREAMS, "Too many streams are open. Nothing was read."),
    _of(problem_types.STOPPING, "The gateway stops. Lines without an answer were not taken."),
    _of(
        problem_types.DRAINING,
        "The gateway takes no new messages: its operator has it finish what it has. Nothing was accepted.",
    ),
    _of(problem_types.TOO_MANY_CONNECTIONS, "Too many connections are open. Send again after the time in Retry-After."),
    _of(problem_types.UNKNOWN_HTTP_VERSION, "This is HTTP/1.1."),
]
PROBLEM_EXAMPLES: dict[str, dict[str, Any]] = {
    problem["type"].removeprefix("/problems/"): problem for problem in _PROBLEMS
}
