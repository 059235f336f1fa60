"""The client asking a question whose answer is read, against a real server on loopback."""

import ipaddress
from typing import Any

import pytest
import trio

from gateway.webhooks.addresses import AddressGuard
from gateway.webhooks.client import Client

QUESTION = b'{"number":"+34600000001"}'


@pytest.fixture
def client(nursery: trio.Nursery) -> Client:
    client = Client(AddressGuard([ipaddress.ip_network("127.0.0.1/32")]), timeout=1.0)
    nursery.start_soon(client.run)
    return client


def saying(*pieces: bytes, hang_up: bool = False) -> Any:
    async def act(stream: trio.abc.Stream) -> None:
        for piece in pieces:
            await stream.send_all(piece)
        if hang_up:
            await stream.aclose()

    return act


def answer(body: bytes, status: int = 200) -> bytes:
    return b"HTTP/1.1 %d Whatever\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


async def test_the_body_of_an_answer_is_read_and_the_connection_kept(client: Client, endpoint: Any) -> None:
    endpoint.script.extend([saying(answer(b"one")), saying(answer(b"tw")[:-1], b"w")])
    assert await client.ask(endpoint.url(), QUESTION, [(b"authorization", b"Bearer t")], most=100) == (b"one", None)
    assert await client.ask(endpoint.url(), QUESTION, [], most=100) == (b"tw", None)
    assert endpoint.connections == 1
    assert endpoint.requests[0].body == QUESTION
    assert endpoint.requests[0].headers["authorization"] == "Bearer t"


async def test_an_answer_in_chunks_is_put_together(client: Client, endpoint: Any) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    endpoint.script.append(saying(head, b"2\r\non\r\n", b"1\r\ne\r\n0\r\n\r\n"))
    assert await client.ask(endpoint.url(), QUESTION, [], most=100) == (b"one", None)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (answer(b"no", 503), "answered 503 Service Unavailable"),
        (answer(b"", 204).replace(b"Content-Length: 0\r\n", b""), "answered 204"),
        (answer(b"x" * 101), "answered with more than 100 octets"),
        (b"220 smtp ready\r\n\r\n", "what came back is no answer in HTTP/1.1"),
    ],
)
async def test_what_is_no_answer_is_told_in_words(client: Client, endpoint: Any, said: bytes, error: str) -> None:
    endpoint.script.append(saying(said, hang_up=True))
    found = await client.ask(endpoint.url(), QUESTION, [], most=100)
    assert found.error == error


async def test_an_answer_that_breaks_off_is_none(client: Client, endpoint: Any) -> None:
    endpoint.script.append(saying(answer(b"one")[:-1], hang_up=True))
    found = await client.ask(endpoint.url(), QUESTION, [], most=100)
    assert found == (b"", "the connection broke within the answer")


async def test_an_answer_that_never_ends_is_left_after_the_time_out(client: Client, endpoint: Any) -> None:
    async def begin(stream: trio.abc.Stream) -> None:
        await stream.send_all(answer(b"one")[:-1])
        await stream.receive_some(1)

    endpoint.script.append(begin)
    found = await client.ask(endpoint.url(), QUESTION, [], most=100)
    assert found == (b"", "no answer within 1 s")
    await endpoint.closed.wait()


async def test_an_address_that_is_none_is_told(client: Client) -> None:
    assert (await client.ask("https://", QUESTION, [], most=100)).error is not None
