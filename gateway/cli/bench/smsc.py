"""A carrier that is never the limit: `python -m gateway.cli.bench.smsc` takes binds and submit_sm and sends receipts.

One process, one loop over sockets, no PDU objects: what one read brings is answered by one write, and receipts that are
due go out in bursts. It does no faults and checks nothing; gateway/simulator is the carrier that does.
"""

import json
import selectors
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from itertools import count

from gateway.cli.bench.apart import MOST_READ, Came
from gateway.cli.bench.control import control_lines, say
from gateway.cli.bench.smsc_pdus import (
    BIND_RECEIVER,
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    DELIVER_SM,
    DELIVER_SM_RESP,
    ENQUIRE_LINK,
    HEAD,
    SUBMIT_SM,
    SUBMITTED,
    UNBIND,
    bind_resp,
    destination_of,
    messages_in,
    receipt_of,
    receipt_tail,
    resp,
    submit_sm_resp,
)

_FULL = 1 << 20
"""Octets that wait to be written to a connection, above which its receipts stay back."""
_BURST_SECONDS = 0.002
"""Receipts that are due so close together go out together."""


class Link:
    """One connection of a gateway."""

    def __init__(self, smsc: "Smsc", sock: socket.socket) -> None:
        self.sock = sock
        self.waiting = b""
        self._smsc = smsc
        self._rest = b""
        self._sequences = count(1)
        self.receives = False
        self.is_open = True

    def read(self) -> None:
        """Take what came, and answer all of it."""
        try:
            octets = self.sock.recv(MOST_READ)
        except OSError:
            octets = b""
        if not octets:
            self._smsc.drop(self)
            return
        if self._rest:
            octets = self._rest + octets
        answers: list[bytes] = []
        receipts: list[bytes] = []
        end, at = len(octets), 0
        while end - at >= 16:
            length, command, _, sequence = HEAD.unpack_from(octets, at)
            if end - at < length:
                break
            if command == SUBMIT_SM:
                self._smsc.take(octets[at : at + length], sequence, answers, receipts)
            elif command == DELIVER_SM_RESP:
                self._smsc.acknowledged += 1
            else:
                self._rare(command, sequence, answers)
            at += length
        self._rest = octets[at:]
        if answers:
            self._smsc.came.keep(octets[:at])
            self.write(b"".join(answers))
        if receipts:
            self._smsc.owe(self, receipts)

    def _rare(self, command: int, sequence: int, answers: list[bytes]) -> None:
        if command in (BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER):
            self.receives = command != BIND_TRANSMITTER
            self._smsc.bound(self)
            answers.append(bind_resp(command, sequence))
        elif command in (ENQUIRE_LINK, UNBIND):
            answers.append(resp(command, sequence))

    def deliver(self, receipts: list[bytes]) -> None:
        """Send them, each under a sequence number of its own."""
        sequences = self._sequences
        self.write(b"".join([HEAD.pack(len(body) + 16, DELIVER_SM, 0, next(sequences)) + body for body in receipts]))

    def write(self, octets: bytes) -> None:
        """Now, or what does not fit as soon as there is room."""
        if self.waiting:
            self.waiting += octets
            return
        try:
            sent = self.sock.send(octets)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._smsc.drop(self)
            return
        if sent < len(octets):
            self.waiting = octets[sent:]
            self._smsc.watch(self, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def flush(self) -> None:
        """There is room again."""
        waiting, self.waiting = self.waiting, b""
        self._smsc.watch(self, selectors.EVENT_READ)
        self.write(waiting)


class Smsc:
    """All connections, the receipts that are owed, and what was counted."""

    def __init__(self, port: int, receipt_seconds: float | None) -> None:
        self._receipt_seconds = receipt_seconds
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=512)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._owed: deque[tuple[float, Link, list[bytes]]] = deque()
        self._receivers: list[Link] = []
        self._turn = 0
        self._tail = (0, b"")
        self.numbers = count(1)
        self.came = Came(messages_in, SUBMITTED)
        self.taken = 0
        self.acknowledged = 0
        self.receipts = 0
        self.binds = 0
        self.last = 0.0
        self.arrivals: dict[bytes, float] | None = None

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def take(self, pdu: bytes, sequence: int, answers: list[bytes], receipts: list[bytes]) -> None:
        """One submit_sm: its answer, and its receipt where one is due."""
        number = b"%010d" % next(self.numbers)
        answers.append(submit_sm_resp(sequence, number))
        self.taken += 1
        if self._receipt_seconds is not None:
            receipts.append(receipt_of(pdu, number, self._tail[1]))
        if self.arrivals is not None:
            self.arrivals.setdefault(destination_of(pdu), time.monotonic())

    def owe(self, link: Link, receipts: list[bytes]) -> None:
        """Receipts of one read, after the delay; on a receiver where a transmitter took the messages."""
        self._owed.append((time.monotonic() + (self._receipt_seconds or 0.0), link, receipts))

    def bound(self, link: Link) -> None:
        self.binds += 1
        if link.receives:
            self._receivers.append(link)

    def drop(self, link: Link) -> None:
        """The connection is over; receipts that it is owed go to another."""
        if not link.is_open:
            return
        link.is_open = False
        self._selector.unregister(link.sock)
        link.sock.close()
        if link in self._receivers:
            self._receivers.remove(link)
        self.binds -= 1

    def watch(self, link: Link, events: int) -> None:
        if link.is_open:
            self._selector.modify(link.sock, events, link)

    def run(self, obey: Callable[[str], bool]) -> None:
        """Until standard input ends."""
        lines = control_lines(self._selector)
        while True:
            for key, events in self._selector.select(self._wait()):
                if key.fileobj is self._listener:
                    self._meet()
                elif isinstance(key.data, Link):
                    self._serve(key.data, events)
                elif not all(obey(line) for line in lines()):
                    return
            self._pay()

    def _serve(self, link: Link, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            link.flush()
        if events & selectors.EVENT_READ and link.is_open:
            before = self.taken
            link.read()
            if self.taken != before:
                self.last = time.monotonic()

    def _meet(self) -> None:
        sock, _ = self._listener.accept()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(sock, selectors.EVENT_READ, Link(self, sock))

    def _wait(self) -> float | None:
        second = int(time.time())
        if self._tail[0] != second:
            self._tail = (second, receipt_tail(second))
        if not self._owed:
            return 0.5
        return max(_BURST_SECONDS, self._owed[0][0] - time.monotonic())

    def _pay(self) -> None:
        """Send what is due, one write for each connection."""
        owed, now = self._owed, time.monotonic()
        due: dict[Link, list[bytes]] = {}
        while owed and owed[0][0] <= now:
            _, link, receipts = owed.popleft()
            payee = link if link.is_open and link.receives else self._another()
            if payee is None:
                owed.appendleft((now + 0.5, link, receipts))
                break
            due.setdefault(payee, []).extend(receipts)
        for payee, receipts in due.items():
            if len(payee.waiting) > _FULL:
                owed.appendleft((now + _BURST_SECONDS, payee, receipts))
            else:
                self.receipts += len(receipts)
                payee.deliver(receipts)

    def _another(self) -> Link | None:
        if not self._receivers:
            return None
        self._turn = (self._turn + 1) % len(self._receivers)
        return self._receivers[self._turn]


def main() -> None:
    """Arguments: port (0: any), seconds until a receipt or `none`. Says its port, then answers each control line."""
    smsc = Smsc(int(sys.argv[1]), None if sys.argv[2] == "none" else float(sys.argv[2]))

    def obey(line: str) -> bool:
        if line == "arrivals":
            said = {} if smsc.arrivals is None else {one.decode(): at for one, at in smsc.arrivals.items()}
            smsc.arrivals = {}
            smsc.came.look()  # asked again and again by those that run for long
            say(json.dumps(said))
        elif told := smsc.came.told(line, smsc.taken):
            say(told)
        elif line:
            names = ("taken", "acknowledged", "receipts", "binds", "last")
            say(json.dumps({name: getattr(smsc, name) for name in names}))
        return bool(line)

    say(str(smsc.port))
    smsc.run(obey)


if __name__ == "__main__":
    main()
