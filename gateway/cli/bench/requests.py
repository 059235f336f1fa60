"""What the bench's clients post, rendered ahead: bodies of messages to distinct numbers, and the heads before them."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

STREAM = "/v1/sms/stream"
NUMBERS = 100_000_000
"""As many recipients there are: a message of a run is known by its own."""
NUMBER_DIGITS = rb"346(\d{8})"
"""What `number` makes, on the wire and in an event: a pattern of its digits."""


@dataclass(frozen=True, slots=True)
class Way:
    """How messages come in."""

    path: str
    each: int
    """Messages of a request."""
    front: str
    """The listener, by name."""
    connections: int


@dataclass(frozen=True, slots=True)
class Posts:
    """So many messages, and how they are handed in."""

    path: str
    """`/v1/sms`, `/v1/sms/bulk`, `/v1/sms/stream`, or Kannel's `/cgi-bin/sendsms`."""
    count: int
    """Messages."""
    first: int = 0
    """The first number: no two posts of a run share any."""
    each: int = 1
    """Messages of a request."""
    token: str = ""
    client_ids: bool = True
    """Whether each message has a random client_id."""
    lane: str = ""
    text: str = "Your order {n} has left us"
    dlr_url: str = ""
    """Kannel's: where it tells of receipts, behind which each message's own number comes; empty asks for none."""

    def items(self) -> Iterator[dict[str, str]]:
        """Message by message, as a caller writes them."""
        for n in range(self.first, self.first + self.count):
            item = {"to": number(n), "from": "SHOP", "text": self.text.format(n=n)}
            if self.client_ids:
                item["client_id"] = secrets.token_hex(12)
            if self.lane:
                item["lane"] = self.lane
            yield item

    def requests(self) -> Iterator[bytes]:
        """Each whole, head and body. Not for a stream."""
        if self.path.startswith("/cgi-bin"):
            yield from map(self._sendsms, self.items())
        elif self.each == 1:
            for item in self.items():
                yield self._post(json.dumps(item).encode())
        else:
            items = list(self.items())
            for at in range(0, len(items), self.each):
                yield self._post(json.dumps(items[at : at + self.each]).encode())

    def head(self, framing: str, kind: str = "application/json") -> bytes:
        """Of a POST."""
        return (
            f"POST {self.path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: {kind}\r\n{framing}\r\n\r\n"
        ).encode()

    def _post(self, body: bytes) -> bytes:
        return self.head(f"Content-Length: {len(body)}") + body

    def _sendsms(self, item: dict[str, str]) -> bytes:
        called = quote(f"{self.dlr_url}&to={item['to'].removeprefix('+')}", safe="")
        told = f"&dlr-mask=1&dlr-url={called}" if self.dlr_url else ""
        query = f"username=bench&password=bench&from=SHOP&to={quote(item['to'])}&text={quote(item['text'])}{told}"
        return f"GET {self.path}?{query} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


def number(n: int) -> str:
    """The n-th of a hundred million Spanish mobile numbers."""
    return f"+346{n:08d}"
