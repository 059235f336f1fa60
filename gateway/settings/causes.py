"""The causes that a carrier's own codes may be said to stand for; a test holds them to gateway.messages.ErrorCode."""

from enum import StrEnum


class ReceiptCause(StrEnum):
    """Why a carrier ended a message otherwise than delivered."""

    UNKNOWN_SUBSCRIBER = "unknown_subscriber"
    ABSENT_SUBSCRIBER = "absent_subscriber"
    HANDSET_ERROR = "handset_error"
    INBOX_FULL = "inbox_full"
    BLOCKED_BY_CARRIER = "blocked_by_carrier"
    BLOCKED_BY_RECIPIENT = "blocked_by_recipient"
    SPAM_FILTERED = "spam_filtered"
    SENDER_NOT_ALLOWED = "sender_not_allowed"
    DESTINATION_NOT_SERVED = "destination_not_served"
    TEMPLATE_NOT_APPROVED = "template_not_approved"
    TEXT_REJECTED = "text_rejected"
    THROTTLED = "throttled"
    NO_CREDIT = "no_credit"
    EXPIRED = "expired"
