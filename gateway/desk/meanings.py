"""What carriers' answers and receipts say, in two or three words, for those who don't know SMPP by heart. Pure."""

_STATUSES = {
    "ESME_RINVMSGLEN": "text too long",
    "ESME_RSYSERR": "trouble inside the carrier",
    "ESME_RINVSRCADR": "wrong sender",
    "ESME_RINVDSTADR": "wrong destination",
    "ESME_RMSGQFUL": "its queue is full",
    "ESME_RINVSERTYP": "wrong service type",
    "ESME_RINVESMCLASS": "wrong esm_class",
    "ESME_RSUBMITFAIL": "could not take it",
    "ESME_RINVSRCTON": "wrong type of sender",
    "ESME_RINVSRCNPI": "wrong numbering of the sender",
    "ESME_RINVDSTTON": "wrong type of destination",
    "ESME_RINVDSTNPI": "wrong numbering of the destination",
    "ESME_RTHROTTLED": "too fast",
    "ESME_RINVSCHED": "wrong time of delivery",
    "ESME_RINVEXPIRY": "wrong validity",
    "ESME_RX_T_APPN": "temporary trouble",
    "ESME_RX_P_APPN": "refused by its application",
    "ESME_RX_R_APPN": "refused by its application",
    "ESME_RDELIVERYFAILURE": "could not deliver it",
    "ESME_RUNKNOWNERR": "it does not say why",
    "ESME_RSERTYPUNAUTH": "we may not use this service type",
    "ESME_RPROHIBITED": "we may not send this",
    "ESME_RSERTYPUNAVAIL": "service not available",
    "ESME_RSERTYPDENIED": "service denied",
    "ESME_RINVDCS": "wrong alphabet",
}
_RECEIPTS = {
    "ENROUTE": "on its way",
    "ACCEPTD": "accepted",
    "SCHEDULED": "scheduled",
    "UNKNOWN": "in a state that it does not know",
}


def status_in_words(name: str) -> str:
    """`ESME_RINVDSTADR (wrong destination)`; a carrier's own stays a number."""
    meaning = _STATUSES.get(name)
    return name if meaning is None else f"{name} ({meaning})"


def is_on_the_way(state: str) -> bool:
    """Whether a receipt of this state ends nothing."""
    return state in _RECEIPTS


def state_in_words(state: str) -> str:
    """Of a receipt on the way."""
    return _RECEIPTS.get(state, state)
