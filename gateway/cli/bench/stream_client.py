"""A caller of `POST /v1/sms/stream`: `python -m gateway.cli.bench.stream_client`, one request, lines as answers allow.

Told and telling as client.py is. A window of lines waits for answers, as a client would keep them that may have to send
them again.
"""

import json
import selectors
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from gateway.cli.bench.client import ClientError, carry_out, connected
from gateway.cli.bench.figures import spread
from gateway.cli.bench.requests import Posts

_READ = 262_144
_AT_ONCE = 50
"""Lines of a write: what a program that makes one message at a time has ready when it looks at its socket."""
_GIVE_UP_SECONDS = 60.0
_END = b"}\n"


class Stream:
    """One long request."""

    def __init__(self, port: int, posts: Posts, window: int) -> None:
        lines = [json.dumps(item).encode() + b"\n" for item in posts.items()]
        self._pieces = [b"".join(lines[at : at + _AT_ONCE]) for at in range(0, len(lines), _AT_ONCE)]
        self._count = len(lines)
        self._window = window
        self._sock = connected(port)
        self._sock.setblocking(False)
        self._waiting = posts.head("Transfer-Encoding: chunked", "application/x-ndjson")
        self._put = 0
        self._last = b""
        self.answered = 0
        self.errors = 0
        self.waits: list[float] = []
        """Milliseconds from the writing of a piece until its last line is answered."""
        self._unanswered: deque[tuple[int, float]] = deque()

    def run(self) -> None:
        """Until each line has its answer. Raises ClientError when the stream ends before."""
        heard = time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(self._sock, selectors.EVENT_READ)
            while self.answered < self._count:
                self._write()
                wants = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._waiting else 0)
                selector.modify(self._sock, wants)
                for _, events in selector.select(1.0):
                    if events & selectors.EVENT_READ:
                        self._read()
                        heard = time.monotonic()
                if time.monotonic() - heard > _GIVE_UP_SECONDS:
                    raise ClientError(f"{self._count - self.answered} lines were not answered")

    def _write(self) -> None:
        while True:
            if not self._waiting:
                if not self._pieces or self._put - self.answered > self._window - _AT_ONCE:
                    return
                piece = self._pieces.pop(0)
                self._put += piece.count(b"\n")
                self._unanswered.append((self._put, time.monotonic()))
                self._waiting = b"%x\r\n%b\r\n" % (len(piece), piece) + (b"" if self._pieces else b"0\r\n\r\n")
            try:
                sent = self._sock.send(self._waiting)
            except BlockingIOError:
                return
            self._waiting = self._waiting[sent:]

    def _read(self) -> None:
        octets = self._sock.recv(_READ)
        if not octets:
            raise ClientError(f"the stream ended after {self.answered} of {self._count} answers")
        if not self.answered and not self._last and octets[9:12] != b"200":
            raise ClientError(octets[:500].decode(errors="replace"))
        # Chunks end where lines do or not: an answer is the end of an object, whatever frames it.
        octets = self._last + octets
        self.answered += octets.count(_END)
        now = time.monotonic()
        while self._unanswered and self._unanswered[0][0] <= self.answered:
            self.waits.append((now - self._unanswered.popleft()[1]) * 1000)
        self.errors += octets.count(b'"error":{')
        self._last = octets[-1:] if not octets.endswith(_END) else b""


def _prepared(posts: Posts, given: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    stream = Stream(given["port"], posts, given["window"])

    def run() -> dict[str, Any]:
        began = time.monotonic()
        stream.run()
        ended = time.monotonic()
        return {"refused": stream.errors, "began": began, "ended": ended, **spread("post_", stream.waits)}

    return run


def main() -> None:
    """The line: `port`, `posts`, `window`."""
    carry_out(_prepared)


if __name__ == "__main__":
    main()
