"""The other end of `sluice bulk`: as much of a gateway as it calls, which keeps keys and can be told to fail."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from loopback_servers import LoopbackServer, answer

STREAM, PREVIEW, LIST = "/v1/sms/stream", "/v1/sms/preview", "/v1/sms"
HANG_UP = 0
Told = tuple[int, dict[str, Any], dict[str, str]]
"""Status, body, headers. HANG_UP: the next batch is taken, and the connection closed without a word."""


class BulkGateway(LoopbackServer):
    """Accepts whatever `refusal` does not refuse, and each client_id and each line of a key once."""

    def __init__(self) -> None:
        self.refusal: Callable[[dict[str, Any]], dict[str, str] | None] = lambda item: None
        """What is wrong with an item: a code by its field."""
        self.troubles: list[Told] = []
        """Given one by one in place of the next streams."""
        self.line_troubles: list[dict[str, Any]] = []
        """Errors given one by one in place of the next lines' answers."""
        self.statuses: Callable[[int], str] = lambda looked: "delivered"
        """Of all messages of a submission that was looked at so many times."""
        self.lines: dict[tuple[str, int], bytes] = {}
        """What came under each key and number."""
        self.calls: list[tuple[str, str]] = []
        """Each batch with its key and what became of it: `accepted`, `repeated`, `trouble`."""
        self.batches: list[int] = []
        """How many lines each had."""
        self.items: list[dict[str, Any]] = []
        """Accepted, each once."""
        self.tokens: set[str | None] = set()
        self._answers: dict[tuple[str, int], dict[str, Any]] = {}
        self._submissions: dict[str, list[str]] = {}
        self._looked: dict[str, int] = {}
        self._lock = threading.Lock()
        super().__init__()

    def _serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        self.tokens.add(handler.headers.get("Authorization"))
        address = urlsplit(handler.path)
        if address.path == STREAM:
            self._stream(handler, handler.headers["Idempotency-Key"], parse_qs(address.query))
            return
        with self._lock:
            told = self._preview(json.loads(body)) if address.path == PREVIEW else self._list(parse_qs(address.query))
        status, document, headers = told
        answer(handler, status, json.dumps(document).encode(), headers)

    def forget(self) -> None:
        """All keys."""
        self._answers.clear()
        self.lines.clear()

    def _stream(self, handler: BaseHTTPRequestHandler, key: str, query: dict[str, list[str]]) -> None:
        handler.close_connection = True
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble is not None and trouble[0] != HANG_UP:
            self.calls.append((key, "trouble"))
            status, document, headers = trouble
            answer(handler, status, json.dumps(document).encode() + b"\n", headers)
            return
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        number = int(query["first_line"][0])
        while batch := self._chunk(handler):
            with self._lock:
                answers = self._take(key, number, batch)
            number += len(batch)
            if trouble is not None:
                return
            octets = b"".join(json.dumps(told).encode() + b"\n" for told in answers)
            try:
                handler.wfile.write(b"%x\r\n%b\r\n" % (len(octets), octets))
            except OSError:
                return

    @staticmethod
    def _chunk(handler: BaseHTTPRequestHandler) -> list[bytes]:
        try:
            size = int(handler.rfile.readline() or b"0", 16)
            octets = handler.rfile.read(size)
            handler.rfile.readline()
        except OSError:
            return []
        return octets.splitlines()

    def _take(self, key: str, first: int, batch: list[bytes]) -> list[dict[str, Any]]:
        submission = f"sub_{len(self._submissions)}"
        self._submissions[submission] = []
        answers = []
        for number, line in enumerate(batch, first):
            assert self.lines.setdefault((key, number), line) == line, "another line under the same key"
            if self.line_troubles:
                answers.append({"line": number, "error": {"client_id": None, **self.line_troubles.pop(0)}})
            elif (known := self._answers.get((key, number))) is not None:
                answers.append({**known, "replayed": True})
            else:
                self._answers[key, number] = self._answer(number, json.loads(line), submission)
                answers.append(self._answers[key, number])
        self.batches.append(len(batch))
        is_known = all("replayed" in told for told in answers)
        self.calls.append((key, "repeated" if is_known else "accepted"))
        return answers

    def _answer(self, number: int, item: dict[str, Any], submission: str) -> dict[str, Any]:
        taken = {one["client_id"] for one in self.items}
        codes = {"client_id": "client_id_in_use"} if item["client_id"] in taken else self.refusal(item)
        if codes:
            told = {
                "client_id": item["client_id"],
                "code": "invalid_fields",
                "detail": "No.",
                "retryable": False,
                "fields": {name: [f"is {code}"] for name, code in codes.items()},
                "codes": {name: [code] for name, code in codes.items()},
            }
            return {"line": number, "error": told}
        self.items.append(item)
        self._submissions[submission].append(f"msg_{len(self.items)}")
        return {"line": number, "submission_id": submission, "entity": {"id": f"msg_{len(self.items)}"}}

    def _preview(self, item: dict[str, Any]) -> Told:
        codes = self.refusal(item)
        if codes:
            fields = {name: [f"is {code}"] for name, code in codes.items()}
            return 422, {"code": "invalid_fields", "detail": "No.", "fields": fields}, {}
        told = {"from": "SHOP", "to": item["to"], "lane": "transactional", "encoding": "gsm7", "segments": 1}
        return 200, {**told, "text": item["text"], "carriers": []}, {}

    def _list(self, asked: dict[str, list[str]]) -> Told:
        if "submission_id" not in asked:
            return 200, {"entities": [], "next_cursor": None}, {}
        (submission,) = asked["submission_id"]
        messages = self._submissions[submission]
        at = int(asked.get("cursor", ["0"])[0])
        if not at:
            self._looked[submission] = self._looked.get(submission, 0) + 1
        status = self.statuses(self._looked[submission])
        # Two a page, whatever is asked for: a page may always be short.
        page = [{"id": message, "status": status} for message in messages[at : at + 2]]
        more = str(at + 2) if at + 2 < len(messages) else None
        return 200, {"entities": page, "next_cursor": more}, {}
