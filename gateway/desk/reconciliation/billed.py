"""What a segment that was put to a carrier counts as on a bill. Pure; which state is which is a table."""

from enum import StrEnum

from gateway.messages import AttemptState


class Billed(StrEnum):
    """The end of one submit_sm, as carriers count them."""

    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    """Accepted, and a receipt says that it did not arrive."""
    UNREPORTED = "unreported"
    """Accepted, and no receipt has said how it ended."""
    FAILED = "failed"
    """Answered with an error, whether it was tried again or not: the carrier did not take it."""
    IN_DOUBT = "in_doubt"
    """No answer was seen: the carrier may have taken it, and bill it."""

    @property
    def is_accepted(self) -> bool:
        return self in _ACCEPTED


_ACCEPTED = frozenset({Billed.DELIVERED, Billed.UNDELIVERED, Billed.UNREPORTED})
_S = AttemptState
_BY_STATE = {
    _S.SUBMITTING: Billed.IN_DOUBT,
    _S.IN_DOUBT: Billed.IN_DOUBT,
    _S.SENT: Billed.UNREPORTED,
    _S.DELIVERED: Billed.DELIVERED,
    _S.UNDELIVERED: Billed.UNDELIVERED,
    _S.EXPIRED: Billed.UNDELIVERED,
    _S.REJECTED: Billed.UNDELIVERED,
    _S.REFUSED: Billed.FAILED,
    _S.CANCELED: Billed.UNDELIVERED,
    _S.POSTPONED: Billed.FAILED,
    _S.RESENT: Billed.IN_DOUBT,
    _S.REROUTED: Billed.UNDELIVERED,
}
"""But for UNKNOWN, and for RELEASED, which never reached a carrier."""


def billed(state: AttemptState, command_status: int | None) -> Billed:
    """`command_status`: of the answer, if there was one."""
    if state is AttemptState.UNKNOWN:
        # Given up: for want of a receipt, or of any answer.
        return Billed.UNREPORTED if command_status == 0 else Billed.IN_DOUBT
    if state is AttemptState.RESENT and command_status == 0:
        return Billed.UNREPORTED
    return _BY_STATE[state]
