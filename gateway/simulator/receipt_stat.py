"""The words a receipt's `stat:` may say, with their message_state and the err that stands beside them here."""

from enum import IntEnum


class ReceiptStat(IntEnum):
    """SMPP 3.4 §5.2.28 by the abbreviations of its appendix B; SKIPPED is SMPP 5.0 §4.7.15."""

    ENROUTE = 1
    DELIVRD = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIV = 5
    ACCEPTD = 6
    UNKNOWN = 7
    REJECTD = 8
    SKIPPED = 9


INTERMEDIATE = (ReceiptStat.ENROUTE, ReceiptStat.ACCEPTD)

_ERRORS = {
    ReceiptStat.EXPIRED: "027",
    ReceiptStat.DELETED: "099",
    ReceiptStat.UNDELIV: "001",
    ReceiptStat.UNKNOWN: "099",
    ReceiptStat.REJECTD: "013",
    ReceiptStat.SKIPPED: "099",
}

ERRORS = ["000", *(_ERRORS.get(stat, "000") for stat in ReceiptStat)]
"""err by message_state: each SMSC's own (SMPP 3.4 appendix B); these are GSM MAP's 1 unknown, 13 barred, 27 absent."""

NAMES = ["", *(stat.name for stat in ReceiptStat)]
"""The word by message_state: a list, since an enum's name costs more than the rest of a receipt's text."""
