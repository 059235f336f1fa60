"""The commands' other end: a gateway that answers what the test says, and lists what it was asked."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class ScriptedGateway:
    """Answers by method and path; a list of answers is given one by one, the last again and again."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], list[tuple[int, Any]]] = {}
        self.asked: list[tuple[str, str, str | None, Any]] = []
        """Method, path, Authorization, body."""
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                gateway._answer(self)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def on(self, method: str, path: str, *answers: Any, status: int = 200) -> None:
        """Answer so."""
        self.answers[(method, path)] = [(status, answer) for answer in answers]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(length)) if length else None
        self.asked.append((handler.command, handler.path, handler.headers.get("Authorization"), body))
        answers = self.answers.get((handler.command, handler.path), [(404, {"code": "not_found", "detail": "No."})])
        status, answer = answers.pop(0) if len(answers) > 1 else answers[0]
        octets = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(octets)))
        # One connection a request: a handler's thread must not outlive its test.
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(octets)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedGateway]:
    """Reachable by the environment, as an operator and as a caller."""
    scripted = ScriptedGateway()
    monkeypatch.setenv("SLUICE_URL", scripted.url)
    monkeypatch.setenv("SLUICE_OPERATOR_URL", scripted.url)
    monkeypatch.setenv("SLUICE_TOKEN", "sk_test")
    monkeypatch.setenv("SLUICE_OPERATOR_TOKEN", "op_test")
    yield scripted
    scripted.close()
