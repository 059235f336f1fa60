"""The client against a real server on loopback that misbehaves as told."""

import ipaddress
import socket
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import trio

from gateway.webhooks.addresses import AddressGuard
from gateway.webhooks.client import Client
from gateway.webhooks.requests import USER_AGENT

LOOPBACK = AddressGuard([ipaddress.ip_network("127.0.0.1/32")])
HEADERS = [(b"webhook-id", b"evt_1")]


Build = Callable[..., Client]


@pytest.fixture
def build(nursery: trio.Nursery) -> Build:
    """A client as told; what it keeps open is closed when the test ends."""

    def build(guard: AddressGuard = LOOPBACK, *, timeout: float = 5.0, **more: Any) -> Client:
        client = Client(guard, timeout=timeout, **more)
        nursery.start_soon(client.run)
        return client

    return build


@pytest.fixture
def client(build: Build) -> Client:
    return build()


def answer(status: int = 200, body: bytes = b"ok", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def says(*pieces: bytes, hang_up: bool = False) -> Any:
    async def act(stream: trio.abc.Stream) -> None:
        for piece in pieces:
            await stream.send_all(piece)
        if hang_up:
            await stream.aclose()

    return act


async def says_nothing(stream: trio.abc.Stream) -> None:
    await trio.sleep_forever()


async def test_an_event_is_posted_as_json_with_our_name_and_its_headers(endpoint: Any, client: Client) -> None:
    result = await client.post(endpoint.url("/sms?key=a b&x=ü".replace(" ", "%20")), b'{"a":1}', HEADERS)
    request = endpoint.requests[0]
    assert (result.http_status, result.error, result.is_taken) == (200, None, True)
    assert request.target == "/sms?key=a%20b&x=%C3%BC"
    assert request.body == b'{"a":1}'
    assert request.headers == {
        "host": f"127.0.0.1:{endpoint.port}",
        "user-agent": USER_AGENT.decode(),
        "content-type": "application/json",
        "content-length": "7",
        "webhook-id": "evt_1",
    }


@pytest.mark.parametrize("status", [200, 201, 202, 204, 226, 299])
async def test_any_2xx_is_success(endpoint: Any, client: Client, status: int) -> None:
    endpoint.script.append(says(answer(status, b"" if status == 204 else b"fine")))
    result = await client.post(endpoint.url(), b"{}", HEADERS)
    assert (result.http_status, result.error) == (status, None)


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503, 599])
async def test_any_other_status_is_a_failure_that_names_it(endpoint: Any, client: Client, status: int) -> None:
    endpoint.script.append(says(answer(status)))
    result = await client.post(endpoint.url(), b"{}", HEADERS)
    assert result.http_status == status
    assert result.error is not None
    assert str(status) in result.error
    assert not result.is_gone


async def test_a_redirect_is_not_followed(endpoint: Any, client: Client) -> None:
    endpoint.script.append(says(answer(302, Location=endpoint.url("/elsewhere"))))
    result = await client.post(endpoint.url(), b"{}", HEADERS)
    assert result.http_status == 302
    assert "redirects are not followed" in str(result.error)
    assert "elsewhere" not in str(result.error)
    assert len(endpoint.requests) == 1


async def test_410_says_that_the_endpoint_is_gone(endpoint: Any, client: Client) -> None:
    endpoint.script.append(says(answer(410)))
    result = await client.post(endpoint.url(), b"{}", HEADERS)
    assert result.is_gone
    assert not result.is_taken


async def test_retry_after_is_read_in_seconds_and_as_a_date(endpoint: Any, client: Client) -> None:
    later = (datetime.now(UTC) + timedelta(seconds=90)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    for value in ("120", later, "Mon, 01 Jan 2001 00:00:00 GMT", "soon", "-5", "9" * 5000):
        endpoint.script.append(says(answer(503, Retry_After=value)))
    read = [(await client.post(endpoint.url(), b"{}", HEADERS)).retry_after_seconds for _ in range(6)]
    assert read[0] == 120
    assert read[1] in (88, 89, 90)
    assert read[2:] == [0, None, None, 999_999_999]


async def test_a_connection_is_kept_for_the_next_post(endpoint: Any, client: Client) -> None:
    for _ in range(5):
        assert (await client.post(endpoint.url(), b"{}", HEADERS)).is_taken
    assert endpoint.connections == 1
    assert client._pool.open == 1


async def test_connection_close_is_obeyed(endpoint: Any, client: Client) -> None:
    endpoint.script.append(says(answer(200, Connection="close"), hang_up=True))
    assert (await client.post(endpoint.url(), b"{}", HEADERS)).is_taken
    assert client._pool.open == 0
    assert (await client.post(endpoint.url(), b"{}", HEADERS)).is_taken
    assert endpoint.connections == 2


async def test_a_chunked_answer_is_read_to_its_end_and_the_connection_kept(endpoint: Any, client: Client) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    endpoint.script.append(says(head, b"2\r\nok\r\n", b"0\r\n\r\n"))
    for _ in range(2):
        assert (await client.post(endpoint.url(), b"{}", HEADERS)).is_taken
    assert endpoint.connections == 1


async def test_early_hints_are_no_answer_yet(endpoint: Any, client: Client) -> None:
    endpoint.script.append(says(b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", answer(201)))
    assert (await client.post(endpoint.url(), b"{}", HEADERS)).http_status == 201


async def test_a_connection_that_was_closed_while_it_idled_is_not_used_again(endpoint: Any, client: Client) -> None:
    endpoint.script.append(says(answer(), hang_up=True))
    assert (await client.post(endpoint.url(), b"{}", HEADERS)).is_taken
    await endpoint.closed.wait()
    assert (await client.post(endpoint.url(), b"{}", HEADERS)).is_taken
    assert [request.connection for request in endpoint.requests] == [1, 2]


async def test_a_kept_connection_closed_as_we_write_is_tried_once_on_a_fresh_one(endpoint: Any, client: Client) -> None:
    endpoint.script.extend([says(answer()), says(hang_up=True), says(answer(201))])
    assert (await client.post(endpoint.url(), b"{}", HEADERS)).http_status == 200
    assert (await client.post(endpoint.url(), b"{}", HEADERS)).http_status == 201
    assert [request.connection for request in endpoint.requests] == [1, 1, 2]


async def test_a_fresh_connection_closed_without_an_answer_is_not_tried_again(endpoint: Any, client: Client) -> None:
    endpoint.script.append(says(hang_up=True))
    result = await client.post(endpoint.url(), b"{}", HEADERS)
    assert (result.http_status, result.error) == (None, "the connection was closed before an answer came")
    assert len(endpoint.requests) == 1
    assert client._pool.open == 0


async def test_a_kept_connection_that_broke_within_an_answer_is_not_tried_again(endpoint: Any, client: Client) -> None:
    endpoint.script.extend([says(answer()), says(b"HTTP/1.1 200 O", hang_up=True)])
    await client.post(endpoint.url(), b"{}", HEADERS)
    result = await client.post(endpoint.url(), b"{}", HEADERS)
    assert result.http_status is None
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize(
    "garbage",
    [
        b"220 mail.example ESMTP\r\n\r\n",
        b"\x00\xff" * 100,
        b"HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
    ],
)
async def test_garbage_is_a_failure_that_shows_none_of_it(endpoint: Any, client: Client, garbage: bytes) -> None:
    endpoint.script.append(says(garbage, hang_up=True))
    result = await client.post(endpoint.url(), b"{}", HEADERS)
    assert (result.http_status, result.error) == (None, "what came back is no answer in HTTP/1.1")
    assert client._pool.open == 0


async def test_an_endpoint_that_never_answers_is_given_up_in_time(endpoint: Any, build: Build) -> None:
    hasty_client = build(timeout=0.2)  # this is what the test waits for
    endpoint.script.append(says_nothing)
    result = await hasty_client.post(endpoint.url(), b"{}", HEADERS)
    assert (result.http_status, result.error) == (None, "no answer within 0.2 s")
    assert result.latency_ms >= 200
    assert hasty_client._pool.open == 0


async def test_a_huge_answer_is_success_and_its_connection_is_dropped(endpoint: Any, client: Client) -> None:
    endpoint.script.append(says(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n", b"x" * 200_000))
    assert (await client.post(endpoint.url(), b"{}", HEADERS)).is_taken
    assert client._pool.open == 0


async def test_a_body_that_never_ends_does_not_undo_a_success(endpoint: Any, build: Build) -> None:
    client = build(timeout=0.2)  # how long the test waits for the rest

    async def head_alone(stream: trio.abc.Stream) -> None:
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        await trio.sleep_forever()

    endpoint.script.append(head_alone)
    assert (await client.post(endpoint.url(), b"{}", HEADERS)).is_taken
    assert client._pool.open == 0


async def test_bytes_after_an_answer_are_not_taken_for_the_next_one(endpoint: Any, client: Client) -> None:
    endpoint.script.append(says(answer() + answer(500)))
    assert (await client.post(endpoint.url(), b"{}", HEADERS)).http_status == 200
    assert client._pool.open == 0
    assert (await client.post(endpoint.url(), b"{}", HEADERS)).http_status == 200


@pytest.mark.parametrize("politely", [True, False])
async def test_an_early_answer_to_a_large_body_is_heard(nursery: trio.Nursery, client: Client, politely: bool) -> None:
    async def refuse(stream: trio.SocketStream) -> None:
        await stream.receive_some(1)
        await stream.send_all(answer(413, Connection="close"))
        if politely:
            await stream.send_eof()
            while await stream.receive_some(65536):
                pass

    listeners = await nursery.start(partial(trio.serve_tcp, refuse, 0, host="127.0.0.1"))
    port = listeners[0].socket.getsockname()[1]
    result = await client.post(f"http://127.0.0.1:{port}/", b"x" * 10_000_000, HEADERS)
    assert result.http_status == 413
    assert client._pool.open == 0


@pytest.mark.parametrize("piece", [b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le", b"H"])
async def test_an_answer_that_breaks_off_is_a_failure(endpoint: Any, client: Client, piece: bytes) -> None:
    endpoint.script.append(says(piece, hang_up=True))
    result = await client.post(endpoint.url(), b"{}", HEADERS)
    assert (result.http_status, result.error) == (None, "the connection was closed within the answer")


async def test_a_port_where_nobody_listens_is_a_failure_in_words(client: Client) -> None:
    with trio.socket.socket() as free:
        await free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        result = await client.post(f"http://127.0.0.1:{port}/?token=secret", b"{}", HEADERS)
    assert result.error == f"no connection to 127.0.0.1 port {port}: connection refused"


async def test_a_url_that_is_none_is_a_failure_in_words(client: Client) -> None:
    result = await client.post("ftp://shop.example/?token=secret", b"{}", HEADERS)
    assert str(result.error).startswith("the URL is not a URL that events can be put to")
    assert "secret" not in str(result.error)


async def test_a_name_that_is_not_resolved_is_a_failure_in_words(build: Build) -> None:
    async def no_such_name(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(-2, "Name or service not known")

    client = build(resolve=no_such_name)
    result = await client.post("https://shop.example/", b"{}", HEADERS)
    assert result.error == "the name shop.example was not resolved: name or service not known"


async def test_dns_that_changes_its_answer_cannot_lead_inside(
    endpoint: Any, nursery: trio.Nursery, build: Build
) -> None:
    inside = []

    async def secret_service(stream: trio.SocketStream) -> None:
        inside.append(stream)

    nursery.start_soon(partial(trio.serve_tcp, secret_service, endpoint.port, host="127.0.0.2"))
    answers = [["127.0.0.1"], ["127.0.0.2"]]

    async def rebinding(host: str, port: int) -> Sequence[str]:
        return answers.pop(0)

    endpoint.script.append(says(answer(200, Connection="close")))
    client = build(resolve=rebinding)
    first = await client.post(endpoint.url(host="shop.example"), b"{}", HEADERS)
    assert first.is_taken
    assert answers == [["127.0.0.2"]]  # asked once: the address checked is the one connected to
    second = await client.post(endpoint.url(host="shop.example"), b"{}", HEADERS)
    assert second.http_status is None
    assert "webhooks.allow_networks" in str(second.error)
    assert "127.0.0.2" not in str(second.error)
    assert inside == []


async def test_of_several_addresses_those_inside_are_left_out(endpoint: Any, build: Build) -> None:
    async def mixed(host: str, port: int) -> Sequence[str]:
        return ["10.0.0.1", "::1", "127.0.0.1"]

    client = build(resolve=mixed)
    assert (await client.post(endpoint.url(host="shop.example"), b"{}", HEADERS)).is_taken


async def test_the_next_address_is_tried_when_one_refuses(endpoint: Any, build: Build) -> None:
    async def two(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.9", "127.0.0.1"]

    client = build(AddressGuard([ipaddress.ip_network("127.0.0.0/8")]), resolve=two)
    assert (await client.post(endpoint.url(host="shop.example"), b"{}", HEADERS)).is_taken


async def to_loopback(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


async def test_https_is_spoken_to_a_trusted_certificate(tls_endpoint: Any, certificates: Any, build: Build) -> None:
    tls = ssl.create_default_context(cafile=certificates.authority)
    client = build(tls=tls, resolve=to_loopback)
    for _ in range(3):
        result = await client.post(tls_endpoint.url(host="shop.example", scheme="https"), b"{}", HEADERS)
        assert result.error is None
    assert tls_endpoint.connections == 1
    assert tls_endpoint.requests[0].headers["host"] == f"shop.example:{tls_endpoint.port}"


async def test_a_certificate_for_another_name_is_refused(tls_endpoint: Any, certificates: Any, build: Build) -> None:
    tls = ssl.create_default_context(cafile=certificates.authority)
    client = build(tls=tls, resolve=to_loopback)
    result = await client.post(tls_endpoint.url(host="other.example", scheme="https"), b"{}", HEADERS)
    assert str(result.error).startswith("no TLS with other.example: its certificate is refused: Hostname mismatch")
    assert tls_endpoint.requests == []
    assert client._pool.open == 0


async def test_a_certificate_that_nobody_vouches_for_is_refused(tls_endpoint: Any, build: Build) -> None:
    client = build(resolve=to_loopback)
    result = await client.post(tls_endpoint.url(host="shop.example", scheme="https"), b"{}", HEADERS)
    assert "self-signed certificate" in str(result.error)
    assert tls_endpoint.requests == []


async def test_https_to_a_server_without_tls_is_a_failure_in_words(endpoint: Any, build: Build) -> None:
    client = build()
    result = await client.post(endpoint.url(scheme="https"), b"{}", HEADERS)
    assert str(result.error).startswith("no TLS with 127.0.0.1: ")
    assert client._pool.open == 0


async def test_a_cancelled_post_leaves_no_connection_open(endpoint: Any, client: Client) -> None:
    asked = trio.Event()

    async def ask_and_wait(stream: trio.abc.Stream) -> None:
        asked.set()
        await trio.sleep_forever()

    endpoint.script.append(ask_and_wait)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.post, endpoint.url(), b"{}", HEADERS)
        await asked.wait()
        nursery.cancel_scope.cancel()
    assert client._pool.open == 0


async def test_connections_that_idle_make_room_for_new_ones(nursery: trio.Nursery, endpoint: Any, build: Build) -> None:
    async def several(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    client = build(connections=2, resolve=several)
    for host in ("a.example", "b.example", "c.example", "b.example"):
        assert (await client.post(endpoint.url(host=host), b"{}", HEADERS)).is_taken
    assert client._pool.open == 2
    assert [request.connection for request in endpoint.requests] == [1, 2, 3, 2]


async def test_run_closes_what_idles_when_it_ends(endpoint: Any) -> None:
    client = Client(LOOPBACK, timeout=5.0)
    async with trio.open_nursery() as nursery:
        await nursery.start(client.run)
        await client.post(endpoint.url(), b"{}", HEADERS)
        assert client._pool.open == 1
        nursery.cancel_scope.cancel()
    assert client._pool.open == 0
    await endpoint.closed.wait()
