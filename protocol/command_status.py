"""What each command_status is called, and what it means for the one who sent the request.

The numbers are SMPP 3.4 §5.1.3 and SMPP 5.0 §4.7.6. What a carrier means by them beyond that is its profile's matter.
"""

from enum import Enum, IntEnum


class CommandStatus(IntEnum):
    """Every status the two specifications name; what 5.0 renamed is an alias."""

    ESME_ROK = 0x00
    ESME_RINVMSGLEN = 0x01
    ESME_RINVCMDLEN = 0x02
    ESME_RINVCMDID = 0x03
    ESME_RINVBNDSTS = 0x04
    ESME_RALYBND = 0x05
    ESME_RINVPRTFLG = 0x06
    ESME_RINVREGDLVFLG = 0x07
    ESME_RSYSERR = 0x08
    ESME_RINVSRCADR = 0x0A
    ESME_RINVDSTADR = 0x0B
    ESME_RINVMSGID = 0x0C
    ESME_RBINDFAIL = 0x0D
    ESME_RINVPASWD = 0x0E
    ESME_RINVSYSID = 0x0F
    ESME_RCANCELFAIL = 0x11
    ESME_RREPLACEFAIL = 0x13
    ESME_RMSGQFUL = 0x14
    ESME_RINVSERTYP = 0x15
    ESME_RINVNUMDESTS = 0x33
    ESME_RINVDLNAME = 0x34
    ESME_RINVDESTFLAG = 0x40
    ESME_RINVSUBREP = 0x42
    ESME_RINVESMCLASS = 0x43
    ESME_RCNTSUBDL = 0x44
    ESME_RSUBMITFAIL = 0x45
    ESME_RINVSRCTON = 0x48
    ESME_RINVSRCNPI = 0x49
    ESME_RINVDSTTON = 0x50
    ESME_RINVDSTNPI = 0x51
    ESME_RINVSYSTYP = 0x53
    ESME_RINVREPFLAG = 0x54
    ESME_RINVNUMMSGS = 0x55
    ESME_RTHROTTLED = 0x58
    ESME_RINVSCHED = 0x61
    ESME_RINVEXPIRY = 0x62
    ESME_RINVDFTMSGID = 0x63
    ESME_RX_T_APPN = 0x64
    ESME_RX_P_APPN = 0x65
    ESME_RX_R_APPN = 0x66
    ESME_RQUERYFAIL = 0x67
    ESME_RINVOPTPARSTREAM = 0xC0
    ESME_RINVTLVSTREAM = 0xC0
    ESME_ROPTPARNOTALLWD = 0xC1
    ESME_RTLVNOTALLWD = 0xC1
    ESME_RINVPARLEN = 0xC2
    ESME_RINVTLVLEN = 0xC2
    ESME_RMISSINGOPTPARAM = 0xC3
    ESME_RMISSINGTLV = 0xC3
    ESME_RINVOPTPARAMVAL = 0xC4
    ESME_RINVTLVVAL = 0xC4
    ESME_RDELIVERYFAILURE = 0xFE
    ESME_RUNKNOWNERR = 0xFF
    ESME_RSERTYPUNAUTH = 0x100
    ESME_RPROHIBITED = 0x101
    ESME_RSERTYPUNAVAIL = 0x102
    ESME_RSERTYPDENIED = 0x103
    ESME_RINVDCS = 0x104
    ESME_RINVSRCADDRSUBUNIT = 0x105
    ESME_RINVDSTADDRSUBUNIT = 0x106
    ESME_RINVBCASTFREQINT = 0x107
    ESME_RINVBCASTALIAS_NAME = 0x108
    ESME_RINVBCASTAREAFMT = 0x109
    ESME_RINVNUMBCAST_AREAS = 0x10A
    ESME_RINVBCASTCNTTYPE = 0x10B
    ESME_RINVBCASTMSGCLASS = 0x10C
    ESME_RBCASTFAIL = 0x10D
    ESME_RBCASTQUERYFAIL = 0x10E
    ESME_RBCASTCANCELFAIL = 0x10F
    ESME_RINVBCAST_REP = 0x110
    ESME_RINVBCASTSRVGRP = 0x111
    ESME_RINVBCASTCHANIND = 0x112


_NAMES = {int(status): status.name for status in CommandStatus}


def name_of(status: int) -> str:
    """The specification's name, or the number as eight hexadecimal digits if it has none (vendors start at 0x400)."""
    return _NAMES.get(status) or f"0x{status:08X}"


class StatusClass(Enum):
    """What the sender of a refused message should do."""

    ACCEPTED = "accepted"
    THROTTLED = "throttled"
    """The message is fine: send less, then send it again."""
    TEMPORARY = "temporary"
    """The message is fine as far as one knows: try it again later or elsewhere."""
    PERMANENT = "permanent"
    """The same message will be refused again."""
    UNBOUND = "unbound"
    """The peer has lost the bind: the session is of no more use, the message is untouched."""


_CLASSES = {
    CommandStatus.ESME_ROK: StatusClass.ACCEPTED,
    CommandStatus.ESME_RTHROTTLED: StatusClass.THROTTLED,
    # A full queue is the carrier's, not the message's: to take it for final loses messages that would go.
    CommandStatus.ESME_RMSGQFUL: StatusClass.THROTTLED,
    CommandStatus.ESME_RSYSERR: StatusClass.TEMPORARY,
    CommandStatus.ESME_RX_T_APPN: StatusClass.TEMPORARY,
    # Several SMSCs answer it, instead of a throttle, when their window is overrun.
    CommandStatus.ESME_RSUBMITFAIL: StatusClass.TEMPORARY,
    # Says nothing of the message, and is what many stacks send when they fail inside.
    CommandStatus.ESME_RUNKNOWNERR: StatusClass.TEMPORARY,
    CommandStatus.ESME_RSERTYPUNAVAIL: StatusClass.TEMPORARY,
    CommandStatus.ESME_RINVBNDSTS: StatusClass.UNBOUND,
    CommandStatus.ESME_RBINDFAIL: StatusClass.UNBOUND,
}
_CLASS_BY_NUMBER = {int(status): status_class for status, status_class in _CLASSES.items()}


def classify(status: int) -> StatusClass:
    """The class of the answer to a submit_sm or data_sm.

    What is not in the table is PERMANENT, vendors' own numbers among them: nearly all of those name a reason that lies
    in the message (credit, sender, content, route), and trying it again for hours would hide that reason.
    """
    return _CLASS_BY_NUMBER.get(status, StatusClass.PERMANENT)


class BindRefusal(Enum):
    """Why a peer refused a bind, as far as it decides when to try again."""

    ALREADY_BOUND = "already_bound"
    """An earlier session still holds the place: wait longer than the carrier's inactivity timer."""
    BAD_CREDENTIALS = "bad_credentials"
    """Trying again changes nothing until someone changes the settings."""
    BIND_FAILED = "bind_failed"
    """Many SMSCs say so where the password is wrong, others where they are merely busy: once it proves nothing."""
    NOT_OFFERED = "not_offered"
    """The peer does not know this kind of bind."""
    TRY_LATER = "try_later"


_BIND_REFUSALS = {
    int(CommandStatus.ESME_RALYBND): BindRefusal.ALREADY_BOUND,
    int(CommandStatus.ESME_RBINDFAIL): BindRefusal.BIND_FAILED,
    int(CommandStatus.ESME_RINVPASWD): BindRefusal.BAD_CREDENTIALS,
    int(CommandStatus.ESME_RINVSYSID): BindRefusal.BAD_CREDENTIALS,
    int(CommandStatus.ESME_RINVSYSTYP): BindRefusal.BAD_CREDENTIALS,
    int(CommandStatus.ESME_RINVCMDID): BindRefusal.NOT_OFFERED,
}


def bind_refusal(status: int) -> BindRefusal:
    """The meaning of a refused bind; what is not known is TRY_LATER, since a bind with back-off harms nobody."""
    return _BIND_REFUSALS.get(status, BindRefusal.TRY_LATER)
