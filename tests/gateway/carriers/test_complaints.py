"""A carrier that complains without end fills no disk, and nothing of it goes uncounted."""

import logging

import pytest

from gateway.carriers.complaints import LINES_A_SECOND, Complaints
from protocol.session_events import PeerComplained


def test_the_first_of_a_second_are_told_and_the_rest_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints("telco/1")
    with caplog.at_level(logging.WARNING):
        for sequence in range(5_000):
            complaints.take(PeerComplained(3, sequence), now=100.0 + sequence / 10_000)
        complaints.take(PeerComplained(8, 7), now=101.0)
        complaints.take(PeerComplained(8, 8), now=101.1)

    assert len(caplog.messages) == LINES_A_SECOND + 2
    assert caplog.messages[0] == "bind=telco/1 peer_complained status=ESME_RINVCMDID sequence=0"
    assert caplog.messages[-2] == "bind=telco/1 peer_complained status=ESME_RSYSERR sequence=7 unsaid=4990"
    assert caplog.messages[-1] == "bind=telco/1 peer_complained status=ESME_RSYSERR sequence=8"
