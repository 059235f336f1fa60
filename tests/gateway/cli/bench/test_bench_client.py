"""The bench's callers: each connection is used, and what a gateway that stands still holds up counts as a wait."""

import contextlib
import socket
import threading
import time

import pytest

from gateway.cli.bench.client import Callers, ClientError

ANSWER = b"HTTP/1.1 201 CREATED\r\nContent-Length: 0\r\n\r\n"
POST = b"POST / HTTP/1.1\r\n\r\n"


class Listener:
    """Answers each read of each connection, the first one late; counts them."""

    def __init__(self, first_takes_seconds: float = 0.0, answers: int = 1_000) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._delay = first_takes_seconds
        self._answers = answers
        self.port: int = self._server.getsockname()[1]
        self.taken: dict[int, int] = {}
        threading.Thread(target=self._meet, daemon=True).start()

    def _meet(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, (_, port) = self._server.accept()
                threading.Thread(target=self._serve, args=(sock, port), daemon=True).start()

    def _serve(self, sock: socket.socket, port: int) -> None:
        with sock:
            while sum(self.taken.values()) < self._answers and sock.recv(1000):
                delay, self._delay = self._delay, 0.0
                time.sleep(delay)
                self.taken[port] = self.taken.get(port, 0) + 1
                sock.sendall(ANSWER)

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def listener():
    made = []

    def start(*given, **named):
        made.append(Listener(*given, **named))
        return made[-1]

    yield start
    for one in made:
        one.close()


def test_at_a_pace_connections_are_taken_by_turns(listener) -> None:
    front = listener()
    Callers(front.port, 4, [POST] * 12, 200.0).run()
    assert len(front.taken) == 4


def test_what_waits_for_a_connection_waits_since_it_was_due(listener) -> None:
    front = listener(first_takes_seconds=0.4)
    outcome = Callers(front.port, 1, [POST] * 5, 20.0).run()
    waits = [answered - begun for begun, answered in zip(outcome.begun, outcome.answered, strict=True)]
    assert waits[0] >= 0.4
    assert waits[1] >= 0.3
    assert waits[4] >= 0.15


def test_a_connection_that_the_gateway_closes_ends_the_run(listener) -> None:
    front = listener(answers=2)
    with pytest.raises(ClientError, match="closed by the gateway"):
        Callers(front.port, 1, [POST] * 5, 0.0).run()
