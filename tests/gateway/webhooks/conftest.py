"""A customer's endpoint on loopback: records what it gets, answers as told."""

import shutil
import ssl
import subprocess
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import h11
import pytest
import trio
from needs import need

Script = Callable[[trio.abc.Stream], Awaitable[None]]


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Request:
    connection: int
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Endpoint:
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    script: deque[Script] = field(default_factory=deque)
    """What to do for the next requests; after that 200."""
    closed: trio.Event = field(default_factory=trio.Event)
    """A connection was closed, by whichever side."""

    def url(self, path: str = "/sms?key=1", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    async def serve(self, stream: trio.abc.Stream) -> None:
        self.connections += 1
        number = self.connections
        http = h11.Connection(h11.SERVER)
        try:
            while (request := await self._read(http, stream, number)) is not None:
                self.requests.append(request)
                if self.script:
                    await self.script.popleft()(stream)
                else:
                    await stream.send_all(OK)
                http = h11.Connection(h11.SERVER)
        except (trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError):
            pass
        finally:
            await trio.aclose_forcefully(stream)
            self.closed.set()

    async def _read(self, http: h11.Connection, stream: trio.abc.Stream, number: int) -> Request | None:
        request, body = None, b""
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(bytes(await stream.receive_some(65536)))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                assert request is not None
                headers = {name.decode(): value.decode() for name, value in request.headers}
                return Request(number, request.target.decode(), headers, body)
            else:
                return None


@pytest.fixture
async def endpoint(nursery: trio.Nursery) -> Endpoint:
    built = Endpoint()
    listeners = await nursery.start(partial(trio.serve_tcp, built.serve, 0, host="127.0.0.1"))
    built.port = listeners[0].socket.getsockname()[1]
    return built


@dataclass
class Certificates:
    authority: Path
    key: Path

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.authority, self.key)
        return context


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A certificate of its own for `shop.example`, which no one else trusts."""
    need("openssl", lambda: shutil.which("openssl"), install="`apt-get install openssl`")
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=shop.example"
    command += f" -addext subjectAltName=DNS:shop.example -keyout {key} -out {certificate}"
    subprocess.run(command.split(), check=True, capture_output=True)
    return Certificates(certificate, key)


@pytest.fixture
async def tls_endpoint(nursery: trio.Nursery, certificates: Certificates) -> Endpoint:
    built, context = Endpoint(), certificates.server()

    async def serve(stream: trio.SocketStream) -> None:
        encrypted = trio.SSLStream(stream, context, server_side=True, https_compatible=True)
        await built.serve(encrypted)

    listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
    built.port = listeners[0].socket.getsockname()[1]
    return built
