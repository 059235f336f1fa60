"""An endpoint that is never the limit: `python -m gateway.cli.bench.sink` answers 204 at once and counts events.

It looks for a word in the body instead of decoding it, and takes Kannel's dlr-url calls (a GET each) as well.
"""

import json
import re
import selectors
import socket
import time

from gateway.cli.bench.control import control_lines, say

_READ = 262_144
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_EVENT, _DELIVERED = b'"type":"message.', b'"type":"message.delivered"'


class Sink:
    """What was counted, over all connections."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._rests: dict[socket.socket, bytes] = {}
        self.port: int = self._listener.getsockname()[1]
        self.requests = 0
        self.events = 0
        self.delivered = 0
        self.last = 0.0

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
        if line:
            say(json.dumps({name: getattr(self, name) for name in ("requests", "events", "delivered", "last")}))
        return bool(line)

    def _meet(self) -> None:
        sock, _ = self._listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rests[sock] = b""
        self._selector.register(sock, selectors.EVENT_READ, "connection")

    def _serve(self, sock: socket.socket) -> None:
        try:
            octets = sock.recv(_READ)
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
            self.last = time.monotonic()
            sock.sendall(_ANSWER * answers)

    def _count(self, octets: bytes, start: int, body: int, end: int) -> None:
        self.requests += 1
        if octets.startswith(b"GET", start):
            self.events += 1
            self.delivered += 1
        else:
            self.events += octets.count(_EVENT, body, end)
            self.delivered += octets.count(_DELIVERED, body, end)


def main() -> None:
    """Says its port, then answers each control line with the counts."""
    sink = Sink()
    say(str(sink.port))
    sink.run()


if __name__ == "__main__":
    main()
