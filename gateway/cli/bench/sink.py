"""An endpoint that is never the limit: `python -m gateway.cli.bench.sink [PEM]` answers 200 at once and counts events.

It looks for a few words in the body instead of decoding it, and takes Kannel's dlr-url calls (a GET each) as well. With
a file of a key and its certificate it speaks https.
"""

import json
import re
import selectors
import socket
import ssl
import sys
import time

from gateway.cli.bench.apart import MOST_READ, Came
from gateway.cli.bench.control import control_lines, say
from gateway.cli.bench.requests import NUMBER_DIGITS

_HANDSHAKE_SECONDS = 10.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_EVENT = b'"type":"'
_TOLD = re.compile(rb'"type":"([\w.]+)"[^+}]*\+' + NUMBER_DIGITS)
"""The type of an event and its message: `to` is the first field behind it that has a plus sign, before any object ends,
so that an event without it does not take that of the next."""
_CALLED = re.compile(rb"[?&]type=1&to=" + NUMBER_DIGITS)
_DELIVERED = "message.delivered"
"""What Kannel is asked to call for; to it that is type 1."""
_NAMELESS = "event"
"""One of which neither pattern tells the message."""


def events_in(octets: bytes) -> list[tuple[str, bytes]]:
    """The type of each event, and the number of its message, for apart.py; those that name none are left out."""
    if octets.startswith(b"GET"):
        return [(_DELIVERED, digits) for digits in _CALLED.findall(octets)]
    return [(kind.decode(), digits) for kind, digits in _TOLD.findall(octets)]


class Sink:
    """What was counted, over all connections."""

    def __init__(self, pem: str | None = None) -> None:
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._rests: dict[socket.socket, bytes] = {}
        self._tls: ssl.SSLContext | None = None
        if pem is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(pem)
        self.port: int = self._listener.getsockname()[1]
        self._came = Came(events_in, _NAMELESS)
        self._requests = 0
        self._events = 0
        self._last = 0.0

    def run(self) -> None:
        """Until standard input ends."""
        lines = control_lines(self._selector)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    self._meet()
                elif isinstance(key.fileobj, socket.socket):
                    self._serve(key.fileobj)
                elif not all(self._tell(line) for line in lines()):
                    return

    def _tell(self, line: str) -> bool:
        if told := self._came.told(line, self._events):
            say(told)
        elif line:
            say(json.dumps({"requests": self._requests, "events": self._events, "last": self._last}))
        return bool(line)

    def _meet(self) -> None:
        sock, _ = self._listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is not None:
            try:
                sock.settimeout(_HANDSHAKE_SECONDS)
                sock = self._tls.wrap_socket(sock, server_side=True)
                sock.settimeout(None)
            except OSError as error:
                print(f"no handshake: {error}", file=sys.stderr)
                sock.close()
                return
        self._rests[sock] = b""
        self._selector.register(sock, selectors.EVENT_READ, "connection")

    def _serve(self, sock: socket.socket) -> None:
        try:
            # By TLS a whole record, which is less: nothing is left that no select tells of.
            octets = sock.recv(MOST_READ)
        except OSError:
            octets = b""
        if not octets:
            self._selector.unregister(sock)
            del self._rests[sock]
            sock.close()
            return
        octets = self._rests[sock] + octets
        answers, at = 0, 0
        while (head := octets.find(b"\r\n\r\n", at)) >= 0:
            length = _LENGTH.search(octets, at, head)
            end = head + 4 + (int(length[1]) if length else 0)
            if len(octets) < end:
                break
            self._count(octets, at, head + 4, end)
            answers += 1
            at = end
        self._rests[sock] = octets[at:]
        if answers:
            self._came.keep(octets[:at])
            self._last = time.monotonic()
            sock.sendall(_ANSWER * answers)

    def _count(self, octets: bytes, start: int, body: int, end: int) -> None:
        self._requests += 1
        if octets.startswith(b"GET", start):
            self._events += 1
        else:
            self._events += octets.count(_EVENT, body, end)


def main() -> None:
    """Says its port, then answers each control line."""
    sink = Sink(*sys.argv[1:2])
    say(str(sink.port))
    sink.run()


if __name__ == "__main__":
    main()
