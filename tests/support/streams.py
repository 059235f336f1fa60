"""A stream as its caller has it, over an app without a network: lines go in, and answers come out, both at any time."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf
from typing import Any

import trio

PATH = "/v1/sms/stream"


class Streaming:
    """One request to an ASGI app."""

    def __init__(self, app: Any, path: str, headers: dict[str, str], address: str = "203.0.113.9") -> None:
        self._app = app
        self._feed, self._fed = trio.open_memory_channel[dict[str, Any]](1_000)
        self._begun, self.ended = trio.Event(), trio.Event()
        self._told, self._heard = trio.open_memory_channel[bytes](inf)
        self.status = 0
        self.headers: dict[str, str] = {}
        self.pieces: list[bytes] = []
        """Of the answer."""
        self.gate: trio.Event | None = None
        """While it is not set the caller reads nothing."""
        head = {"host": "x", "content-type": "application/x-ndjson", **headers}
        route, _, query = path.partition("?")
        self._scope = {
            "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": route,
            "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in head.items()],
            "client": (address, 50_000), "server": None, "extensions": {},
            "asgi": {"spec_version": "2.3", "version": "3.0"},
        }  # fmt: skip

    async def run(self) -> None:
        await self._app(self._scope, self._receive, self._send)
        self.ended.set()

    async def _receive(self) -> dict[str, Any]:
        return await self._fed.receive()

    async def _send(self, event: dict[str, Any]) -> None:
        await trio.lowlevel.checkpoint()  # as over a network: others are served meanwhile
        if event["type"] == "http.response.start":
            self.status = event["status"]
            self.headers = {name.decode(): value.decode() for name, value in event["headers"]}
            self._begun.set()
            return
        if self.gate is not None:
            await self.gate.wait()
        if event["body"]:
            self.pieces.append(event["body"])
            for line in event["body"].splitlines():
                self._told.send_nowait(line)
        if not event["more_body"]:
            self._told.close()

    async def begun(self) -> int:
        """The status."""
        await self._begun.wait()
        return self.status

    def say(self, *messages: Any) -> None:
        """Each a line, all of them one piece; bytes go as they are."""
        lines = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in messages]
        self.say_octets(b"".join(line + b"\n" for line in lines))

    def say_octets(self, octets: bytes) -> None:
        self._feed.send_nowait({"type": "http.request", "body": octets, "more_body": True})

    def finish(self, last: bytes = b"") -> None:
        self._feed.send_nowait({"type": "http.request", "body": last, "more_body": False})

    def hang_up(self) -> None:
        self._feed.send_nowait({"type": "http.disconnect"})

    @property
    def unread(self) -> int:
        """Pieces that were said and not taken."""
        return self._fed.statistics().current_buffer_used

    async def heard(self) -> Any:
        """The next answer."""
        return json.loads(await self._heard.receive())

    async def rest(self) -> list[Any]:
        """All answers up to the end."""
        return [json.loads(line) async for line in self._heard]

    def body(self) -> Any:
        """Of a refusal."""
        return json.loads(b"".join(self.pieces))


@asynccontextmanager
async def a_stream(
    app: Any, *, token: str = "shop", key: str | None = None, path: str = PATH, headers: dict[str, str] | None = None
) -> AsyncIterator[Streaming]:
    """Open while the block lasts, and ended before it is left."""
    head = {"authorization": f"Bearer {token}", **({} if key is None else {"idempotency-key": key}), **(headers or {})}
    stream = Streaming(app, path, head)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.run)
        yield stream
        with trio.fail_after(5):
            await stream.ended.wait()
