"""An SMSC that does what a script says: each submit_sm is handed to one function, which answers it as it likes.

One thread for all its connections, on plain sockets and with its own few lines of SMPP. A receipt that is not
acknowledged when its link is lost goes out again on the next one, as from any SMSC. PDUs are in smpp_octets.py.
"""

import heapq
import itertools
import selectors
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from queue import SimpleQueue

from arrivals import PATIENCE_SECONDS, Arrivals
from smpp_octets import (
    BINDS,
    DATA,
    DELIVER,
    ENQUIRE,
    RESPONSE,
    SUBMIT,
    UNBIND,
    Submitted,
    delivery,
    frame,
    read_submit,
)

Delivery = tuple[int, bytes]
"""Command and body of a deliver_sm or data_sm."""


class Submit(Submitted):
    """A submit_sm that a link brought, to be answered on it."""

    __slots__ = ("at", "link")

    def __init__(self, link: "Link", sequence: int, body: bytes) -> None:
        super().__init__(sequence, *read_submit(body))
        self.link = link
        self.at = time.time()

    def answer(self, message_id: str = "", *, status: int = 0, body: bool = True, tlvs: bytes = b"") -> None:
        """The submit_sm_resp; nothing happens where the link is gone."""
        octets = message_id.encode() + b"\0" + tlvs if body else b""
        self.link.say(frame(SUBMIT | RESPONSE, self.sequence, octets, status=status))


class Link:
    """One connection of the gateway."""

    def __init__(self, smsc: "ScriptedSmsc", stream: socket.socket) -> None:
        self.smsc = smsc
        self.stream = stream
        self.mode = 0
        """The command of its bind; 0: not bound."""
        self.is_open = True
        self.taken = 0
        """submit_sm so far."""
        self.unread = b""
        self.unwritten = bytearray()
        self.unacknowledged: dict[int, Delivery] = {}
        self.sequences = itertools.count(1)

    @property
    def receives(self) -> bool:
        return self.is_open and self.mode in (0x01, 0x09)

    def say(self, *frames: bytes) -> None:
        if self.is_open:
            self.unwritten += b"".join(frames)
            self.smsc.wants_to_write(self)

    def deliver(self, what: Delivery) -> None:
        """One deliver_sm or data_sm on this link, kept until it is acknowledged."""
        sequence = next(self.sequences)
        self.unacknowledged[sequence] = what
        self.say(frame(what[0], sequence, what[1]))

    def unbind(self) -> None:
        """The SMSC's own unbind; the link ends when the gateway has answered it."""
        self.say(frame(UNBIND, next(self.sequences)))

    def cut(self) -> None:
        """The connection breaks: what was not written yet is lost."""
        if self.is_open:
            self.is_open = False
            self.smsc.is_without(self)


Script = Callable[[Submit], None]
BindScript = Callable[[Link, int, int], None]
"""Of a link, the command of its bind and the sequence number."""


def take_bind(link: Link, command: int, sequence: int) -> None:
    """Answer a bind as an SMSC of SMPP 3.4 does."""
    link.mode = command
    link.say(frame(command | RESPONSE, sequence, b"telco\0"))


class ScriptedSmsc:
    """Listens on `port` of loopback. Scripts run in its thread; everything else is for the test's."""

    def __init__(self, script: Script, *, on_bind: BindScript = take_bind) -> None:
        self.submits: Arrivals[Submit] = Arrivals("submit_sm")
        self.acknowledged: Arrivals[tuple[int, int]] = Arrivals("acknowledgements")
        """Status and the length of each response to a delivery."""
        self.heard: Counter[int] = Counter()
        """Commands of all that came."""
        self.binds: Arrivals[tuple[float, int]] = Arrivals("binds")
        """Each attempt: when, by time.monotonic(), and its command."""
        self.links: list[Link] = []
        """Those that are open."""
        self.delivered = 0
        """Deliveries that were asked for, each counted once."""
        self._script, self._on_bind = script, on_bind
        self._waiting: deque[Delivery] = deque()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._turn = itertools.count()
        self._failure: BaseException | None = None
        self._asked: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._selector = selectors.DefaultSelector()
        self._bell, self._ear = socket.socketpair()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        for one in (self._ear, self._listener):
            one.setblocking(False)
            self._selector.register(one, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    # For scripts: in the SMSC's thread.

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (time.monotonic() + seconds, next(self._order), call))

    def deliver(self, body: bytes, *, command: int = DELIVER, on: Link | None = None) -> None:
        """A delivery that goes out until it is acknowledged: on a link, or on any that receives, each in its turn."""
        self.delivered += 1
        if on is not None and on.receives:
            on.deliver((command, body))
        else:
            self._waiting.append((command, body))
            self._hand_out()

    def receipt(self, submit: Submitted, message_id: str, stat: str = "DELIVRD", err: str = "000") -> None:
        """The usual receipt in its text, addresses swapped, on any link."""
        self.deliver(receipt_body(submit, message_id, stat, err))

    def wants_to_write(self, link: Link) -> None:
        self._selector.modify(link.stream, selectors.EVENT_READ | selectors.EVENT_WRITE, link)

    def is_without(self, link: Link) -> None:
        self._selector.unregister(link.stream)
        link.stream.close()
        self.links.remove(link)
        self._waiting.extendleft(reversed(link.unacknowledged.values()))
        link.unacknowledged = {}
        self._hand_out()

    # For tests: from any thread.

    def do(self, call: Callable[[], None]) -> None:
        """Have the SMSC's thread do it."""
        self._asked.put(call)
        self._bell.send(b"!")

    def owed(self) -> int:
        """Deliveries that are not acknowledged yet."""
        return len(self._waiting) + sum(len(link.unacknowledged) for link in list(self.links))

    def close(self) -> None:
        """Cuts everything. Raises AssertionError if a script failed."""
        self._asked.put(None)
        self._bell.send(b"!")
        self._thread.join(PATIENCE_SECONDS)
        for one in (self._listener, self._bell, self._ear):
            one.close()
        self._selector.close()
        assert self._failure is None, f"the script failed: {self._failure!r}"

    def _run(self) -> None:
        try:
            while self._turn_once():
                pass
        except BaseException as failure:  # noqa: BLE001 - told by close(), in the test's thread
            self._failure = failure
        finally:
            for link in list(self.links):
                link.stream.close()

    def _turn_once(self) -> bool:
        wait = self._agenda[0][0] - time.monotonic() if self._agenda else 1.0
        for key, ready in self._selector.select(max(0.0, wait)):
            if key.fileobj is self._listener:
                self._accept()
            elif key.fileobj is self._ear:
                self._ear.recv(4096)
            else:
                self._serve(key.data, ready)
        while self._agenda and self._agenda[0][0] <= time.monotonic():
            heapq.heappop(self._agenda)[2]()
        while not self._asked.empty():
            call = self._asked.get()
            if call is None:
                return False
            call()
        return True

    def _accept(self) -> None:
        stream, _ = self._listener.accept()
        stream.setblocking(False)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(self, stream)
        self.links.append(link)
        self._selector.register(stream, selectors.EVENT_READ, link)

    def _serve(self, link: Link, ready: int) -> None:
        if not link.is_open:  # cut by a script, in this very turn
            return
        try:
            if ready & selectors.EVENT_WRITE:
                del link.unwritten[: link.stream.send(link.unwritten)]
                if not link.unwritten:
                    self._selector.modify(link.stream, selectors.EVENT_READ, link)
            if ready & selectors.EVENT_READ:
                octets = link.stream.recv(262144)
                if not octets:
                    link.cut()
                link.unread += octets
        except BlockingIOError:
            return
        except ConnectionError:
            link.cut()
        self._read_frames(link)

    def _read_frames(self, link: Link) -> None:
        data, start = link.unread, 0
        while link.is_open and len(data) - start >= 16:
            length, command, status, sequence = struct.unpack_from(">IIII", data, start)
            if len(data) - start < length:
                break
            self._take(link, command, status, sequence, data[start + 16 : start + length])
            start += length
        link.unread = data[start:]

    def _take(self, link: Link, command: int, status: int, sequence: int, body: bytes) -> None:
        self.heard[command] += 1
        if command == SUBMIT:
            submit = Submit(link, sequence, body)
            link.taken += 1
            self.submits.add(submit)
            self._script(submit)
        elif command in (DELIVER | RESPONSE, DATA | RESPONSE):
            self._take_acknowledgement(link, status, sequence, body)
        elif command in BINDS:
            self.binds.add((time.monotonic(), command))
            self._on_bind(link, command, sequence)
            self._hand_out()
        elif command in (ENQUIRE, UNBIND):
            link.say(frame(command | RESPONSE, sequence))
        elif command == UNBIND | RESPONSE:
            link.cut()

    def _take_acknowledgement(self, link: Link, status: int, sequence: int, body: bytes) -> None:
        what = link.unacknowledged.pop(sequence, None)
        assert what is not None, f"{sequence} was acknowledged twice or never delivered"
        self.acknowledged.add((status, 16 + len(body)))
        if status:
            self._waiting.append(what)
            self.later(0.1, self._hand_out)

    def _hand_out(self) -> None:
        receiving = [link for link in self.links if link.receives]
        while self._waiting and receiving:
            receiving[next(self._turn) % len(receiving)].deliver(self._waiting.popleft())


def receipt_text(message_id: str, stat: str = "DELIVRD", err: str = "000") -> str:
    """As most SMSCs write it. Its dates are of now, in UTC: one of long ago is no word about what was just sent."""
    now = datetime.now(UTC).strftime("%y%m%d%H%M")
    return f"id:{message_id} sub:001 dlvrd:001 submit date:{now} done date:{now} stat:{stat} err:{err} text:Hello"


def receipt_body(submit: Submitted, message_id: str, stat: str = "DELIVRD", err: str = "000") -> bytes:
    """The body of the usual receipt, addresses swapped."""
    text = receipt_text(message_id, stat, err)
    return delivery(submit.destination, submit.source, text.encode(), esm_class=0x04)


@contextmanager
def scripted(script: Script, *, on_bind: BindScript = take_bind) -> Iterator[ScriptedSmsc]:
    """An SMSC until the end of the block, in which its script must not have failed."""
    smsc = ScriptedSmsc(script, on_bind=on_bind)
    try:
        yield smsc
    finally:
        smsc.close()
