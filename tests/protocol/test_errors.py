import pytest

from protocol.command_status import CommandStatus
from protocol.errors import (
    BadFrame,
    BadPdu,
    LocalProtocolError,
    NotBound,
    ProtocolError,
    RemoteProtocolError,
    WindowFull,
)


@pytest.mark.parametrize("ours", [NotBound, WindowFull])
def test_what_we_misuse_is_ours_to_catch(ours):
    assert issubclass(ours, LocalProtocolError)
    assert issubclass(ours, ProtocolError)
    assert not issubclass(ours, RemoteProtocolError)


@pytest.mark.parametrize("theirs", [BadFrame, BadPdu])
def test_what_the_peer_breaks_is_theirs(theirs):
    assert issubclass(theirs, RemoteProtocolError)
    assert not issubclass(theirs, LocalProtocolError)


def test_a_bad_pdu_carries_all_that_its_refusal_needs():
    fault = BadPdu(0x5, 7, CommandStatus.ESME_RINVCMDLEN, "cut off")
    assert (fault.command_id, fault.sequence, fault.status, str(fault)) == (5, 7, 2, "cut off")
