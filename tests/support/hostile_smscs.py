"""An SMSC that means harm or knows no better: it binds whoever comes, plays one trick, and is polite from then on.

It knows SMPP 3.4 by its own few lines. A trick runs in a thread, with blocking sockets, once.
"""

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

GENERIC_NACK, ENQUIRE, UNBIND, SUBMIT, DELIVER, ALERT = 0x8000_0000, 0x15, 0x06, 0x04, 0x05, 0x0102
RESPONSE = 0x8000_0000
BINDS = (0x01, 0x02, 0x09)
PATIENCE_SECONDS = 30.0
PROOF_OF_LIFE = 0x0DDB_A115


def frame(command: int, sequence: int, body: bytes = b"", *, status: int = 0, length: int | None = None) -> bytes:
    """`length` says what the header says, if that is to be a lie."""
    return struct.pack(">IIII", 16 + len(body) if length is None else length, command, status, sequence) + body


def deliver(
    sequence: int, text: bytes = b"Hello", *, esm_class: int = 0, data_coding: int = 0, tlvs: bytes = b""
) -> bytes:
    """A deliver_sm from a phone."""
    head = b"\0\x01\x0134600000009\0\x01\x0134600000000\0" + bytes((esm_class, 0, 0))
    return frame(DELIVER, sequence, head + b"\0\0\0\0" + bytes((data_coding, 0, len(text))) + text + tlvs)


class Link:
    """One connection of the gateway, bound."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self._unread = b""
        self.heard: list[tuple[int, int, int]] = []
        """Command, status and sequence of what came since the bind."""

    def say(self, *frames: bytes) -> None:
        self.stream.sendall(b"".join(frames))

    def next(self) -> tuple[int, int, int] | None:
        """The next PDU; an enquire_link is answered and not told. None: the gateway closed."""
        while True:
            while len(self._unread) < 16 or len(self._unread) < struct.unpack_from(">I", self._unread)[0]:
                octets = self.stream.recv(65536)
                if not octets:
                    return None
                self._unread += octets
            length, command, status, sequence = struct.unpack_from(">IIII", self._unread)
            self._unread = self._unread[length:]
            if command != ENQUIRE:
                self.heard.append((command, status, sequence))
                return command, status, sequence
            self.say(frame(ENQUIRE | RESPONSE, sequence))

    def hear(self, command: int, count: int = 1, *, sequence: int | None = None) -> list[tuple[int, int, int]]:
        """So many PDUs of this command, whatever comes between. Raises EOFError when the gateway closes before."""
        found: list[tuple[int, int, int]] = []
        while len(found) < count:
            pdu = self.next()
            if pdu is None:
                raise EOFError(f"{len(found)} of {count} came")
            if pdu[0] == command and sequence in (None, pdu[2]):
                found.append(pdu)
        return found

    def prove_life(self) -> None:
        """The gateway still answers on this very link."""
        self.say(frame(ENQUIRE, PROOF_OF_LIFE))
        self.hear(ENQUIRE | RESPONSE, sequence=PROOF_OF_LIFE)

    def wait_closed(self) -> None:
        """The gateway ends this link."""
        with suppress(ConnectionError):  # it may have closed with octets of ours unread
            while self.next() is not None:
                pass

    def serve(self) -> None:
        """Take what comes as an SMSC should, until the gateway leaves."""
        while (pdu := self.next()) is not None:
            command, _, sequence = pdu
            if command == SUBMIT:
                self.say(frame(SUBMIT | RESPONSE, sequence, b"%d\0" % sequence))
            elif command == UNBIND:
                self.say(frame(UNBIND | RESPONSE, sequence))
                return


class HostileSmsc:
    """Listens on `port`; the first who binds gets the trick."""

    def __init__(self, trick: Callable[[Link], None]) -> None:
        self.name = trick.__name__
        self.binds = 0
        self.done = threading.Event()
        self.failure: BaseException | None = None
        self._trick: Callable[[Link], None] | None = trick
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._streams: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._take, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """Cuts everything."""
        for one in (self._listener, *self._streams):
            with suppress(OSError):  # closed by its peer already
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def wait_done(self, seconds: float = 60.0) -> None:
        """Until the trick was played; raises what it raised."""
        assert self.done.wait(seconds), f"{self.name} did not end"
        assert self.failure is None, f"{self.name}: {self.failure!r}"

    def _take(self) -> None:
        while True:
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return
            stream.settimeout(PATIENCE_SECONDS)
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._streams.append(stream)
            thread = threading.Thread(target=self._meet, args=(stream,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _meet(self, stream: socket.socket) -> None:
        link = Link(stream)
        with suppress(OSError), stream:  # the gateway may go at any time; a trick that minds has told so itself
            pdu = link.next()
            if pdu is None or pdu[0] not in BINDS:
                return
            self.binds += 1
            link.say(frame(pdu[0] | RESPONSE, pdu[2], b"telco\0"))
            trick, self._trick = self._trick, None
            if trick is not None:
                self._play(trick, link)
            link.serve()

    def _play(self, trick: Callable[[Link], None], link: Link) -> None:
        try:
            trick(link)
        except (OSError, EOFError, AssertionError) as failure:
            self.failure = failure
        finally:
            self.done.set()
