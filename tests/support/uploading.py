"""An upload whose octets come when the test says so, spoken as ASGI: for what happens before its end."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import trio

PATH = "/v1/campaigns/sms"


class Uploading:
    """One request under way."""

    def __init__(self, app: Any, query: dict[str, str], headers: dict[str, str], path: str) -> None:
        self._app = app
        self._to_app, self._app_receives = trio.open_memory_channel[dict[str, Any]](0)
        self._scope = {
            "type": "http",
            "asgi": {},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": urlencode(query).encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("203.0.113.9", 50_000),
            "server": ("localhost", 80),
            "state": {},
            "extensions": {},
        }
        self.status: int | None = None
        self.body = b""
        self.over = trio.Event()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    async def run(self) -> None:
        await self._app(self._scope, self._app_receives.receive, self._take)
        self.over.set()

    async def send(self, octets: bytes) -> None:
        """Returns once the app takes them."""
        await self._to_app.send({"type": "http.request", "body": octets, "more_body": True})

    async def end(self) -> None:
        """The body is whole: the answer."""
        await self._to_app.send({"type": "http.request", "body": b"", "more_body": False})
        await self.over.wait()

    async def leave(self) -> None:
        """The caller goes away."""
        await self._to_app.send({"type": "http.disconnect"})
        await self.over.wait()

    async def _take(self, event: dict[str, Any]) -> None:
        if event["type"] == "http.response.start":
            self.status = event["status"]
        else:
            self.body += event.get("body", b"")


@asynccontextmanager
async def uploading(
    app: Any, query: dict[str, str], headers: dict[str, str], path: str = PATH
) -> AsyncIterator[Uploading]:
    """A request whose head was sent; in the end it is dropped."""
    async with trio.open_nursery() as nursery:
        upload = Uploading(app, query, headers, path)
        nursery.start_soon(upload.run)
        yield upload
        nursery.cancel_scope.cancel()
