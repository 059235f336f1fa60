"""By which word a receipt's state is kept and shown: the carrier's, where it says what was decided. Pure."""

from protocol.receipt_states import ReceiptState, state_of
from protocol.receipts import Receipt

_SPELT = {
    ReceiptState.SCHEDULED: "SCHEDULED",
    ReceiptState.ENROUTE: "ENROUTE",
    ReceiptState.DELIVERED: "DELIVRD",
    ReceiptState.EXPIRED: "EXPIRED",
    ReceiptState.DELETED: "DELETED",
    ReceiptState.UNDELIVERABLE: "UNDELIV",
    ReceiptState.ACCEPTED: "ACCEPTD",
    ReceiptState.UNKNOWN: "UNKNOWN",
    ReceiptState.REJECTED: "REJECTD",
    ReceiptState.SKIPPED: "SKIPPED",
}
"""As `stat` has them (SMPP 3.4 Appendix B), and the names of SMPP 5.0 §4.7.15 for what that leaves out."""


def word_of(said: Receipt) -> str:
    """The text's own word where it means the state that was decided, or else that state as `stat` spells it.

    A word that means nothing to us stands for UNKNOWN. So `state_of` the word gives the decided state, or None of such.
    """
    spelt, stat = _SPELT[said.state], said.stat
    # Nearly all write it so, and for them no more is looked at.
    if stat == spelt or not stat:
        return spelt
    return stat if (state_of(stat) or ReceiptState.UNKNOWN) is said.state else spelt
