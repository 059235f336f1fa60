"""The other end of `sluice bulk`: as much of a gateway as it calls, which keeps keys and can be told to fail."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from loopback_servers import LoopbackServer, answer

BULK, PREVIEW, LIST = "/v1/sms/bulk", "/v1/sms/preview", "/v1/sms"
HANG_UP = 0
Told = tuple[int, dict[str, Any], dict[str, str]]
"""Status, body, headers. HANG_UP: the request is carried out, and the connection closed without a word."""


class BulkGateway(LoopbackServer):
    """Accepts whatever `refusal` does not refuse, and each client_id and each key once."""

    def __init__(self) -> None:
        self.refusal: Callable[[dict[str, Any]], dict[str, str] | None] = lambda item: None
        """What is wrong with an item: a code by its field."""
        self.troubles: list[Told] = []
        """Given one by one in place of the next answers to a bulk."""
        self.statuses: Callable[[int], str] = lambda looked: "delivered"
        """Of all messages of a submission that was looked at so many times."""
        self.bodies: dict[str, bytes] = {}
        """What came under each key."""
        self.calls: list[tuple[str, str]] = []
        """Each bulk with its key and what became of it: `accepted`, `repeated`, `trouble`."""
        self.items: list[dict[str, Any]] = []
        """Accepted, each once."""
        self.tokens: set[str | None] = set()
        self._answers: dict[str, dict[str, Any]] = {}
        self._looked: dict[str, int] = {}
        self._lock = threading.Lock()
        super().__init__()

    def _serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        self.tokens.add(handler.headers.get("Authorization"))
        address = urlsplit(handler.path)
        with self._lock:
            if address.path == BULK:
                status, told, headers = self._bulk(handler.headers["Idempotency-Key"], body)
            elif address.path == PREVIEW:
                status, told, headers = self._preview(json.loads(body))
            else:
                status, told, headers = self._list(parse_qs(address.query))
        if status == HANG_UP:
            handler.close_connection = True
            return
        answer(handler, status, json.dumps(told).encode(), headers)

    def _bulk(self, key: str, body: bytes) -> Told:
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble is not None and trouble[0] != HANG_UP:
            self.calls.append((key, "trouble"))
            return trouble
        known = key in self._answers
        assert self.bodies.setdefault(key, body) == body, "another body under the same key"
        if not known:
            self._answers[key] = self._accepted(json.loads(body))
        self.calls.append((key, "repeated" if known else "accepted"))
        return trouble or (201, self._answers[key], {"Idempotent-Replayed": "true"} if known else {})

    def _accepted(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        entities, errors = [], []
        taken = {item["client_id"] for item in self.items}
        for index, item in enumerate(items):
            codes = {"client_id": "client_id_in_use"} if item["client_id"] in taken else self.refusal(item)
            if codes:
                told = {
                    "fields": {n: [f"is {c}"] for n, c in codes.items()},
                    "codes": {n: [c] for n, c in codes.items()},
                }
                errors.append({"index": index, "client_id": item["client_id"], **told})
            else:
                self.items.append(item)
                entities.append({"index": index, "id": f"msg_{len(self.items)}"})
        return {"submission_id": f"sub_{len(self._answers)}", "entities": entities, "errors": errors}

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
        entities = next(a["entities"] for a in self._answers.values() if a["submission_id"] == submission)
        at = int(asked.get("cursor", ["0"])[0])
        if not at:
            self._looked[submission] = self._looked.get(submission, 0) + 1
        status = self.statuses(self._looked[submission])
        # Two a page, whatever is asked for: a page may always be short.
        page = [{"id": entity["id"], "status": status} for entity in entities[at : at + 2]]
        more = str(at + 2) if at + 2 < len(entities) else None
        return 200, {"entities": page, "next_cursor": more}, {}
