"""Where a receipt says that a message stands, and the words that SMSCs have for it."""

import re
from enum import Enum


class ReceiptState(Enum):
    """Where a message stands; the values are those of message_state (SMPP 3.4 §5.2.28, SMPP 5.0 §4.7.15)."""

    SCHEDULED = 0
    ENROUTE = 1
    DELIVERED = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIVERABLE = 5
    ACCEPTED = 6
    UNKNOWN = 7
    REJECTED = 8
    SKIPPED = 9

    # Enum's own is Python, and receipts look their states up. Members are compared by identity as it is.
    __hash__ = object.__hash__

    @property
    def is_final(self) -> bool:
        """Whether the SMSC is done with the message. UNKNOWN is not an end: it says that nothing is known."""
        return self in _FINAL


_FINAL = frozenset(
    {
        ReceiptState.DELIVERED,
        ReceiptState.EXPIRED,
        ReceiptState.DELETED,
        ReceiptState.UNDELIVERABLE,
        ReceiptState.REJECTED,
        ReceiptState.SKIPPED,
    }
)
_WORDS = {
    ReceiptState.SCHEDULED: "SCHEDULED SCHEDLD SCHEDUL",
    ReceiptState.ENROUTE: (
        "ENROUTE EN_ROUTE BUFFRED BUFFERED BUFFERD BUFFER PENDING QUEUED PROCESSING DELAYED RETRY RETRYING TEMPFAIL"
        " TEMP_FAIL SENT SUBMITTED"
    ),
    ReceiptState.DELIVERED: (
        "DELIVRD DELIVERED DELIVERD DELIVRED DELIVER DELVRD DLVRD DELIV DELIVERED_TO_HANDSET DELIVERED_TO_TERMINAL"
        " DELIVERED_TO_PHONE DELIVERED_TO_MOBILE DELIVERED_TO_DEVICE DELIVERED_TO_RECIPIENT DELIVERED_TO_SUBSCRIBER"
        " DELIVERED_TO_USER READ SEEN DISPLAYED"
    ),
    ReceiptState.EXPIRED: "EXPIRED EXPIRE EXPIRD EXPRD EXPIR",
    ReceiptState.DELETED: "DELETED DELETE DELETD CANCELED CANCELLED",
    ReceiptState.UNDELIVERABLE: (
        "UNDELIV UNDELIVERABLE UNDELIVERED UNDELIVERD UNDELIVRED UNDELIVRD UNDELIVERBLE UNDELIVERABL UNDELVD UNDLVRD"
        " UNDELIVE UNDELI UNDEL NOT_DELIVERED NOTDELIVERED NON_DELIVERED NONDELIVERED FAILED FAILURE FAIL PERMFAIL"
        " PERM_FAIL"
    ),
    # The next hop has it, not the phone: never upgraded.
    ReceiptState.ACCEPTED: (
        "ACCEPTD ACCEPTED ACCEPT ACKED DELIVERED_TO_OPERATOR DELIVERED_TO_NETWORK DELIVERED_TO_CARRIER"
        " DELIVERED_TO_SMSC"
    ),
    ReceiptState.UNKNOWN: "UNKNOWN UNKNWN",
    ReceiptState.REJECTED: "REJECTD REJECTED REJECT REJECTE REJEC REJCTED REJCTD DND_REJECTED BLOCKED",
    ReceiptState.SKIPPED: "SKIPPED SKIPED",
}
_STATES = {word: state for state, words in _WORDS.items() for word in words.split()}
_GROUPS = {
    "UNDELIVERABLE": ReceiptState.UNDELIVERABLE,
    "REJECTED": ReceiptState.REJECTED,
    "EXPIRED": ReceiptState.EXPIRED,
    "PENDING": ReceiptState.ENROUTE,
}
"""Some aggregators write group and status as one word, such as REJECTED_NETWORK. DELIVERED is none: to whom decides."""
_BEHIND = re.compile(r"[:(/|]")
_AROUND = "[]<>(){}."
_WORDS_BEHIND = re.compile(r"[A-Z_]+")
_AGAINST = re.compile(r"NOT?\b|NOK\b|ERR")


def state_of(word: str) -> ReceiptState | None:
    """The state that a word in `stat` means, or its words up to whom it was delivered to; None of what means nothing.

    A reason may stand behind it, as in `UNDELIV:Absent` or `UNDELIV(27)`, but behind no hyphen: UNDELIV-INTERIM is no
    end. Nothing is delivered behind which a word says otherwise, as in `DELIVER:FAILED`.
    """
    word = word.upper()
    if (state := _listed(word)) is not None:
        return state
    first, to, whom = word.partition(" TO ")
    if to:
        is_delivered = state_of(first) is ReceiptState.DELIVERED
        return _listed(f"DELIVERED_TO_{whom.removeprefix('THE ')}") if is_delivered else None
    first, *reason = _BEHIND.split(word.strip(_AROUND), maxsplit=1)
    state = _listed(first)
    return None if state is ReceiptState.DELIVERED and reason and _speaks_against_it(reason[0]) else state


def _speaks_against_it(reason: str) -> bool:
    words = _WORDS_BEHIND.findall(reason)
    return any(_AGAINST.match(word) or _listed(word) not in {None, ReceiptState.DELIVERED} for word in words)


def _listed(word: str) -> ReceiptState | None:
    return _STATES.get(word) or _GROUPS.get(word.partition("_")[0])
