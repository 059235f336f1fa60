"""POSTs begun without a task of their own, against a real server on loopback that misbehaves as told."""

import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gateway.webhooks.addresses import AddressGuard
from gateway.webhooks.client import Client, PostResult

LOOPBACK = AddressGuard([ipaddress.ip_network("127.0.0.1/32")])
HEADERS = [(b"webhook-id", b"evt_1")]
FULL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Results:
    """What begun POSTs came to."""

    def __init__(self) -> None:
        self.all: list[PostResult] = []
        self._heard = trio.Event()

    def __call__(self, result: PostResult) -> None:
        self.all.append(result)
        self._heard.set()

    async def next(self) -> PostResult:
        await self._heard.wait()
        self._heard = trio.Event()
        return self.all[-1]


Begin = Callable[..., bool]


@pytest.fixture
async def client(nursery: trio.Nursery) -> Client:
    client = Client(LOOPBACK, timeout=5.0)
    await nursery.start(client.run)
    return client


@pytest.fixture
def results() -> Results:
    return Results()


@pytest.fixture
async def kept(client: Client, endpoint: Any) -> None:
    """One connection is kept."""
    assert (await client.post(endpoint.url(), b"{}", HEADERS)).is_taken


def says(*pieces: bytes, hang_up: bool = False) -> Callable[[trio.abc.Stream], Awaitable[None]]:
    async def act(stream: trio.abc.Stream) -> None:
        for piece in pieces:
            await stream.send_all(piece)
            await wait_all_tasks_blocked()
        if hang_up:
            await stream.aclose()

    return act


async def says_nothing(stream: trio.abc.Stream) -> None:
    await trio.sleep_forever()


async def test_where_no_connection_is_kept_it_is_not_begun(client: Client, endpoint: Any, results: Results) -> None:
    assert not client.begin(endpoint.url(), b"{}", HEADERS, results)
    assert not client.begin("ftp://nowhere/", b"{}", HEADERS, results)


async def test_before_the_client_runs_it_is_not_begun(nursery: trio.Nursery, endpoint: Any, results: Results) -> None:
    client = Client(LOOPBACK, timeout=5.0)
    assert (await client.post(endpoint.url(), b"{}", HEADERS)).is_taken
    assert not client.begin(endpoint.url(), b"{}", HEADERS, results)
    await nursery.start(client.run)
    assert client.begin(endpoint.url(), b"{}", HEADERS, results)
    assert (await results.next()).is_taken


async def test_posts_follow_one_another_on_a_connection_that_is_kept(
    client: Client, endpoint: Any, kept: None, results: Results
) -> None:
    for number in range(3):
        body = b'{"n":%d}' % number
        assert client.begin(endpoint.url(), body, HEADERS, results)
        assert (await results.next()).http_status == 200
        assert (endpoint.requests[-1].body, endpoint.requests[-1].headers["webhook-id"]) == (body, "evt_1")
    assert endpoint.connections == 1


async def test_the_next_can_be_begun_while_the_one_before_is_told(
    client: Client, endpoint: Any, kept: None, results: Results
) -> None:
    begun: list[bool] = []

    def next_one(result: PostResult) -> None:
        begun.append(client.begin(endpoint.url(), b"{}", HEADERS, results))

    assert client.begin(endpoint.url(), b"{}", HEADERS, next_one)
    assert (await results.next()).is_taken
    assert (begun, endpoint.connections) == ([True], 1)


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ((FULL[:20], FULL[20:]), 200),
        ((b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",), 503),
        ((b"HTTP/1.1 100 Continue\r\n\r\n", FULL), 200),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",), 200),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000,), 200),
    ],
)
async def test_answers_that_are_not_plain_are_read_with_care_and_the_connection_is_kept(
    client: Client, endpoint: Any, kept: None, results: Results, pieces: tuple[bytes, ...], status: int
) -> None:
    endpoint.script.append(says(*pieces))
    assert client.begin(endpoint.url(), b"{}", HEADERS, results)
    result = await results.next()
    assert (result.http_status, result.retry_after_seconds) == (status, 7 if status == 503 else None)
    await wait_all_tasks_blocked()
    assert client.begin(endpoint.url(), b"{}", HEADERS, results)
    assert (await results.next()).is_taken
    assert endpoint.connections == 1


async def test_where_the_kept_connection_ends_it_is_posted_anew(
    client: Client, endpoint: Any, kept: None, results: Results
) -> None:
    endpoint.script.append(says(hang_up=True))
    assert client.begin(endpoint.url(), b'{"n":1}', HEADERS, results)
    assert (await results.next()).is_taken
    assert (endpoint.connections, endpoint.requests[-1].body) == (2, b'{"n":1}')


async def test_an_answer_cut_short_is_no_success(client: Client, endpoint: Any, kept: None, results: Results) -> None:
    endpoint.script.append(says(b"HTTP/1.1 200", hang_up=True))
    assert client.begin(endpoint.url(), b"{}", HEADERS, results)
    result = await results.next()
    assert (result.http_status, result.error) == (None, "the connection was closed within the answer")


async def test_what_is_no_http_is_no_success(client: Client, endpoint: Any, kept: None, results: Results) -> None:
    endpoint.script.append(says(b"SSH-2.0-OpenSSH\r\n\r\n"))
    assert client.begin(endpoint.url(), b"{}", HEADERS, results)
    assert (await results.next()).error == "what came back is no answer in HTTP/1.1"


async def test_no_answer_in_time_ends_it_and_no_other(
    nursery: trio.Nursery, endpoint: Any, results: Results, autojump_clock: trio.testing.MockClock
) -> None:
    client = Client(LOOPBACK, timeout=3.0)
    await nursery.start(client.run)
    assert (await client.post(endpoint.url(), b"{}", HEADERS)).is_taken
    endpoint.script.append(says_nothing)
    started = trio.current_time()
    assert client.begin(endpoint.url(), b"{}", HEADERS, results)
    result = await results.next()
    assert (result.http_status, result.error) == (None, "no answer within 3 s")
    assert trio.current_time() - started == pytest.approx(3.0)
    assert (await client.post(endpoint.url(), b"{}", HEADERS)).is_taken
    assert client.begin(endpoint.url(), b"{}", HEADERS, results)
    assert (await results.next()).is_taken


async def test_an_answer_that_begins_and_goes_no_further_has_no_more_time_than_the_rest(
    nursery: trio.Nursery, endpoint: Any, results: Results, autojump_clock: trio.testing.MockClock
) -> None:
    client = Client(LOOPBACK, timeout=3.0)
    await nursery.start(client.run)
    assert (await client.post(endpoint.url(), b"{}", HEADERS)).is_taken

    async def stops(stream: trio.abc.Stream) -> None:
        await trio.sleep(2)
        await stream.send_all(b"HTTP/1.1 200")
        await trio.sleep_forever()

    endpoint.script.append(stops)
    started = trio.current_time()
    assert client.begin(endpoint.url(), b"{}", HEADERS, results)
    assert (await results.next()).error == "no answer within 3 s"
    assert trio.current_time() - started == pytest.approx(3.0)


async def test_a_body_larger_than_the_socket_takes_arrives_whole(
    client: Client, endpoint: Any, kept: None, results: Results
) -> None:
    body = b'"' + b"x" * 8_000_000 + b'"'
    assert client.begin(endpoint.url(), body, HEADERS, results)
    assert (await results.next()).is_taken
    assert endpoint.requests[-1].body == body


async def test_an_idle_connection_that_the_peer_closes_is_let_go(
    client: Client, endpoint: Any, kept: None, results: Results
) -> None:
    async def answers_and_leaves(stream: trio.abc.Stream) -> None:
        await stream.send_all(FULL)
        await wait_all_tasks_blocked()
        await stream.aclose()

    endpoint.script.append(answers_and_leaves)
    assert client.begin(endpoint.url(), b"{}", HEADERS, results)
    assert (await results.next()).is_taken
    await endpoint.closed.wait()
    await wait_all_tasks_blocked()
    assert client._pool.open == 0


async def test_a_post_is_worth_signing_at_once_only_where_a_connection_is_kept(client: Client, endpoint: Any) -> None:
    assert not client.may_begin(endpoint.url())
    assert not client.may_begin("ftp://nowhere/")
    assert (await client.post(endpoint.url(), b"{}", HEADERS)).is_taken
    assert client.may_begin(endpoint.url())


async def test_a_fault_over_one_that_is_late_ends_no_other(
    nursery: trio.Nursery,
    endpoint: Any,
    results: Results,
    caplog: pytest.LogCaptureFixture,
    autojump_clock: trio.testing.MockClock,
) -> None:
    client = Client(LOOPBACK, timeout=3.0)
    await nursery.start(client.run)
    assert (await client.post(endpoint.url(), b"{}", HEADERS)).is_taken
    endpoint.script.append(says_nothing)

    def raises(result: PostResult) -> None:
        raise ZeroDivisionError

    assert client.begin(endpoint.url(), b"{}", HEADERS, raises)
    await trio.sleep(4)
    assert "webhook fault after its time-out" in caplog.text
    assert (await client.post(endpoint.url(), b"{}", HEADERS)).is_taken
    assert client.begin(endpoint.url(), b"{}", HEADERS, results)
    assert (await results.next()).is_taken


async def test_a_fault_over_one_answer_ends_no_other(
    client: Client, endpoint: Any, kept: None, results: Results, caplog: pytest.LogCaptureFixture
) -> None:
    def raises(result: PostResult) -> None:
        raise ZeroDivisionError

    assert client.begin(endpoint.url(), b"{}", HEADERS, raises)
    await wait_all_tasks_blocked()
    while "webhook fault" not in caplog.text:
        await trio.lowlevel.checkpoint()
    assert (await client.post(endpoint.url(), b"{}", HEADERS)).is_taken
    assert client.begin(endpoint.url(), b"{}", HEADERS, results)
    assert (await results.next()).is_taken
