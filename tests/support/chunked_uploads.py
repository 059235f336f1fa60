"""A campaign's upload piece by piece over a real connection, and the answer to it; uploading.py does it as ASGI."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

from callers import Caller

HERE = "/v1/campaigns/sms"


class ChunkedUpload:
    """One request whose head was sent."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def put(self, octets: bytes) -> None:
        self.connection.sendall(b"%x\r\n%s\r\n" % (len(octets), octets))

    def end(self) -> tuple[int, Any]:
        """The body is whole: status and JSON of the answer."""
        self.connection.sendall(b"0\r\n\r\n")
        return answer_on(self.connection)


@contextmanager
def requested(gateway: Caller, path: str, headers: dict[str, str], seconds: float) -> Iterator[socket.socket]:
    """A connection on which the head of a POST was sent; `seconds`: the longest wait of each step."""
    address = urlsplit(gateway.url)
    given = {"Host": "gateway", "Authorization": f"Bearer {gateway.token}", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    with closing(socket.create_connection((address.hostname, address.port), timeout=seconds)) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode())
        yield connection


@contextmanager
def chunked_upload(
    gateway: Caller, query: dict[str, str], key: str | None = None, seconds: float = 20.0
) -> Iterator[ChunkedUpload]:
    """A CSV under way; `key`: its Idempotency-Key."""
    headers = {"Content-Type": "text/csv", "Transfer-Encoding": "chunked"}
    if key is not None:
        headers["Idempotency-Key"] = key
    with requested(gateway, f"{HERE}?{urlencode(query)}", headers, seconds) as connection:
        yield ChunkedUpload(connection)


def answer_on(connection: socket.socket) -> tuple[int, Any]:
    """Status and JSON of the one answer on it."""
    octets = b""
    while b"\r\n\r\n" not in octets or not octets.endswith(b"}"):
        piece = connection.recv(65536)
        assert piece, octets
        octets += piece
    head, _, body = octets.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)
