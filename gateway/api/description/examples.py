"""The examples of /openapi.json: what callers send and get. A test holds each against its schema and the calls to them.

Ids and times are made up; the order of the keys is the order in the answers.
"""

from typing import Any, NamedTuple

from gateway.api.account.examples import ACCOUNT
from gateway.api.campaigns.examples import CAMPAIGN_EXAMPLES
from gateway.api.consents.examples import CONSENT_EXAMPLES
from gateway.api.templates.examples import TEMPLATE_EXAMPLES


class Example(NamedTuple):
    request: Any
    response: Any


_ID = "msg_01KAK5Y7Q4V8M3Z2T9N6C1XHRD"
EVENT_ID = "evt_01KAK5YBR0C3W8D1F6H9J2K4MN"
_REQUEST_ID = "req_01KAK5Y7Q3P5S7V9X2Z4B6D8FG"
_CREATED_AT = "2026-11-21T18:04:05.123Z"
_SENT_AT = "2026-11-21T18:04:06.310Z"
_DONE_AT = "2026-11-21T18:04:09.481Z"
_CURSOR = "cur_01KAK5Y7Q4V8M3Z2T9N6C1XHRD"

_MESSAGE: dict[str, Any] = {
    "id": _ID,
    "client_id": "order-8841",
    "status": "queued",
    "from": "SHOP",
    "to": "+34600000001",
    "text": "Your code is 1234",
    "lane": "transactional",
    "encoding": "gsm7",
    "segments": 1,
    "allow_unicode": False,
    "campaign_id": None,
    "tag": None,
    "schedule": None,
    "expires_at": "2026-11-22T18:04:05.123Z",
    "created_at": _CREATED_AT,
}

_ITEM_ERROR: dict[str, Any] = {
    "index": 3,
    "client_id": "a-4",
    "fields": {
        "to": ["is too short for Spain (+34): 8 digits, 9 are needed"],
        "text": ["has '🙂' at position 6, which GSM 03.38 cannot carry; set allow_unicode"],
    },
    "codes": {"to": ["number_too_short"], "text": ["needs_unicode"]},
}

_SUBMIT = {"what": "submit", "part": 1}
_TIMELINE: list[dict[str, Any]] = [
    {"at": _CREATED_AT, "what": "accepted", "request_id": _REQUEST_ID},
    {
        "at": "2026-11-21T18:04:05.131Z",
        **_SUBMIT,
        "attempt": 1,
        "carrier": "telco",
        "bind": "telco/1",
        "outcome": "throttled",
        "command_status": "ESME_RTHROTTLED",
        "latency_ms": 41,
        "next_try_at": "2026-11-21T18:04:06.172Z",
    },
    {
        "at": "2026-11-21T18:04:06.272Z",
        **_SUBMIT,
        "attempt": 2,
        "carrier": "telco",
        "bind": "telco/2",
        "outcome": "sent",
        "command_status": "ESME_ROK",
        "carrier_message_id": "5F3A",
        "latency_ms": 38,
    },
    {
        "at": _DONE_AT,
        "what": "receipt",
        "part": 1,
        "carrier": "telco",
        "state": "DELIVRD",
        "err": "000",
        "raw": "id:24378 sub:001 dlvrd:001 submit date:2611211904 done date:2611211904 stat:DELIVRD err:000 text:Your",
        "applied": True,
    },
    {
        "at": "2026-11-21T18:04:09.560Z",
        "what": "webhook",
        "event_id": EVENT_ID,
        "type": "message.delivered",
        "host": "shop.example",
        "attempt": 1,
        "http_status": 200,
        "latency_ms": 62,
    },
]

_DELIVERED: dict[str, Any] = {
    **_MESSAGE,
    "status": "delivered",
    "variant": None,
    "route": "rest",
    "country": "ES",
    "attempts": 2,
    "possible_duplicate": False,
    "error": None,
    "sent_at": _SENT_AT,
    "done_at": _DONE_AT,
    "text_erased_at": None,
    "parts": [{"part": 1, "status": "delivered", "carrier": "telco", "carrier_message_id": "5F3A", "attempts": 2}],
    "timeline": _TIMELINE,
}
_LISTED = {name: value for name, value in _DELIVERED.items() if name not in ("parts", "timeline")}

EVENT_BODY: dict[str, Any] = {
    "id": EVENT_ID,
    "type": "message.delivered",
    "timestamp": _DONE_AT,
    "message_id": _ID,
    "client_id": "order-8841",
    "status": "delivered",
    "data": {
        "from": "SHOP",
        "to": "+34600000001",
        "country": "ES",
        "lane": "transactional",
        "segments": 1,
        "encoding": "gsm7",
        "attempts": 1,
        "possible_duplicate": False,
        "created_at": _CREATED_AT,
        "sent_at": _SENT_AT,
        "done_at": _DONE_AT,
        "carrier": "telco",
        "carrier_message_id": "5F3A",
        "error": None,
        "campaign_id": None,
        "variant": None,
        "tag": None,
    },
}
_EVENT: dict[str, Any] = {
    "id": EVENT_ID,
    "type": "message.delivered",
    "message_id": _ID,
    "status": "delivered",
    "url": "https://shop.example/sms",
    "attempts": 1,
    "next_try_at": None,
    "last_http_status": 200,
    "last_error": None,
    "event": EVENT_BODY,
}
_ENDPOINT: dict[str, Any] = {
    "url": "https://shop.example/sms",
    "own": True,
    "enabled": True,
    "disabled_reason": None,
    "pending": 0,
    "failed": 0,
    "oldest_pending_at": None,
    "last_success_at": "2026-11-21T18:04:09.560Z",
    "last_failure_at": None,
    "consecutive_failures": 0,
}

_CANCELED = {"id": _ID, "status": "canceled"}

_OF_OTHERS = TEMPLATE_EXAMPLES | CAMPAIGN_EXAMPLES | CONSENT_EXAMPLES
EXAMPLES: dict[str, Example] = {
    "send": Example({"to": "+34600000001", "message": "Your code is 1234"}, {**_MESSAGE, "client_id": None}),
    "submit": Example(
        {"to": "+34600000001", "from": "SHOP", "text": "Your code is 1234", "client_id": "order-8841"}, _MESSAGE
    ),
    "submit_bulk": Example(
        [
            {"to": "+34600000001", "text": "Your code is 1234", "client_id": "a-1"},
            {"to": "+3460000000", "text": "Hello 🙂", "client_id": "a-4"},
        ],
        {
            "submission_id": "sub_01KAK5Y8B2D4F6H8J1K3M5N7PQ",
            "entities": [{"index": 0, **_MESSAGE, "client_id": "a-1"}],
            "errors": [{**_ITEM_ERROR, "index": 1}],
        },
    ),
    "preview": Example(
        {"to": "+34600000001", "text": "Hello 🙂", "allow_unicode": True},
        {
            "to": "+34600000001",
            "from": "SHOP",
            "encoding": "ucs2",
            "segments": 1,
            "parts": [{"part": 1, "characters": 7}],
            "unicode_characters": [{"character": "🙂", "position": 7, "codepoint": "U+1F642"}],
            "transliterated": None,
            "lane": "transactional",
            "route": "rest",
            "country": "ES",
            "carriers": [
                [{"carrier": "telco", "fits": True, "encoding": "ucs2", "segments": 1, "reason": None}],
                [{"carrier": "backup", "fits": True, "encoding": "ucs2", "segments": 1, "reason": None}],
            ],
            "expires_at": "2026-11-22T18:04:05.123Z",
            "text": "Hello 🙂",
            "schedule": None,
            "country_rules": None,
            "quiet_hours": None,
            "variant": None,
            "network": None,
            "explanation": [
                "number +34600000001: Spain (ES), mobile, network not known",
                "message of account shop, lane transactional, sender SHOP",
                'route "rest": yes: it takes everything',
                "tier 1: telco",
                "tier 2: backup",
                "telco: able to send",
                "backup: able to send",
                "telco gets it; lower tiers when none above can send for a second",
            ],
        },
    ),
    "list_messages": Example(None, {"entities": [_LISTED], "next_cursor": _CURSOR}),
    "get_message": Example(None, _DELIVERED),
    "cancel": Example(None, _CANCELED),
    "delete": Example(None, _CANCELED),
    "list_events": Example(None, {"entities": [_EVENT], "next_cursor": None}),
    "replay_event": Example(None, {"replayed": 1}),
    "replay_events": Example(
        {"after": "2026-11-21T00:00:00Z", "before": "2026-11-22T00:00:00Z", "status": "failed"}, {"replayed": 12}
    ),
    "get_webhook": Example(None, {"entities": [_ENDPOINT]}),
    "test_webhook": Example(None, {"event_id": EVENT_ID}),
    "enable_webhook": Example(None, {"enabled": True}),
    **{name: Example(*example) for name, example in _OF_OTHERS.items()},
    "get_account": Example(None, ACCOUNT),
    "healthz": Example(None, {"status": "ok"}),
    "readyz": Example(None, {"status": "ready", "store": "ok", "backlog": "ok", "carriers": {"telco": "able"}}),
}
