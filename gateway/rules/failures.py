"""What follows from a carrier's failure: from a command_status, and from the end that a receipt tells. Pure.

The defaults are docs/failures.md's table; a carrier's `on_status` and `on_receipt` replace them one by one. When a part
is tried again is retrying.py's matter.
"""

from collections.abc import Mapping

from gateway.messages import ErrorCode
from gateway.settings.carriers import Carrier
from gateway.settings.failures import Action as Action
from gateway.settings.failures import status_number
from protocol.command_status import StatusClass, classify

_BY_CLASS = {
    StatusClass.THROTTLED: Action.SLOW,
    StatusClass.TEMPORARY: Action.RETRY_ELSEWHERE,
    StatusClass.UNBOUND: Action.REBIND,
    StatusClass.PERMANENT: Action.FAIL,
}
OF_THE_RECIPIENT = frozenset(
    {
        ErrorCode.UNKNOWN_SUBSCRIBER,
        ErrorCode.ABSENT_SUBSCRIBER,
        ErrorCode.HANDSET_ERROR,
        ErrorCode.INBOX_FULL,
        ErrorCode.BLOCKED_BY_RECIPIENT,
        ErrorCode.EXPIRED,
    }
)
"""Causes that lie with the number or the phone, or in the time that is over: no other carrier can do better."""
GOES_ELSEWHERE = frozenset({Action.RETRY_ELSEWHERE, Action.STOP})
"""Actions after which other carriers are tried first."""


class FailureTable:
    """What one carrier's failures mean."""

    __slots__ = ("_on_receipt", "_on_status")

    def __init__(self, on_status: Mapping[int, Action] | None = None, on_receipt: Mapping[str, Action] | None = None):
        self._on_status = dict(on_status or {})
        self._on_receipt = dict(on_receipt or {})

    def of_status(self, status: int) -> Action:
        """Of the answer to a submit_sm, other than ESME_ROK."""
        return self._on_status.get(status) or _BY_CLASS[classify(status)]

    def of_receipt(self, err: str | None, cause: str | None) -> Action:
        """Of a receipt that ends a message undelivered or rejected: by the carrier's own `err`, then by our cause."""
        told = self._on_receipt.get(err or "") or self._on_receipt.get(cause or "")
        if told is not None:
            return told
        return Action.FAIL if cause in OF_THE_RECIPIENT else Action.RETRY_ELSEWHERE


USUAL = FailureTable()
"""Of carriers whose settings say nothing."""


def failures_of(carrier: Carrier) -> FailureTable:
    """The table of a carrier's settings."""
    if not carrier.on_status and not carrier.on_receipt:
        return USUAL
    return FailureTable(
        {status_number(written): action for written, action in carrier.on_status.items()}, carrier.on_receipt
    )
