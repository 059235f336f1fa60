"""A program that calls the gateway's HTTP interface with one token, as an aggregator would."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any, TypeVar
from urllib.parse import urlsplit

from arrivals import PATIENCE_SECONDS, wait_until
from quiet_logs import note

T = TypeVar("T")

TIMEOUT_SECONDS = 30.0


@dataclass(slots=True, frozen=True)
class Answer:
    """What the gateway answered."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Caller:
    """Each call takes a connection of its own, so that threads may share a caller and a restart disturbs none."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> Answer:
        """`body` goes as JSON, or as it is if it is bytes. Raises OSError when there is no answer."""
        note(body)
        octets = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        address = urlsplit(self.url_for(method, path))
        connection = HTTPConnection(address.hostname or "", address.port, timeout=timeout_seconds)
        try:
            given = {"Authorization": f"Bearer {self.token}", **(headers or {})}
            if octets is not None:
                given.setdefault("Content-Type", "application/json")
            connection.request(method, path, octets, given)
            response = connection.getresponse()
            told = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, told, response.read())
        finally:
            connection.close()

    def url_for(self, method: str, path: str) -> str:
        """Of the listener that is asked."""
        return self.url

    def get(self, path: str) -> Any:
        """The JSON behind a path that has to be there."""
        answer = self.call("GET", path)
        assert answer.status == 200, answer
        return answer.json

    def send(self, to: str, text: str = "Hello", **fields: Any) -> dict[str, Any]:
        """One message that has to be accepted; its id is `["id"]`."""
        answer = self.call("POST", "/v1/sms", {"to": to, "text": text, **fields})
        assert answer.status == 201, answer
        message: dict[str, Any] = answer.json
        return message

    def send_bulk(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """A bulk of messages that all have to be accepted."""
        answer = self.call("POST", "/v1/sms/bulk", items)
        assert answer.status == 201, answer
        assert answer.json["errors"] == [], answer
        entities: list[dict[str, Any]] = answer.json["entities"]
        return entities

    def message(self, message_id: str) -> dict[str, Any]:
        """GET /v1/sms/{id}."""
        message: dict[str, Any] = self.get(f"/v1/sms/{message_id}")
        return message

    def wait_message(self, message_id: str, **fields: Any) -> dict[str, Any]:
        """The message once these fields of it are so. Where an event tells of it, wait for the event instead."""

        def as_asked() -> dict[str, Any] | None:
            message = self.message(message_id)
            return message if all(message[name] == value for name, value in fields.items()) else None

        return self.wait_for(as_asked, f"{message_id} with {fields}")

    def wait_for(self, condition: Callable[[], T | None], what: str, *, seconds: float = PATIENCE_SECONDS) -> T:
        """What `condition` gives once that is true: for what the gateway shows and tells nobody."""
        return wait_until(condition, what, seconds=seconds)
