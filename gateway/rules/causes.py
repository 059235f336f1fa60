"""Why a message did not arrive: carriers' codes -> our list, and each cause in words. What is not sure is `unmapped`.

Carriers' own `err` codes mean something else at every carrier, so they are shown, and read only where the carrier's
`receipt_errors` says what they mean.
"""

from enum import StrEnum
from typing import Any

from gateway.messages import ErrorCode
from protocol.command_status import CommandStatus, name_of
from protocol.receipts import ReceiptState


class CauseClass(StrEnum):
    """Whether the same message may arrive when it is sent again later."""

    TEMPORARY = "temporary"
    PERMANENT = "permanent"


_T, _P = CauseClass.TEMPORARY, CauseClass.PERMANENT

_DESCRIPTIONS: dict[ErrorCode, tuple[CauseClass, str]] = {
    ErrorCode.UNKNOWN_SUBSCRIBER: (_P, "The number is not in use."),
    ErrorCode.ABSENT_SUBSCRIBER: (_T, "The phone was off or out of reach."),
    ErrorCode.HANDSET_ERROR: (_T, "The phone could not take the message."),
    ErrorCode.INBOX_FULL: (_T, "The phone has no room for messages."),
    ErrorCode.BLOCKED_BY_CARRIER: (_P, "The carrier does not let this traffic through."),
    ErrorCode.BLOCKED_BY_RECIPIENT: (_P, "The recipient does not take such messages."),
    ErrorCode.SPAM_FILTERED: (_P, "The carrier took the message for spam."),
    ErrorCode.SENDER_NOT_ALLOWED: (_P, "The carrier does not allow this sender."),
    ErrorCode.DESTINATION_NOT_SERVED: (_P, "The carrier does not take messages for this number."),
    ErrorCode.TEMPLATE_NOT_APPROVED: (_P, "The text follows no template that was approved."),
    ErrorCode.TEXT_REJECTED: (_P, "The carrier does not take this text."),
    ErrorCode.THROTTLED: (_T, "The carrier took no more messages in the time there was."),
    ErrorCode.CARRIER_UNAVAILABLE: (_T, "The carrier could not take the message, at every try."),
    ErrorCode.NO_ROUTE: (_P, "No route leads to this number."),
    ErrorCode.NO_CREDIT: (_T, "The account with the carrier has no credit."),
    ErrorCode.EXPIRED: (_T, "The validity ended before the message arrived."),
    ErrorCode.NO_RECEIPT: (_T, "No receipt came in time, so it is not known whether the message arrived."),
    ErrorCode.OUTCOME_UNKNOWN: (_T, "It is not known whether the carrier took the message; it is not sent twice."),
    ErrorCode.OPTED_OUT: (_P, "The recipient has opted out."),
    ErrorCode.CANCELED: (_P, "The message was canceled."),
    ErrorCode.UNMAPPED: (_P, "The carrier gave a cause that has no name here; its own codes stand in carrier_code."),
}

# Only statuses whose meaning in the specification (SMPP 3.4 §5.1.3, 5.0 §4.7.6) is one cause of our list.
_BY_STATUS: dict[int, ErrorCode] = {
    int(CommandStatus.ESME_RINVMSGLEN): ErrorCode.TEXT_REJECTED,
    int(CommandStatus.ESME_RINVDCS): ErrorCode.TEXT_REJECTED,
    int(CommandStatus.ESME_RINVSRCADR): ErrorCode.SENDER_NOT_ALLOWED,
    # Malformed, unknown or without a route, which carriers don't tell apart: whichever it is, they don't serve it.
    int(CommandStatus.ESME_RINVDSTADR): ErrorCode.DESTINATION_NOT_SERVED,
    int(CommandStatus.ESME_RPROHIBITED): ErrorCode.BLOCKED_BY_CARRIER,
    # Final only where a carrier's settings make them so.
    int(CommandStatus.ESME_RTHROTTLED): ErrorCode.THROTTLED,
    int(CommandStatus.ESME_RMSGQFUL): ErrorCode.THROTTLED,
}

_GSM = 3
# Where the two readings of a GSM cause in use, MAP errors (3GPP TS 29.002 §17.6.6) and RP causes (TS 24.011 §8.2.5.4),
# agree, or only one of them knows the number.
_BY_GSM_CAUSE: dict[int, ErrorCode] = {
    1: ErrorCode.UNKNOWN_SUBSCRIBER,
    6: ErrorCode.ABSENT_SUBSCRIBER,
    12: ErrorCode.HANDSET_ERROR,
    27: ErrorCode.ABSENT_SUBSCRIBER,
}

# network_error_code's first octet: SMPP 3.4 §5.3.2.31, from 4 on 5.0 §4.8.4.42.
_NETWORKS = {
    1: "ansi136_denied",
    2: "is95_denied",
    _GSM: "gsm",
    4: "ansi136",
    5: "is95",
    6: "ansi41",
    7: "smpp",
    8: "smsc",
}


def describe(code: ErrorCode) -> tuple[CauseClass, str]:
    """The class of a cause, and a sentence for people."""
    return _DESCRIPTIONS[code]


def cause_of_status(status: int) -> ErrorCode:
    """The cause behind a permanent command_status."""
    return _BY_STATUS.get(status, ErrorCode.UNMAPPED)


def cause_of_receipt(state: ReceiptState, network_error: tuple[int, int] | None) -> ErrorCode | None:
    """The cause behind a receipt's end; None for `delivered` and for what is no end."""
    if state is ReceiptState.DELIVERED or not state.is_final:
        return None
    if network_error is not None and network_error[0] == _GSM and network_error[1] in _BY_GSM_CAUSE:
        return _BY_GSM_CAUSE[network_error[1]]
    return ErrorCode.EXPIRED if state is ReceiptState.EXPIRED else ErrorCode.UNMAPPED


def network_error_name(network_error: tuple[int, int]) -> str:
    """`gsm:1` for the type and the code of network_error_code; the number itself for a type without a name."""
    kind, code = network_error
    return f"{_NETWORKS.get(kind, kind)}:{code}"


def error_object(
    code: str,
    command_status: int | None = None,
    receipt_state: str | None = None,
    err: str | None = None,
    network_error: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """The `error` of events and look-ups; `carrier_code` is None where no carrier said anything."""
    cause = ErrorCode(code)
    cause_class, description = _DESCRIPTIONS[cause]
    said = (command_status or None, receipt_state, err, network_error)
    return {
        "class": cause_class.value,
        "code": cause.value,
        "description": description,
        "carrier_code": None
        if said == (None, None, None, None)
        else {
            "command_status": name_of(command_status) if command_status else None,
            "receipt_state": receipt_state,
            "err": err,
            "network_error_code": network_error_name(network_error) if network_error else None,
        },
    }
