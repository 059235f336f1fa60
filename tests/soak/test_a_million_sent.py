"""A campaign of a million, really sent: killed while it loads and while it goes, paused on its way; its memory flat."""

import os
import socket
import time
from urllib.parse import urlencode, urlsplit

import pytest
from arrivals import wait_until
from daemons import TOKEN, Gateway, account, carrier, configuration
from memory import MemoryLog
from records import Record
from simulators import simulating

RECIPIENTS = int(os.environ.get("SOAK_RECIPIENTS", "1000000"))
MOST_MIB = 200
WINDOW = 50
_PART = 2_000
_HERE = "/v1/campaigns/sms"
_QUERY = urlencode({"campaign_name": "A million", "message": "{Hello|Hi} {name}, your code is {code}"})
_KILLS_AT = (0.2, 0.7)
_PAUSE_AT = 0.4


def number(n):
    return f"+346{n:08}"


def rows(first, count):
    return "".join(f"{number(n)},Name {n},CODE{n}\n" for n in range(first, first + count)).encode()


def chunk(octets):
    return b"%x\r\n%s\r\n" % (len(octets), octets)


def an_upload(gateway):
    address = urlsplit(gateway.url)
    connection = socket.create_connection((address.hostname, address.port), timeout=300)
    head = (
        f"POST {_HERE}?{_QUERY} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Type: text/csv\r\nIdempotency-Key: a-million\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    connection.sendall(head.encode() + chunk(b"phone,name,code\n"))
    return connection


def put(connection, until):
    for first in range(0, until, _PART):
        connection.sendall(chunk(rows(first, min(_PART, until - first))))


def answer_on(connection):
    octets = b""
    while not octets.endswith(b"}"):
        piece = connection.recv(65536)
        assert piece, octets
        octets += piece
    return octets


def load_with_a_kill(gateway):
    with an_upload(gateway) as connection:
        put(connection, RECIPIENTS * 2 // 5)
        gateway.kill()
    gateway.start(log_level="info")
    with an_upload(gateway) as connection:
        put(connection, RECIPIENTS)
        connection.sendall(b"0\r\n\r\n")
        assert b'"accepted":%d,' % RECIPIENTS in answer_on(connection)
    return gateway.get("/v1/campaigns")["entities"][0]["id"]


def gone(row):
    return row["recipients"]["accepted"] - row["counts"]["waiting"] - row["counts"]["queued"]


def send_with_kills(gateway, campaign):
    """How many went out after the answer to a pause."""

    def sent(share):
        def so_many():
            row = gateway.get(f"/v1/campaigns/{campaign}")
            assert sum(row["counts"].values()) == RECIPIENTS, row
            return row if gone(row) >= share * RECIPIENTS else None

        return wait_until(so_many, f"{share:.0%} have gone", seconds=900)

    over = None
    for share in sorted((*_KILLS_AT, _PAUSE_AT)):
        sent(share)
        if share in _KILLS_AT:
            gateway.kill()
            gateway.start(log_level="info")
            continue
        paused = gateway.call("POST", f"/v1/campaigns/{campaign}/pause")
        assert paused.status == 200, paused
        before = gone(paused.json)
        time.sleep(3)
        over = gone(gateway.get(f"/v1/campaigns/{campaign}")) - before
        assert gateway.call("POST", f"/v1/campaigns/{campaign}/resume").status == 200
    sent(1)
    return over


@pytest.mark.timeout(2400)
def test_a_million_sent_over_kills_lose_nobody_and_nobody_hears_twice(tmp_path, capsys):
    record = Record(tmp_path / "taken.jsonl")
    with simulating(tmp_path, *record.option, "--no-number-outcomes") as simulator:
        settings = configuration(
            tmp_path,
            carriers={"telco": carrier(simulator.port, window=WINDOW)},
            lanes={"promotional": {"doubt_grace": "5s"}},
            accounts={"shop": account()},
        )
        gateway, memory = Gateway(tmp_path, settings), MemoryLog()
        gateway.start(log_level="info")
        with memory.watching(lambda: gateway.process.pid):
            campaign = load_with_a_kill(gateway)
            over = send_with_kills(gateway, campaign)
            ended = wait_until(
                lambda: (row := gateway.get(f"/v1/campaigns/{campaign}"))["status"] == "completed" and row,
                "it is completed",
                seconds=120,
            )
        gateway.stop()
    counts = ended["counts"]
    missing = {number(n) for n in range(RECIPIENTS)} - set(record.numbers())
    with capsys.disabled():
        print(f"\nresident at most {memory.most()} MiB, lives {memory.lasts()}; {over} after the pause; {counts}")
    assert record.twice() == set()
    assert len(missing) <= counts["unknown"] <= len(_KILLS_AT) * WINDOW
    assert counts["delivered"] + counts["unknown"] == RECIPIENTS
    assert over is not None
    assert over <= 2 * WINDOW
    assert memory.most() < MOST_MIB
