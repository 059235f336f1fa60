"""The examples of campaigns in /openapi.json: request and response by call. See description/examples.py for how."""

from typing import Any

_ID = "cmp_01KAK5YDQ4V8M3Z2T9N6C1XHRD"
_PATH = f"/v1/campaigns/{_ID}"
_ERROR: dict[str, Any] = {
    "index": 17,
    "fields": {"phone": ["is not a phone number"]},
    "codes": {"phone": ["not_a_number"]},
}
_NO_COUNTS = dict.fromkeys(
    ["waiting", "queued", "sent", "delivered", "undelivered", "failed", "expired", "rejected", "canceled", "opted_out",
     "unknown"],
    0,
)  # fmt: skip
_COUNTS = {
    **_NO_COUNTS, "waiting": 61200, "queued": 400, "sent": 900, "delivered": 36500, "undelivered": 700, "failed": 12,
    "rejected": 20, "opted_out": 80,
}  # fmt: skip


def _campaign(**changes: Any) -> dict[str, Any]:
    return {
        "id": _ID,
        "channel": "sms",
        "campaign_name": "May Promotion",
        "status": "running",
        "lane": "promotional",
        "from": "SHOP",
        "schedule": "2027-05-24T14:00:00.000Z",
        "started_at": "2027-05-24T14:00:00.041Z",
        "finished_at": None,
        "recipients": {"received": 100000, "accepted": 99812, "rejected": 120, "duplicates": 60, "opted_out": 8},
        "counts": _COUNTS,
        "progress": 0.374,
        "rate": 98.4,
        "expected_end": "2027-05-24T14:16:46.016Z",
        "variants": [{"variant": "Hello", "sent": 12800, "delivered": 12410, "opted_out": 21}],
        "errors": [_ERROR],
        "errors_url": f"{_PATH}/errors",
        "rate_limit": None,
        "tag": None,
        "template": None,
        "failure": None,
        "created_at": "2026-11-21T18:04:05.123Z",
        **changes,
    }


_TAKEN = _campaign(
    status="loading",
    started_at=None,
    recipients={"received": 2, "accepted": 2, "rejected": 0, "duplicates": 0, "opted_out": 0},
    counts={**_NO_COUNTS, "waiting": 2},
    progress=0.0,
    rate=0.0,
    expected_end=None,
    variants=[],
    errors=[],
)
_NEW = {
    "campaign_name": "May Promotion",
    "recipients": [
        {"phone": "+34600000001", "first_name": "Alice", "code": "ALICE20"},
        {"phone": "+34600000002", "first_name": "Bob", "code": "BOB20"},
    ],
    "message": "Hi {first_name}, your 20% discount code is {code}. Use it by May 31. Reply STOP to opt out.",
    "schedule": "2027-05-24T09:00:00-05:00",
}

CAMPAIGN_EXAMPLES: dict[str, tuple[Any, Any]] = {
    "submit_campaign": (_NEW, _TAKEN),
    "list_campaigns": (None, {"entities": [_campaign(errors=[])], "next_cursor": None}),
    "get_campaign": (None, _campaign()),
    "list_campaign_errors": (None, {"entities": [_ERROR], "next_cursor": None}),
    "pause_campaign": (None, _campaign(status="paused", rate=0.0, expected_end=None)),
    "resume_campaign": (None, _campaign()),
    "cancel_campaign": (None, _campaign(status="canceled", rate=0.0, expected_end=None)),
}
