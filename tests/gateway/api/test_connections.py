"""Over a real socket: a connection ends when its caller asked for that, and not before."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from hypercorn.config import Config
from hypercorn.trio import serve


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[tuple[str, int]]:
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.accesslog = config.errorlog = None
    config.graceful_timeout = 1.0
    async with trio.open_nursery() as nursery:
        stop = trio.Event()
        (url,) = await nursery.start(lambda **given: serve(app, config, shutdown_trigger=stop.wait, **given))
        host, _, port = url.removeprefix("http://").rpartition(":")
        yield host, int(port)
        stop.set()


async def read_to_the_end(stream: trio.SocketStream) -> bytes:
    with trio.fail_after(30):
        return b"".join([octets async for octets in stream])


@pytest.mark.parametrize(
    "head",
    [
        "GET {} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET {} HTTP/1.0\r\n\r\n",
    ],
    ids=["Connection: close", "HTTP/1.0"],
)
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/nowhere", "/openapi.json"])
async def test_a_client_that_reads_to_the_end_gets_there(house: Any, head: str, path: str) -> None:
    async with serving(house.app) as (host, port), await trio.open_tcp_stream(host, port) as stream:
        await stream.send_all(head.format(path).encode())
        answer = await read_to_the_end(stream)
    before, _, body = answer.partition(b"\r\n\r\n")
    assert before.startswith(b"HTTP/1.1 ")
    assert len(body) > 10


async def test_a_caller_that_sends_and_reads_to_the_end_gets_there(house: Any) -> None:
    body = b'{"to":"+34600000001","text":"x"}'
    head = b"Host: a\r\nAuthorization: Bearer shop\r\nContent-Type: application/json\r\nConnection: close\r\n"
    async with serving(house.app) as (host, port), await trio.open_tcp_stream(host, port) as stream:
        await stream.send_all(b"POST /v1/sms HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n" % (head, len(body)))
        await stream.send_all(body)
        answer = await read_to_the_end(stream)
    assert answer.startswith(b"HTTP/1.1 201")
    assert answer.endswith(b"}")


async def test_a_kept_connection_takes_the_next_call(house: Any) -> None:
    ask = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"
    async with serving(house.app) as (host, port), await trio.open_tcp_stream(host, port) as stream:
        await stream.send_all(ask + b"\r\n")
        with trio.fail_after(30):
            first = await stream.receive_some(65_536)
        await stream.send_all(ask + b"Connection: close\r\n\r\n")
        second = await read_to_the_end(stream)
    assert first.startswith(b"HTTP/1.1 200")
    assert b'{"status":"ok"}' in second


@pytest.mark.parametrize("app", ["app", "operator_app"])
@pytest.mark.parametrize(
    "head",
    [
        "GET /healthz HTTP/1.1\r\nHost: a..b",
        "GET /healthz HTTP/1.1\r\nHost: .example",
        f"GET /healthz HTTP/1.1\r\nHost: {'a' * 64}:8080",
        "POST /v1/sms/stream HTTP/1.1\r\nContent-Length: 9\r\nHost: a..b",
        "POST /v1/campaigns/sms HTTP/1.1\r\nContent-Length: 9\r\nHost: a..b",
        "GET ?a=1 HTTP/1.1\r\nHost: a",
        "HEAD ?a=1 HTTP/1.1\r\nHost: a",
        "GET http://[x/healthz HTTP/1.1\r\nHost: a",
    ],
)
async def test_a_host_or_a_target_that_is_none_is_refused_as_all_else_is(house: Any, app: str, head: str) -> None:
    async with serving(getattr(house, app)) as (host, port), await trio.open_tcp_stream(host, port) as stream:
        await stream.send_all(f"{head}\r\nConnection: close\r\n\r\n".encode())
        answer = await read_to_the_end(stream)
    before, _, body = answer.partition(b"\r\n\r\n")
    assert before.startswith(b"HTTP/1.1 400 ")
    for header in (b"content-type: application/problem+json", b"request-id: req_", b"cache-control: no-store"):
        assert header in before
    assert head.startswith("HEAD") or b'"code":"bad_request"' in body
