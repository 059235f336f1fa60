"""The live stream over a real connection: its events, how many may watch, and its end with the gateway."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlencode, urlsplit

import pytest
from arrivals import wait_until
from daemons import OPERATOR_TOKEN, Gateway, carrier, configuration, running

from gateway.console.live.stream import MOST_WATCHERS

CSRF = re.compile(r'name="csrf" value="([^"]+)"')


def connected(gateway: Gateway) -> HTTPConnection:
    address = urlsplit(gateway.operator.url)
    return HTTPConnection(address.hostname or "", address.port, timeout=30)


def signed_in(gateway: Gateway) -> dict[str, str]:
    """The headers of a session."""
    connection = connected(gateway)
    connection.request("GET", "/console/sign-in")
    form = connection.getresponse()
    once = str(form.getheader("Set-Cookie")).partition(";")[0]
    field = CSRF.search(form.read().decode())
    assert field is not None
    body = urlencode({"csrf": field[1], "token": OPERATOR_TOKEN})
    headers = {"Cookie": once, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/console/sign-in", body, headers)
    answer = connection.getresponse()
    assert answer.status == 303
    cookies = [value.partition(";")[0] for value in answer.headers.get_all("Set-Cookie") or ()]
    connection.close()
    return {"Cookie": next(one for one in cookies if one.startswith("sluice_console="))}


class Streams:
    """Opened, and closed in the end."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def open(self, gateway: Gateway, session: dict[str, str]) -> HTTPResponse:
        connection = connected(gateway)
        self._stack.callback(connection.close)
        connection.request("GET", "/console/live", headers=session)
        return connection.getresponse()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One for all; the last test stops it."""
    folder = tmp_path_factory.mktemp("live")
    with running(folder, configuration(folder, carriers={"telco": carrier(1)})) as gateway:
        yield gateway


@pytest.fixture
def streams() -> Iterator[Streams]:
    with ExitStack() as stack:
        yield Streams(stack)


def event(stream: HTTPResponse) -> tuple[str, dict[str, object]]:
    """The next one."""
    lines: list[str] = []
    while True:
        line = stream.readline().decode()
        assert line, "the stream has ended"
        if line.strip():
            lines.append(line.rstrip("\n"))
        elif any(one.startswith("data: ") for one in lines):
            name = next(one for one in lines if one.startswith("event: ")).removeprefix("event: ")
            return name, json.loads(next(one for one in lines if one.startswith("data: ")).removeprefix("data: "))


def test_events_come_second_by_second(gateway: Gateway, streams: Streams) -> None:
    stream = streams.open(gateway, signed_in(gateway))
    assert (stream.status, stream.getheader("Content-Type")) == (200, "text/event-stream")
    assert (stream.getheader("Cache-Control"), stream.getheader("X-Accel-Buffering")) == ("no-store", "no")
    name, history = event(stream)
    assert (name, history["shape"]) == ("history", "otp/transactional/promotional")
    assert [event(stream)[0] for _ in range(2)] == ["sample", "sample"]


def test_no_more_than_twenty_watch_and_who_leaves_makes_room(gateway: Gateway, streams: Streams) -> None:
    session = signed_in(gateway)
    with ExitStack() as some:
        opened = [Streams(some).open(gateway, session) for _ in range(MOST_WATCHERS)]
        assert [stream.status for stream in opened] == [200] * MOST_WATCHERS
        refused = streams.open(gateway, session)
        assert (refused.status, refused.getheader("Retry-After")) == (503, "10")
        refused.read()
        for stream in opened:
            stream.close()
    wait_until(lambda: streams.open(gateway, session).status == 200 or None, "there is room again")


def test_who_is_not_signed_in_is_refused_in_a_word(gateway: Gateway, streams: Streams) -> None:
    assert streams.open(gateway, {"Accept": "text/event-stream"}).status == 401


def test_a_stream_ends_when_the_gateway_does(gateway: Gateway, streams: Streams) -> None:
    watched = [streams.open(gateway, signed_in(gateway)) for _ in range(3)]
    for stream in watched:
        assert event(stream)[0] == "history"
    assert gateway.stop() == 0
    for stream in watched:
        while stream.readline():
            pass
