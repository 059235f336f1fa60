"""The other end of a command that calls a gateway: an HTTP server on loopback, in threads of its own.

What it answers is told by those who derive from it.
"""

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class LoopbackServer:
    """Serves from the moment it is made: what `_serve` needs is there before this is initialized."""

    def __init__(self) -> None:
        served = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                served._serve(self, body)

            do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """One request, in a thread of its own."""
        raise NotImplementedError


def answer(
    handler: BaseHTTPRequestHandler, status: int, octets: bytes, headers: Mapping[str, str] | None = None
) -> None:
    """The answer to a request, with these headers beside the usual ones."""
    handler.send_response(status)
    # One connection a request: a handler's thread must not outlive its test.
    for name, value in {"Content-Length": str(len(octets)), "Connection": "close", **(headers or {})}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(octets)
