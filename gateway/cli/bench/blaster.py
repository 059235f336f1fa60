"""What the bench's carrier and sink take when nothing holds them up: a sender of its own, `smsc|sink PORT COUNT`."""

import json
import sys
import time

from gateway.cli.bench.client import Callers, connected
from gateway.cli.bench.control import say
from gateway.cli.bench.requests import number
from gateway.cli.bench.smsc_pdus import BIND_TRANSCEIVER, DELIVER_SM, DELIVER_SM_RESP, HEAD, SUBMIT_SM, SUBMIT_SM_RESP

_WINDOW = 500
_READ = 262_144
_EVENTS = 100
_CONNECTIONS = 8
_BIND = b"bench\0bench\0\0\x34\0\0\0"
_SUBMIT = b"\0\x05\0SHOP\0\x01\x01%b\0\0\0\0\0\0\x01\0\0\0\x1fYour order has left the building"
_EVENT = (
    b'{"id":"evt_01KAK5YB","type":"message.delivered","timestamp":"2026-11-21T18:04:09.481Z","message_id":'
    b'"msg_01KAK5Y7Q4V8M3Z2T9N6C1XHRD","client_id":"order-8841","status":"delivered","data":{"from":"SHOP",'
    b'"to":"%b"}}'
)


def blast_smsc(port: int, count: int) -> None:
    """submit_sm in windows of 500, and an answer to each receipt, until all of both are done."""
    sock = connected(port)
    sock.sendall(HEAD.pack(16 + len(_BIND), BIND_TRANSCEIVER, 0, 1) + _BIND)
    bodies = (_SUBMIT % number(n).removeprefix("+").encode() for n in range(count))
    pdus = [HEAD.pack(16 + len(body), SUBMIT_SM, 0, n) + body for n, body in enumerate(bodies, 2)]
    put = answered = receipts = 0
    rest = b""
    while answered < count or receipts < count:
        room = _WINDOW - (put - answered)
        if room > _WINDOW // 2 and put < count:
            sock.sendall(b"".join(pdus[put : put + room]))
            put = min(count, put + room)
        octets = rest + sock.recv(_READ)
        at, replies = 0, []
        while len(octets) - at >= 16:
            length, command, _, sequence = HEAD.unpack_from(octets, at)
            if len(octets) - at < length:
                break
            at += length
            if command == SUBMIT_SM_RESP:
                answered += 1
            elif command == DELIVER_SM:
                receipts += 1
                replies.append(HEAD.pack(17, DELIVER_SM_RESP, 0, sequence) + b"\0")
        rest = octets[at:]
        if replies:
            sock.sendall(b"".join(replies))
    sock.close()


def blast_sink(port: int, count: int) -> None:
    """Webhooks of 100 events each over 8 connections."""
    requests = []
    for first in range(0, max(1, count // _EVENTS) * _EVENTS, _EVENTS):
        body = b"[" + b",".join([_EVENT % number(n).encode() for n in range(first, first + _EVENTS)]) + b"]"
        requests.append(b"POST / HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    Callers(port, _CONNECTIONS, requests, 0.0).run()


def main() -> None:
    """Says the seconds that it took."""
    what, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    began = time.monotonic()
    (blast_smsc if what == "smsc" else blast_sink)(port, count)
    say(json.dumps({"seconds": time.monotonic() - began}))


if __name__ == "__main__":
    main()
