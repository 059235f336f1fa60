"""Requests of the app whose answers go out while their bodies come in: the framework reads the head, and no more."""

import trio
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable
from quart import Request
from quart.typing import ResponseTypes

from gateway.api.stream.calls import PATH, StreamResponse
from gateway.api.uploads.streamed import Connection


class StreamConnection(Connection):
    """One request; what a StreamResponse says is its stream's."""

    _is_read = False

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        self._receive = receive
        self._is_told = trio.Event()
        await super().__call__(receive, send)

    async def handle_messages(  # type: ignore[override]
        self, nursery: trio.Nursery, request: Request, receive: ASGIReceiveCallable
    ) -> None:
        if request.method == "POST" and request.path == PATH:
            await self._drop_rest()
        else:
            await super().handle_messages(nursery, request, receive)

    async def _send_response(self, send: ASGISendCallable, response: ResponseTypes) -> None:
        if not isinstance(response, StreamResponse):
            self._is_told.set()
            await super()._send_response(send, response)
            return
        headers = [(name.lower().encode(), value.encode()) for name, value in response.headers]

        async def begin() -> None:
            await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": False})

        async def tell(piece: bytes) -> None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})

        await response.stream.run(begin, self._next, tell)
        self._is_told.set()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _drop_rest(self) -> None:
        """Once its stream has ended, or is refused: the server tells of the end behind all pieces, and waits for it."""
        await self._is_told.wait()
        while (await self._receive())["type"] == "http.request":
            pass

    async def _next(self) -> bytes | None:
        """The next piece of the body; empty at its end, None once the caller went away."""
        while not self._is_read:
            event = await self._receive()
            if event["type"] != "http.request":
                return None
            self._is_read = not event.get("more_body", False)
            if event.get("body"):
                return event["body"]
        return b""
