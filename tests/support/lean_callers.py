"""A caller of the lean listener, with the face of houses.Caller: calls that send go over a socket to a LeanConnection.

Its answers are read by h11, so that what is written is HTTP to others too. All other calls go to the app as they are.
"""

import re
from typing import Any

import h11
import trio
from houses import Caller
from quart.testing.utils import make_test_body_with_headers, make_test_headers_path_and_query_string
from quart.wrappers import Response
from quart_trio import QuartTrio

from gateway.api.submit_calls import SUBMIT_PATHS
from gateway.identifiers import Identifiers
from gateway.serving.server import Limits, Server

_NO_HTTP = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class LeanCaller(Caller):
    """Each call on a connection of its own."""

    def __init__(self, app: QuartTrio, token: str | None, address: str) -> None:
        super().__init__(app, token, address)
        self._app = app

    async def call(self, method: str, path: str, *, headers: dict[str, str] | None = None, **given: Any) -> Any:
        told = {**self._headers, **(headers or {})}
        if (
            method != "POST"
            or path.partition("?")[0] not in SUBMIT_PATHS
            or any(_NO_HTTP.search(value) for value in told.values())
        ):
            return await super().call(method, path, headers=headers, **given)
        octets = self._octets(path, told, given)
        async with trio.open_nursery() as nursery:
            ours = await self._connect(nursery)
            with trio.fail_after(30):
                answer = await spoken(ours, octets)
            ours.close()
        assert answer.headers["Request-Id"].startswith("req_")
        return answer

    def _octets(self, path: str, headers: dict[str, str], given: dict[str, Any]) -> bytes:
        body_of = {name: given.pop(name) for name in ("data", "json") if name in given}
        query = given.pop("query_string", None)
        assert not given, given
        all_headers, path, query_string = make_test_headers_path_and_query_string(
            self._app, path, headers, query_string=query
        )
        body, more = make_test_body_with_headers(**body_of, app=self._app)
        for name, value in more.items():
            all_headers.setdefault(name, value)
        if "Content-Length" not in all_headers and "Transfer-Encoding" not in all_headers:
            all_headers["Content-Length"] = str(len(body))
        target = path + ("?" + query_string.decode() if query_string else "")
        head = "".join(f"{name}: {value}\r\n" for name, value in all_headers.items())
        return f"POST {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body

    async def _connect(self, nursery: trio.Nursery) -> Any:
        """Our end of a socket whose other end is served."""
        direct = self._app.direct
        assert direct is not None

        async def from_address(scope: Any, receive: Any, send: Any) -> None:
            await self._app({**scope, **self._scope}, receive, send)

        ours, theirs = trio.socket.socketpair()
        nursery.start_soon(served, Server(from_address, Identifiers(), Limits(1), direct), theirs)
        return ours


async def served(server: Server, socket: trio.socket.SocketType) -> None:
    """One connection, with what its server does for all."""
    async with trio.open_nursery() as nursery:
        await nursery.start(server.watch.run)
        await server.handle_lean(trio.SocketStream(socket))
        nursery.cancel_scope.cancel()


async def spoken(socket: Any, octets: bytes) -> Response:
    """The answer to what is said."""
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method="POST", target="/", headers=[("host", "x"), ("connection", "close")]))
    parser.send(h11.EndOfMessage())
    async with trio.open_nursery() as nursery:

        async def say() -> None:
            left = memoryview(octets)
            while left:
                left = left[await socket.send(left) :]

        nursery.start_soon(say)
        status, headers, body = 0, [], b""
        while not isinstance(event := parser.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                parser.receive_data(await socket.recv(65_536))
            elif isinstance(event, h11.Response):
                status, headers = event.status_code, [(name.decode(), value.decode()) for name, value in event.headers]
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
        nursery.cancel_scope.cancel()
    return Response(body, status, headers)
