"""Both kinds of listeners over real sockets: whatever octets come, they answer alike."""

import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, NamedTuple

import h11
import pytest
import trio

from gateway.identifiers import Identifiers
from gateway.serving.server import Limits, Server, listener
from gateway.serving.waits import MOST_HEAD, Patience

ITEM = b'{"to":"+34600000001","text":"Your code is 1234"}'
_CHANGING = re.compile(rb"(msg|sub|req)_[0-9A-Z]{26}|\d{4}-\d\d-\d\dT[0-9:.]+Z")
_COUNTED = frozenset({b"date", b"request-id", b"location", b"content-length", b"connection", b"idempotent-replayed"})


class Answer(NamedTuple):
    """Without what changes from call to call."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Doors:
    """The ports of one server's two listeners."""

    def __init__(self, server: Server, front: int, lean: int) -> None:
        self.server = server
        self.front = front
        self.lean = lean

    async def say(self, port: int, *pieces: bytes) -> list[Answer]:
        """All that is answered until the connection ends; the last piece is the end of ours."""
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            said = b""
            with trio.fail_after(30):
                for piece in pieces:
                    try:
                        await stream.send_all(piece)
                    except trio.BrokenResourceError:
                        break
                    await trio.lowlevel.checkpoint()
                try:
                    async for octets in stream:
                        said += octets
                except trio.BrokenResourceError:
                    pass
        return answers_of(said)

    async def both(self, *pieces: bytes) -> tuple[list[Answer], list[Answer]]:
        """The front's answers and the lean listener's."""
        return await self.say(self.front, *pieces), await self.say(self.lean, *pieces)


def answers_of(said: bytes) -> list[Answer]:
    """As a strict client reads them."""
    parser = h11.Connection(h11.CLIENT)
    found: list[Answer] = []
    parser.receive_data(said)
    parser.receive_data(b"")
    begin(parser)
    status, headers, body = 0, [], b""
    while True:
        try:
            event = parser.next_event()
        except h11.RemoteProtocolError:
            # The connection ended where another answer might have come.
            assert parser.trailing_data[0] == b""
            return found
        if isinstance(event, h11.Response):
            status, headers, body = event.status_code, list(event.headers), b""
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            told = sorted((name, value) for name, value in headers if name not in _COUNTED)
            found.append(Answer(status, told, _CHANGING.sub(b"", body)))
            if parser.their_state is not h11.DONE:
                return found
            parser.start_next_cycle()
            begin(parser)
        elif not isinstance(event, h11.InformationalResponse):
            return found


def begin(parser: h11.Connection) -> None:
    parser.send(h11.Request(method="POST", target="/", headers=[("host", "x")]))
    parser.send(h11.EndOfMessage())


@asynccontextmanager
async def doors_of(app: Any) -> AsyncIterator[Doors]:
    """Doors that wait for nothing for long."""
    app.config["BODY_TIMEOUT"] = app.direct.body_timeout = 3.0
    patience = Patience(head=3.0, idle=3.0, linger=0.2, settle=0.0)
    server = Server(app, Identifiers(), Limits(200, 1.0, patience), app.direct)
    sockets = [listener("127.0.0.1:0") for _ in range(2)]
    front, lean = (one.getsockname()[1] for one in sockets)
    async with trio.open_nursery() as nursery:
        await nursery.start(server.run, sockets[:1], sockets[1:])
        yield Doors(server, front, lean)
        server.stop.set()
        with trio.fail_after(30):
            await server.ended.wait()


def post(
    path: str = "/v1/sms",
    *more: str,
    body: bytes = ITEM,
    length: int | None = -1,
    version: str = "1.1",
    close: bool = True,
) -> bytes:
    """A request; `more` are header lines, `length` -1 that of the body, None for no such header."""
    lines = [f"POST {path} HTTP/{version}", "Host: a", "Authorization: Bearer shop", "Content-Type: application/json"]
    if length is not None:
        lines.append(f"Content-Length: {len(body) if length < 0 else length}")
    lines += more
    if close:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunked(*chunks: bytes, close: bool = True, path: str = "/v1/sms") -> bytes:
    coded = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in chunks)
    return post(path, "Transfer-Encoding: chunked", body=coded + b"0\r\n\r\n", length=None, close=close)


HEAD = b"POST /v1/sms HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer shop\r\nContent-Type: application/json\r\n"
CORPUS = {
    "one": post(),
    "the short path": post("/send"),
    "a bulk": post("/v1/sms/bulk", body=b"[%b,%b]" % (ITEM, ITEM)),
    "a query": post("/v1/sms/bulk?flag_duplicates=true", body=b"[%b,%b]" % (ITEM, ITEM)),
    "an empty query": post("/v1/sms?"),
    "a charset": post(body=ITEM).replace(b"application/json", b"application/json; charset=utf-8"),
    "another charset": post(body=ITEM).replace(b"application/json", b"application/json; charset=latin-1"),
    "another type": post(body=ITEM).replace(b"application/json", b"text/plain"),
    "gzip": post("/v1/sms", "Content-Encoding: gzip"),
    "no token": post().replace(b"Bearer shop", b"Bearer nobody"),
    "a token of another kind": post().replace(b"Bearer shop", b"Basic shop"),
    "a token that may not": post().replace(b"Bearer shop", b"Bearer shop-read"),
    "a token for elsewhere": post().replace(b"Bearer shop", b"Bearer shop-inside"),
    "no body": post(body=b""),
    "no length": post(length=None, body=b""),
    "no JSON": post(body=b"{"),
    "a wrong field": post(body=b'{"to":"600","text":""}'),
    "an array": post(body=b"[]"),
    "a key that is none": post("/v1/sms", "Idempotency-Key: two words"),
    "two keys": post("/v1/sms", "Idempotency-Key: a", "Idempotency-Key: b"),
    "a key with blanks around it": post("/v1/sms", "Idempotency-Key:   \t a b \t "),
    "a header twice": post("/v1/sms", "X-A: 1", "x-a: 2"),
    "an empty header": post("/v1/sms", "X-A:"),
    "octets in a header": post("/v1/sms", "X-A: \xe9\xff"),
    "a control in a header": post("/v1/sms", "X-A: a\x01b"),
    "HTTP/1.0": post(version="1.0", close=False),
    "HTTP/1.2": post(version="1.2"),
    "HTTP/3": post(version="3.0"),
    "chunks": chunked(ITEM),
    "many chunks": chunked(*[ITEM[at : at + 1] for at in range(len(ITEM))]),
    "chunks with more about them": post(
        "/v1/sms", "Transfer-Encoding: chunked", body=b"30;a=b \r\n%b\r\n0\r\nX-Sum: 1\r\n\r\n" % ITEM, length=None
    ),
    "no chunks": chunked(),
    "chunks of a query": chunked(ITEM, path="/v1/sms?a=b"),
    "a bad chunk": post("/v1/sms", "Transfer-Encoding: chunked", body=b"secret\r\n", length=None),
    "a chunk that goes on": post("/v1/sms", "Transfer-Encoding: chunked", body=b"1\r\nabc\r\n0\r\n\r\n", length=None),
    "a bad trailer": post("/v1/sms", "Transfer-Encoding: chunked", body=b"0\r\nx y\r\n\r\n", length=None),
    "a chunk's size too long": post("/v1/sms", "Transfer-Encoding: chunked", body=b"0" * 21 + b"\r\n", length=None),
    "a length and chunks": post("/v1/sms", "Transfer-Encoding: chunked"),
    "chunks and a length": chunked(ITEM).replace(b"Connection", b"Content-Length: 3\r\nConnection"),
    "an unknown coding": post("/v1/sms", "Transfer-Encoding: gzip", length=None),
    "two codings": post("/v1/sms", "Transfer-Encoding: gzip, chunked", length=None),
    "chunked twice": chunked(ITEM).replace(b"Host: a", b"Host: a\r\nTransfer-Encoding: chunked"),
    "chunked in capitals": post("/v1/sms", "Transfer-Encoding: CHUNKED", body=b"0\r\n\r\n", length=None),
    "two equal lengths": post("/v1/sms", f"Content-Length: {len(ITEM)}"),
    "two lengths": post("/v1/sms", "Content-Length: 3"),
    "a list of lengths": post(length=None).replace(b"Host: a", b"Host: a\r\nContent-Length: 48, 48"),
    "a length with a sign": HEAD + b"Connection: close\r\nContent-Length: +4\r\n\r\n1234",
    "a length that is no number": HEAD + b"Content-Length: four\r\n\r\n1234",
    "an empty length": HEAD + b"Content-Length:\r\n\r\n",
    "a length of many digits": HEAD + b"Content-Length: " + b"0" * 30 + b"4\r\nConnection: close\r\n\r\n1234",
    "a length above the limit": HEAD + b"Content-Length: 99999999\r\n\r\n",
    "no host": post().replace(b"Host: a\r\n", b""),
    "two hosts": post("/v1/sms", "host: b"),
    "an expectation": post("/v1/sms", "Expect: 100-continue"),
    "another expectation": post("/v1/sms", "Expect: payment"),
    "an upgrade": post("/v1/sms", "Upgrade: h2c", "Connection: upgrade, close", close=False),
    "an encoded path": post("/v1/sm%73"),
    "a fragment": post("/v1/sms?a#b"),
    "a blank before the colon": HEAD + b"X : 1\r\n\r\n",
    "a folded header": HEAD + b"X-A: 1\r\n 2\r\nConnection: close\r\nContent-Length: 48\r\n\r\n" + ITEM,
    "bare line feeds": post().replace(b"\r\n", b"\n"),
    "one bare line feed": HEAD + b"X: 1\nY: 2\r\nConnection: close\r\nContent-Length: 48\r\n\r\n" + ITEM,
    "a carriage return in a header": HEAD + b"X: 1\r2\r\n\r\n",
    "an early end by line feeds": b"POST /v1/sms HTTP/1.1\nHost: a\n\nPOST /v1/sms HTTP/1.1\r\n\r\n",
    "no request line": b"POST\r\n\r\n",
    "an empty line first": b"\r\n" + post(),
    "TLS": b"\x16\x03\x01\x02\0\x01\xfc\x03\x03",
    "TLS with an end": b"\x16\x03\x01\x02\0\x01\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a large head": HEAD + b"X: " + b"x" * MOST_HEAD,
    "a large head that is whole": post("/v1/sms", "X: " + "x" * MOST_HEAD),
    "a header of many octets": post("/v1/sms", "X: " + "x" * 15_000),
    "a target with a blank": post("/v1/sms?a b"),
    "a target with octets": post("/v1/sms?\xe9"),
    "a method in small letters": post().replace(b"POST", b"post"),
    "several in a row": post(close=False) + post("/send", close=False) + chunked(ITEM, close=False)
    + post("/v1/sms?x", close=False) + post("/v1/sms", "Expect: 100-continue", close=False) + post(body=b"{"),
    "a last one with more behind it": post() + post() + b"GARBAGE",
    "a bad one behind a good one": post(close=False) + b"GARBAGE\r\n\r\n",
    "a close in capitals": post(close=False).replace(b"Host: a", b"Host: a\r\nConnection: Close"),
    "a connection of several": post(close=False).replace(b"Host: a", b"Host: a\r\nConnection: keep-alive, close"),
}  # fmt: skip


@pytest.mark.parametrize("octets", CORPUS.values(), ids=CORPUS)
async def test_both_listeners_answer_alike(house: Any, octets: bytes) -> None:
    async with doors_of(house.app) as doors:
        front, lean = await doors.both(octets)
    assert front
    assert lean == front


async def test_both_listeners_answer_alike_however_it_comes(house: Any) -> None:
    async with doors_of(house.app) as doors:
        for name in ("one", "chunks", "several in a row", "a bad chunk", "chunks with more about them", "TLS"):
            octets = CORPUS[name]
            front, lean = await doors.both(*[octets[at : at + 3] for at in range(0, len(octets), 3)])
            assert front == await doors.say(doors.front, octets) == lean


MUTATIONS = (
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b":",
    b"\t",
    b"\0",
    b"\xff",
    b"1",
    b",",
    b"chunked",
    b"close",
    b"?",
    b"%",
    b";",
)


def mutated(octets: bytes, chance: random.Random) -> bytes:
    """With a few octets taken away, doubled or put in; in the head mostly."""
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(octets))
        size = chance.choice((0, 0, 1, 1, 2, 8))
        put = chance.choice((b"", octets[at : at + size] * 2, *MUTATIONS))
        octets = octets[:at] + put + octets[at + size :]
    return octets


CLIENT_ERRORS = range(400, 500)


@pytest.mark.parametrize("seed", range(3))
async def test_both_listeners_answer_alike_to_what_was_garbled(house: Any, seed: int) -> None:
    chance, known = random.Random(seed), [octets for octets in CORPUS.values() if len(octets) < 2_000]
    async with doors_of(house.app) as doors, trio.open_nursery() as nursery:
        for _ in range(40):
            nursery.start_soon(compare, doors, mutated(chance.choice(known), chance))


async def compare(doors: Doors, octets: bytes) -> None:
    front, lean = await doors.both(octets)
    if not front or not lean or any(b"http.submit_listen" in answer.body for answer in lean):
        # Where the front had begun to answer when it found the fault, it says nothing whole; so it does on both doors.
        return
    if b"chunked" in octets and HTTPStatus.BAD_REQUEST in (front[-1].status, lean[-1].status):
        # A fault among the chunks of a call that is refused by its head: whichever is found first is told.
        assert all(answer.status in CLIENT_ERRORS for answer in (front[-1], lean[-1])), octets
        return
    assert lean == front, octets
