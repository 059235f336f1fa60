"""The closed list of what can go wrong with a call, as types of RFC 9457 problem documents.

Which call raises which is told by the files of the calls; /problems/TYPE explains each (description/problem_pages.py).
"""

from typing import NamedTuple


class ProblemType(NamedTuple):
    """One entry of the closed list. Its `code` is its slug with underscores, its page is /problems/SLUG."""

    slug: str
    status: int
    title: str
    retryable: bool
    """Whether the same call may succeed later without any change to it."""
    explanation: str
    """What it means and what to do: the text of its page."""

    @property
    def code(self) -> str:
        return self.slug.replace("-", "_")


INVALID_FIELDS = ProblemType(
    "invalid-fields",
    422,
    "Some fields are not valid",
    False,
    "`fields` says in words what is wrong with each field, `codes` says the same for programs. Nothing was done. "
    "Correct the fields and send again.",
)
INVALID_JSON = ProblemType(
    "invalid-json",
    400,
    "The body is not valid JSON",
    False,
    "`detail` gives the place of the first fault. Build the body with a JSON library rather than by joining strings.",
)
NOT_AN_OBJECT = ProblemType(
    "not-an-object",
    422,
    "The body must be one JSON object",
    False,
    "This call takes one object. Several messages go to /v1/sms/bulk as an array.",
)
NOT_AN_ARRAY = ProblemType(
    "not-an-array",
    422,
    "The body must be a JSON array",
    False,
    "A bulk is the array of messages itself: `[{...}, {...}]`, not an object that holds it.",
)
EMPTY_BULK = ProblemType(
    "empty-bulk",
    422,
    "The array holds no messages",
    False,
    "A bulk holds at least one message. Nothing was done: make no call where there is nothing to send.",
)
TOO_MANY_ITEMS = ProblemType(
    "too-many-items",
    413,
    "The array holds too many messages",
    False,
    "Nothing was accepted. Cut the array into several calls, each with an Idempotency-Key of its own.",
)
TOO_MANY_RECIPIENTS = ProblemType(
    "too-many-recipients",
    413,
    "There are too many recipients",
    False,
    "Nothing is sent. Upload larger campaigns as NDJSON or CSV, or make several of them, each with an idempotency key "
    "of its own.",
)
BODY_TOO_LARGE = ProblemType(
    "body-too-large", 413, "The body is too large", False, "Nothing was accepted. Send fewer messages in one call."
)
UNSUPPORTED_MEDIA_TYPE = ProblemType(
    "unsupported-media-type",
    415,
    "The body must be JSON",
    False,
    "Send `Content-Type: application/json` and the body in UTF-8, not compressed. curl says "
    "application/x-www-form-urlencoded unless told otherwise.",
)
INVALID_IDEMPOTENCY_KEY = ProblemType(
    "invalid-idempotency-key",
    422,
    "The Idempotency-Key is not valid",
    False,
    "A key has 1 to 255 visible ASCII characters, without spaces, and stands in one header. A UUID does well.",
)
IDEMPOTENCY_KEY_REUSED = ProblemType(
    "idempotency-key-reused",
    422,
    "The Idempotency-Key was used with another body",
    False,
    "The key belongs to an earlier call with another body or another path, so this one was not carried out. Take a new "
    "key for each new call, and the same key only to repeat a call byte for byte.",
)
REQUEST_UNDER_WAY = ProblemType(
    "request-under-way",
    409,
    "The first call with the idempotency key is still under way",
    True,
    "Its answer is not known yet. Send again after the time in `Retry-After`, with the same key: then it is given "
    "again.",
)
UNAUTHORIZED = ProblemType(
    "unauthorized",
    401,
    "A valid token is needed",
    False,
    "Send `Authorization: Bearer sk_...` with a token of your account. A token that was taken out of the configuration "
    "ends here too.",
)
INSUFFICIENT_SCOPE = ProblemType(
    "insufficient-scope",
    403,
    "The token may not do this",
    False,
    "`detail` names the scope that the call needs. Use a token that has it.",
)
ADDRESS_NOT_ALLOWED = ProblemType(
    "address-not-allowed",
    403,
    "The token may not be used from this address",
    False,
    "The token is limited to certain networks (`allow_from`). Call from one of them, or ask the operator to add yours. "
    "Behind a proxy, the operator must name it in http.trusted_proxies.",
)
NOT_FOUND = ProblemType(
    "not-found",
    404,
    "There is no such thing here",
    False,
    "Either the path is not one of this API (see /docs), or your account has nothing with this id. What is another "
    "account's is not found either.",
)
NO_WEBHOOK = ProblemType(
    "no-webhook",
    404,
    "The account has no webhook",
    False,
    "No endpoint is configured for this account. Ask the operator to add `webhook` to it.",
)
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed",
    405,
    "The path does not take this method",
    False,
    "The `Allow` header names the methods that it takes.",
)
REQUEST_TIMEOUT = ProblemType(
    "request-timeout",
    408,
    "The body did not arrive in time",
    True,
    "Nothing was accepted. Send again, over a better connection or with a smaller body.",
)
CLIENT_ID_IN_USE = ProblemType(
    "client-id-in-use",
    409,
    "The client_id belongs to another message",
    False,
    "`message_id` is the message that has it, so it was accepted before: look there for its state. Take a new "
    "client_id for a new message.",
)
DUPLICATE = ProblemType(
    "duplicate",
    409,
    "The same text went to this number moments ago",
    False,
    "The lane takes a text for a number once within its `duplicate_window`, 30 s for `otp`. `message_id` is the one "
    "that has it: look there for its state. Nothing was accepted. A message that ended without being sent stands in "
    "nobody's way.",
)
TOO_MANY_REQUESTS = ProblemType(
    "too-many-requests",
    429,
    "A limit of the account is reached",
    True,
    "Nothing was done. `limited_by` names the limit, and `limit` is how much it lets through: `requests_per_second` "
    "counts the calls with all tokens of the account, `messages_per_second` and `messages_per_day` what is accepted, "
    "`backlog` what waits for a free slot. Send again after the time in `Retry-After`, with the same Idempotency-Key. "
    "A call that holds more messages than a day or the backlog may have says `retryable: false` and no `Retry-After`: "
    "cut it into several. The headers `RateLimit-Policy` and `RateLimit` of every answer tell what is left.",
)
FIRST_ANSWER_ERASED = ProblemType(
    "first-answer-erased",
    409,
    "The first answer to the Idempotency-Key is no longer kept",
    False,
    "The call was carried out before, and messages that it accepted have been erased since, so its answer cannot be "
    "given again. Nothing was accepted. Take a new key only if the messages are to be sent once more.",
)
ALREADY_SENT = ProblemType(
    "already-sent",
    409,
    "The message is on its way or has ended",
    False,
    "It can be canceled before it is put to a carrier, and after that where the carrier takes cancel_sm. "
    "GET /v1/sms/{id} shows where it stands.",
)
TOO_MANY_TEMPLATES = ProblemType(
    "too-many-templates",
    409,
    "The account has too many templates",
    False,
    "Nothing was kept. Delete templates that are no longer used, or give what differs as variables.",
)
NOT_IN_DOUBT = ProblemType(
    "not-in-doubt",
    409,
    "The message is not in doubt",
    False,
    "It was settled already, by an answer, a receipt, its lane or somebody else. GET /admin/doubts lists what is.",
)
INVALID_CONFIGURATION = ProblemType(
    "invalid-configuration", 422, "The configuration cannot be used", False, "Nothing was changed. `problems` says why."
)
CAMPAIGN_STATUS = ProblemType(
    "campaign-status",
    409,
    "The campaign's status does not allow this",
    False,
    "`campaign_status` is where it stands. What runs or waits for its schedule can be paused, what is paused can be "
    "resumed, and what has not ended can be canceled, once it is loaded.",
)
VOICE_NOT_OFFERED = ProblemType(
    "voice-not-offered",
    501,
    "Voice is not offered",
    False,
    "This gateway sends text messages, by POST /v1/campaigns/sms. Nothing was done.",
)
BAD_REQUEST = ProblemType(
    "bad-request",
    400,
    "The request is not valid HTTP",
    False,
    "The request could not be read. Nothing was done. Let an HTTP library write it, and look at proxies in between.",
)
HEAD_TOO_LARGE = ProblemType(
    "head-too-large",
    431,
    "The head of the request is too large",
    False,
    "The request line and the headers together may have 16 KiB. Nothing was done. Send what is long in the body.",
)
UNKNOWN_TRANSFER_CODING = ProblemType(
    "unknown-transfer-coding",
    501,
    "The Transfer-Encoding is not known",
    False,
    "A body comes with a Content-Length, or in chunks (`Transfer-Encoding: chunked` alone). Nothing was done.",
)
INTERNAL_ERROR = ProblemType(
    "internal-error",
    500,
    "Something went wrong inside",
    True,
    "This is our fault. It is not known whether the call was carried out: repeat it with the same Idempotency-Key or "
    "client_id, which cannot send twice. If it comes again, tell the operator the request_id.",
)
STORE_FULL = ProblemType(
    "store-full",
    503,
    "No more messages can be taken now",
    True,
    "The gateway has no room for more. Nothing was accepted. Send again after the time in `Retry-After`.",
)
STORE_BUSY = ProblemType(
    "store-busy",
    503,
    "The store does not answer now",
    True,
    "The gateway can't store anything at the moment, or is about to stop. Nothing was changed. Send again after the "
    "time in `Retry-After`, with the same Idempotency-Key.",
)
TOO_MANY_UPLOADS = ProblemType(
    "too-many-uploads",
    503,
    "Too many campaigns are being taken in",
    True,
    "Nothing was accepted. An account may upload two at a time, and large JSON bodies are taken one after the other. "
    "Send again after the time in `Retry-After`.",
)
TOO_MANY_STREAMS = ProblemType(
    "too-many-streams", 503, "Too many streams are open", True, "Keep at most 32 open. Send again after `Retry-After`."
)
STOPPING = ProblemType(
    "stopping", 503, "The gateway stops", True, "Open another stream, and send again what has no answer."
)
DRAINING = ProblemType(
    "draining",
    503,
    "The gateway takes no new messages",
    True,
    "Send after the time in `Retry-After`, or elsewhere. What may have been accepted without your hearing of it, "
    "repeat here with its Idempotency-Key: it is answered as it was; lines of a stream are once the drain is over.",
)
TOO_MANY_CONNECTIONS = ProblemType(
    "too-many-connections",
    503,
    "Too many connections are open",
    True,
    "Nothing was read of the request. Keep a few connections open rather than make one for each call, and send again "
    "after the time in `Retry-After`.",
)
NOT_READY = ProblemType(
    "not-ready",
    503,
    "No messages are taken now",
    True,
    "The gateway runs but would refuse a submission now: `store` is `unavailable` (no writes) or `full` (the disk), or "
    "`backlog` is `full`, or an operator has it drain (`draining`). Send traffic elsewhere.",
)
UNKNOWN_HTTP_VERSION = ProblemType(
    "unknown-http-version",
    505,
    "The version of HTTP is not spoken here",
    False,
    "HTTP/1.1 and 1.0 are. A proxy in front may speak others. Nothing was done.",
)

TYPES: dict[str, ProblemType] = {
    value.slug: value for value in list(globals().values()) if isinstance(value, ProblemType)
}
