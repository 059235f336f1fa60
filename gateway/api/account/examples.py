"""The example of GET /v1/account."""

from typing import Any

ACCOUNT: dict[str, Any] = {
    "name": "shop",
    "limits": {
        "requests_per_second": 200,
        "messages_per_second": 500,
        "messages_per_day": 2_000_000,
        "backlog": 200_000,
    },
    "usage": {
        "day": "2026-11-21",
        "messages": 48_210,
        "segments": 51_377,
        "messages_left": 1_951_790,
        "requests_left": 163,
        "backlog": 112,
        "ready": {"otp": 0, "transactional": 12, "promotional": 100},
    },
    "senders": ["SHOP", "34600*"],
    "default_sender": "SHOP",
    "default_region": "ES",
    "default_lane": "transactional",
    "lanes": [
        {"lane": "otp", "priority": 1, "validity_seconds": 300.0, "duplicate_window_seconds": 30.0},
        {"lane": "transactional", "priority": 2, "validity_seconds": 86400.0, "duplicate_window_seconds": 0.0},
        {"lane": "promotional", "priority": 3, "validity_seconds": 172800.0, "duplicate_window_seconds": 0.0},
    ],
    "number_check": "possible",
    "bare_digits": "refuse",
    "unicode": "refuse",
    "opt_out_scope": "account",
    "webhook": {
        "url": "https://shop.example/sms",
        "events": ["message.sent", "message.delivered", "message.undelivered"],
        "enabled": True,
        "pending": 3,
        "failed": 0,
        "consecutive_failures": 0,
    },
}
