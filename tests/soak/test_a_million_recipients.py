"""A campaign of a million recipients uploaded as CSV: its memory stays flat, and others are served meanwhile."""

import os
import socket
from urllib.parse import urlencode, urlsplit

import pytest
from arrivals import wait_until
from daemons import TOKEN, carrier
from memory import MemoryLog
from simulators import simulating

RECIPIENTS = int(os.environ.get("SOAK_RECIPIENTS", "1000000"))
MOST_MIB = 200
_PART = 2_000
_QUERY = {
    "campaign_name": "A million",
    "message": "Hello {name}, your code is {code}",
    "schedule": "2027-12-01T00:00:00Z",
}


def rows(first, count):
    return "".join(f"+346{n:08},Name {n},CODE{n}\n" for n in range(first, first + count)).encode()


def chunk(octets):
    return b"%x\r\n%s\r\n" % (len(octets), octets)


def answer_on(connection):
    octets = b""
    while not octets.endswith(b"}"):
        piece = connection.recv(65536)
        assert piece, octets
        octets += piece
    return octets


def upload_a_million(gateway):
    """The most MiB that it took meanwhile."""
    address = urlsplit(gateway.url)
    head = (
        f"POST /v1/campaigns/sms?{urlencode(_QUERY)} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    memory = MemoryLog()
    with (
        memory.watching(lambda: gateway.process.pid),
        socket.create_connection((address.hostname, address.port), timeout=300) as connection,
    ):
        connection.sendall(head.encode() + chunk(b"phone,name,code\n"))
        for first in range(0, RECIPIENTS, _PART):
            connection.sendall(chunk(rows(first, min(_PART, RECIPIENTS - first))))
            if first % (100 * _PART) == 0:
                message = gateway.send(f"+347{first:08}", lane="otp")
                gateway.wait_message(message["id"], status="delivered")
        connection.sendall(b"0\r\n\r\n")
        assert b'"accepted":%d,' % RECIPIENTS in answer_on(connection)
        (found,) = gateway.get("/v1/campaigns")["entities"]
        wait_until(lambda: gateway.get(f"/v1/campaigns/{found['id']}")["status"] == "scheduled", "it is scheduled")
        gateway.call("POST", f"/v1/campaigns/{found['id']}/cancel")
    return memory.most()


@pytest.mark.timeout(900)
def test_a_million_recipients_as_csv_take_less_than_200_mib(gateway_with, tmp_path, capsys):
    with simulating(tmp_path) as simulator:
        gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
        most = upload_a_million(gateway)
        with capsys.disabled():
            print(f"\nresident at most: {most} MiB with {RECIPIENTS:,} recipients")
        gateway.stop()
    assert most < MOST_MIB
