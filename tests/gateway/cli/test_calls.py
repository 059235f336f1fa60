"""What a command tells apart when no answer comes."""

import argparse
import socket
from collections.abc import Iterator

import pytest

from gateway.cli import calls
from gateway.cli.calls import OPERATORS, NotReachableError, SilentError


@pytest.fixture
def mute() -> Iterator[socket.socket]:
    """It is called, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def called(port: int) -> NotReachableError:
    """What a GET comes to, with little patience."""
    given = argparse.Namespace(url=f"http://127.0.0.1:{port}", token="op_test")
    with pytest.raises(NotReachableError) as raised:
        calls.caller_for(given, OPERATORS, timeout_seconds=0.05).get("/admin/drain")
    return raised.value


def test_one_that_does_not_answer_in_time_is_not_taken_for_gone(mute: socket.socket) -> None:
    assert isinstance(called(mute.getsockname()[1]), SilentError)


def test_one_that_is_gone_is_not_taken_for_slow(mute: socket.socket) -> None:
    port = mute.getsockname()[1]
    mute.close()
    assert not isinstance(called(port), SilentError)
