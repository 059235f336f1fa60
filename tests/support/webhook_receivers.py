"""A customer's endpoint on loopback: checks signatures with the `standardwebhooks` package, keeps what it is told."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from arrivals import PATIENCE_SECONDS, Arrivals
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

Event = dict[str, Any]


@dataclass(slots=True, frozen=True)
class Delivery:
    """One POST whose signature is right."""

    path: str
    headers: dict[str, str]
    """Names in lower case."""
    events: list[Event]
    """One, or the members of a batch."""
    answered: int


class WebhookReceiver:
    """What was told, in the order of arrival. Events may come again; `events` holds each once, `deliveries` all."""

    def __init__(self, url: str, secret: str) -> None:
        self.url = url
        self.events: Arrivals[Event] = Arrivals("events")
        self.deliveries: Arrivals[Delivery] = Arrivals("webhook deliveries")
        self.forgeries: list[str] = []
        """Why a POST was not believed; the fixture fails the test if there is any."""
        self.answer: Callable[[list[Event]], int] = lambda events: 204
        """The HTTP status for a delivery. Only a 2xx takes its events."""
        self.ahead_seconds = 0
        """Of this machine's clock, where the gateway's own is."""
        self._webhook = Webhook(secret)
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def wait(self, message: str | dict[str, Any], *kinds: str, seconds: float = PATIENCE_SECONDS) -> Event:
        """The event of this message (or its id) and of one of these kinds, such as `delivered`."""
        message_id = message if isinstance(message, str) else message["id"]
        types = {f"message.{kind}" for kind in kinds}
        return self.events.wait(lambda e: e.get("message_id") == message_id and e["type"] in types, seconds=seconds)

    def wait_for_each(
        self, messages: list[dict[str, Any]], kind: str, seconds: float = PATIENCE_SECONDS
    ) -> list[Event]:
        """One event of this kind for every message."""
        wanted = {message["id"] for message in messages}
        return self.events.wait_for(
            len(wanted), lambda e: e.get("message_id") in wanted and e["type"] == f"message.{kind}", seconds=seconds
        )

    def carriers_of(self, messages: list[dict[str, Any]]) -> set[str]:
        """Through whom they were delivered."""
        return {event["data"]["carrier"] for event in self.wait_for_each(messages, "delivered")}

    def wait_inbound(self, text: str, seconds: float = PATIENCE_SECONDS) -> Event:
        """The inbound message with this text."""
        return self.events.wait(lambda e: e["type"] == "message.inbound" and e["data"]["text"] == text, seconds=seconds)

    def told(self, message: str | dict[str, Any]) -> list[str]:
        """The statuses told of a message so far, in order."""
        message_id = message if isinstance(message, str) else message["id"]
        return [event["status"] for event in self.events.all(lambda e: e.get("message_id") == message_id)]

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """One POST; the HTTP status for it."""
        try:
            self._verify(body, headers)
        except WebhookVerificationError as error:
            self.forgeries.append(f"{error}: {headers} {body[:200]!r}")
            return 401
        told = json.loads(body)
        events = told if isinstance(told, list) else [told]
        status = self.answer(events)
        with self._lock:
            fresh = [event for event in events if event["id"] not in self._known] if 200 <= status < 300 else []
            self._known.update(event["id"] for event in fresh)
            for event in fresh:
                self.events.add(event)
        self.deliveries.add(Delivery(path, headers, events, status))
        return status

    def _verify(self, body: bytes, headers: dict[str, str]) -> None:
        """Raises WebhookVerificationError. The package knows no other clock than this machine's."""
        if not self.ahead_seconds:
            self._webhook.verify(body, headers)
            return
        at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
        right = self._webhook.sign(headers["webhook-id"], at, body.decode())
        if headers["webhook-signature"] != right or abs(at.timestamp() - time.time() - self.ahead_seconds) > 300:
            raise WebhookVerificationError("not signed by the secret, or not now")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A gateway that was killed leaves half a request: that is no fault of the receiver."""


@contextmanager
def receiving(secret: str) -> Iterator[WebhookReceiver]:
    """A receiver on a free port of loopback; in the end no POST may have been signed wrongly."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:  # a gateway that was killed leaves half a request
                self.close_connection = True
                return
            status = receiver.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
            """Silent."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        receiver = WebhookReceiver(f"http://127.0.0.1:{server.server_port}/hook", secret)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
    assert not receiver.forgeries, receiver.forgeries
