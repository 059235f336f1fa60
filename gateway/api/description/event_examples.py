"""The examples of the webhooks in /openapi.json: an event of each kind. A test holds each against what is posted."""

from typing import Any

from gateway.api.description.examples import EVENT_BODY, EVENT_ID
from gateway.messages import ErrorCode
from gateway.rules.causes import error_object

_DATA = EVENT_BODY["data"]
_ENDED = ("delivered", "undelivered", "expired", "rejected", "failed", "canceled", "opted_out", "unknown")
_NEVER_SENT = ("scheduled", "queued", "in_doubt", "failed", "canceled", "opted_out")
_CAUSES = {
    "undelivered": error_object(ErrorCode.UNKNOWN_SUBSCRIBER, receipt_state="UNDELIV", err="001", network_error=(3, 1)),
    "expired": error_object(ErrorCode.EXPIRED, receipt_state="EXPIRED", err="000"),
    "rejected": error_object(ErrorCode.UNMAPPED, receipt_state="REJECTD", err="099"),
    "failed": error_object(ErrorCode.DESTINATION_NOT_SERVED, command_status=0x0B),
    "canceled": error_object(ErrorCode.CANCELED),
    "opted_out": error_object(ErrorCode.OPTED_OUT),
    "unknown": error_object(ErrorCode.NO_RECEIPT),
}


def _event(status: str) -> dict[str, Any]:
    """The event of a message at a status: what is not yet known, or never came to be, is null."""
    data = {**_DATA, "error": _CAUSES.get(status)}
    if status in _NEVER_SENT:
        data.update(sent_at=None, carrier_message_id=None)
    if status in ("scheduled", "queued", "canceled", "opted_out"):
        data.update(attempts=0, carrier=None)
    if status not in _ENDED:
        data["done_at"] = None
    return {**EVENT_BODY, "type": f"message.{status}", "status": status, "data": data}


def _without_message(kind: str, status: str, data: dict[str, Any]) -> dict[str, Any]:
    return {**EVENT_BODY, "type": kind, "message_id": None, "client_id": None, "status": status, "data": data}


MESSAGE_EXAMPLES = {
    f"message.{status}": _event(status) for status in ("scheduled", "queued", "in_doubt", "sent", *_ENDED)
}
INBOUND_EXAMPLE = _without_message(
    "message.inbound",
    "received",
    {
        "from": "+34600000001",
        "to": "34600111222",
        "text": "STOP",
        "encoding": "gsm7",
        "parts": 1,
        "complete": True,
        "carrier": "telco",
        "received_at": EVENT_BODY["timestamp"],
    },
)
CAMPAIGN_EXAMPLE = _without_message(
    "campaign.completed",
    "completed",
    {
        "id": "cmp_01M7ZMF6M300034P0FD72WM41R",
        "channel": "sms",
        "campaign_name": "May Promotion",
        "status": "completed",
        "lane": "promotional",
        "from": "SHOP",
        "tag": None,
        "schedule": None,
        "created_at": _DATA["created_at"],
        "started_at": _DATA["created_at"],
        "finished_at": EVENT_BODY["timestamp"],
        "recipients": {"received": 1000, "accepted": 990, "rejected": 4, "duplicates": 5, "opted_out": 1},
        "counts": {
            "waiting": 0,
            "queued": 0,
            "sent": 0,
            "delivered": 968,
            "undelivered": 17,
            "failed": 2,
            "expired": 0,
            "rejected": 1,
            "canceled": 0,
            "opted_out": 1,
            "unknown": 1,
        },
    },
)
OPT_OUT_EXAMPLE = {
    **EVENT_BODY,
    "type": "recipient.opt_out",
    "status": "opt_out",
    "data": {
        "number": "+34600000001",
        "sender": "34600111222",
        "scope": "account",
        "keyword": "STOP",
        "inbound_id": "inb_01KAK5Y7Q4V8M3Z2T9N6C1XHRD",
        "campaign_id": None,
    },
}
TEST_EXAMPLE = _without_message("webhook.test", "test", {"account": "shop"})
BATCH_EXAMPLE = [
    MESSAGE_EXAMPLES["message.sent"],
    {**MESSAGE_EXAMPLES["message.delivered"], "id": f"{EVENT_ID[:-1]}P"},
]
