"""The commands' other end: a gateway that answers what the test says, and lists what it was asked."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from loopback_servers import LoopbackServer, answer


class ScriptedGateway(LoopbackServer):
    """Answers by method and path; a list of answers is given one by one, the last again and again."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], list[tuple[int, Any]]] = {}
        self.asked: list[tuple[str, str, str | None, Any]] = []
        """Method, path, Authorization, body."""
        super().__init__()

    def on(self, method: str, path: str, *answers: Any, status: int = 200) -> None:
        """Answer so."""
        self.answers[(method, path)] = [(status, answer) for answer in answers]

    def _serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        asked = json.loads(body) if body else None
        self.asked.append((handler.command, handler.path, handler.headers.get("Authorization"), asked))
        answers = self.answers.get((handler.command, handler.path), [(404, {"code": "not_found", "detail": "No."})])
        status, told = answers.pop(0) if len(answers) > 1 else answers[0]
        answer(handler, status, (told if isinstance(told, str) else json.dumps(told)).encode())


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedGateway]:
    """Reachable by the environment, as an operator and as a caller."""
    scripted = ScriptedGateway()
    monkeypatch.setenv("SLUICE_URL", scripted.url)
    monkeypatch.setenv("SLUICE_OPERATOR_URL", scripted.url)
    monkeypatch.setenv("SLUICE_TOKEN", "sk_test")
    monkeypatch.setenv("SLUICE_OPERATOR_TOKEN", "op_test")
    monkeypatch.delenv("COLUMNS", raising=False)
    yield scripted
    scripted.close()
