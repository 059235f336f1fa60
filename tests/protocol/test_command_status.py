import pytest
from smpplib import consts

from protocol.command_status import BindRefusal, CommandStatus, StatusClass, bind_refusal, classify, name_of


def test_numbers_agree_with_those_of_an_implementation_we_did_not_write():
    theirs = {
        name.removeprefix("SMPP_"): value for name, value in vars(consts).items() if name.startswith("SMPP_ESME_")
    }
    assert len(theirs) > 40
    assert {name: int(CommandStatus[name]) for name in theirs} == theirs


@pytest.mark.parametrize(
    ("status", "name"),
    [(0, "ESME_ROK"), (0x58, "ESME_RTHROTTLED"), (0xC2, "ESME_RINVPARLEN"), (0x400, "0x00000400"), (0x9, "0x00000009")],
)
def test_a_status_is_shown_by_name_or_as_hexadecimal(status, name):
    assert name_of(status) == name


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (CommandStatus.ESME_ROK, StatusClass.ACCEPTED),
        (CommandStatus.ESME_RTHROTTLED, StatusClass.THROTTLED),
        (CommandStatus.ESME_RMSGQFUL, StatusClass.THROTTLED),
        (CommandStatus.ESME_RSYSERR, StatusClass.TEMPORARY),
        (CommandStatus.ESME_RX_T_APPN, StatusClass.TEMPORARY),
        (CommandStatus.ESME_RSUBMITFAIL, StatusClass.TEMPORARY),
        (CommandStatus.ESME_RUNKNOWNERR, StatusClass.TEMPORARY),
        (CommandStatus.ESME_RINVBNDSTS, StatusClass.UNBOUND),
        (CommandStatus.ESME_RINVDSTADR, StatusClass.PERMANENT),
        (CommandStatus.ESME_RX_P_APPN, StatusClass.PERMANENT),
        (CommandStatus.ESME_RX_R_APPN, StatusClass.PERMANENT),
    ],
)
def test_an_answer_says_what_to_do_with_the_message(status, expected):
    assert classify(int(status)) is expected


@pytest.mark.parametrize("status", [0x09, 0x3FF, 0x400, 0x4FF, 0xFFFFFFFF])
def test_a_status_that_nobody_knows_is_permanent(status):
    assert classify(status) is StatusClass.PERMANENT


def test_only_zero_is_accepted():
    assert [status for status in range(0x1000) if classify(status) is StatusClass.ACCEPTED] == [0]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0x05, BindRefusal.ALREADY_BOUND),
        (0x0D, BindRefusal.BIND_FAILED),
        (0x0E, BindRefusal.BAD_CREDENTIALS),
        (0x0F, BindRefusal.BAD_CREDENTIALS),
        (0x53, BindRefusal.BAD_CREDENTIALS),
        (0x03, BindRefusal.NOT_OFFERED),
        (0x08, BindRefusal.TRY_LATER),
        (0x58, BindRefusal.TRY_LATER),
        (0x400, BindRefusal.TRY_LATER),
    ],
)
def test_a_refused_bind_says_when_to_try_again(status, expected):
    assert bind_refusal(status) is expected
