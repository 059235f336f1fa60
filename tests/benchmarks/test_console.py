"""What the console costs: its pages with a million messages in the store (or as many as CONSOLE_MESSAGES says) and 500
a second flowing, and what three open consoles take from the messages."""

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from benchmarks_support import machine
from daemons import OPERATOR_TOKEN, SECRET, Gateway, QuietGateway, account, carrier, configuration, started
from full_stores import CARRIERS, fill, number
from simulators import simulating
from webhook_receivers import receiving

from gateway.identifiers import MESSAGE, now_ms, public

MESSAGES = int(os.environ.get("CONSOLE_MESSAGES", "1000000"))
MOST_MS = 300
A_SECOND, BULK = 500, 50
TIMES = 25
ROUNDS, A_ROUND = 10, 5_000
"""Of the throughput: by turns without a console and with three, so many messages each."""
CONSOLES = 3
CSRF = re.compile(rb'name="csrf" value="([^"]+)"')


class Visit:
    """One signed-in console."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._connection = HTTPConnection(address.hostname or "", address.port, timeout=60)
        self._cookie = ""
        field = CSRF.search(self.get("/console/sign-in"))
        assert field is not None
        body = urlencode({"token": OPERATOR_TOKEN, "to": "/console", "csrf": field[1].decode()})
        self._ask("POST", "/console/sign-in", body, 303)

    def get(self, path: str) -> bytes:
        return self._ask("GET", path, None, 200)

    def watch(self, until: Callable[[], bool]) -> None:
        """The live figures, as the overview reads them."""
        self._connection.request("GET", "/console/live", headers={"Cookie": self._cookie})
        answer = self._connection.getresponse()
        assert answer.status == 200
        while not until():
            assert answer.readline()
        self.close()

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, body: str | None, status: int) -> bytes:
        headers = {"Cookie": self._cookie, "Content-Type": "application/x-www-form-urlencoded"}
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        if cookies := answer.headers.get_all("Set-Cookie"):
            self._cookie = "; ".join(cookie.partition(";")[0] for cookie in cookies)
        content = answer.read()
        assert answer.status == status, (path, answer.status, content[:400])
        return content


@contextmanager
def a_gateway(folder: Path) -> Iterator[tuple[Gateway, Any]]:
    """With a carrier and an endpoint that takes events by 100."""
    with (
        receiving(SECRET) as webhooks,
        simulating(folder, "--no-number-outcomes", "--receipt-delay", "100ms") as simulator,
    ):
        shop = account(webhooks.url)
        shop["webhook"] |= {"batch": 100, "events": ["message.delivered", "message.undelivered"]}
        carriers = {name: carrier(simulator.port, window=50) for name in CARRIERS[:1]}
        settings = configuration(folder, carriers=carriers, accounts={"shop": shop})
        with started(QuietGateway(folder, settings)) as gateway:
            gateway.wait_able(CARRIERS[0])
            yield gateway, webhooks


@contextmanager
def flowing(gateway: Gateway) -> Iterator[None]:
    """So many messages a second, meanwhile."""
    over = threading.Event()

    def feed() -> None:
        sent, began = 0, time.monotonic()
        while not over.is_set():
            gateway.send_bulk([{"to": f"+3460030{sent + n:05}"[:12], "text": "Hello"} for n in range(BULK)])
            sent += BULK
            over.wait(max(0.0, began + sent / A_SECOND - time.monotonic()))

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def pages(ids: list[int]) -> dict[str, str]:
    middle = len(ids) // 2
    return {
        "overview": "/console",
        "carriers": "/console/carriers",
        "messages": "/console/messages",
        "a number": f"/console/messages?{urlencode({'q': number(middle)})}",
        "last digits": f"/console/messages?{urlencode({'q': '*' + number(middle)[-4:]})}",
        "a status": "/console/messages?status=failed",
        "a message": f"/console/messages/{public(MESSAGE, ids[middle])}",
        "campaigns": "/console/campaigns",
        "webhooks": "/console/webhooks",
        "opt-outs": "/console/opt-outs",
        "held": "/console/held",
        "doubts": "/console/doubts",
        "audit": "/console/audit",
    }


def test_each_page_is_there_in_time_among_a_million_messages(tmp_path: Path, report: Any) -> None:
    ids = fill(tmp_path / "sluice.db", MESSAGES, now_ms())
    waited: dict[str, list[float]] = {}
    with a_gateway(tmp_path) as (gateway, _), flowing(gateway), closing(Visit(gateway.operator.url)) as visit:
        for _ in range(TIMES):
            for name, path in pages(ids).items():
                began = time.perf_counter()
                visit.get(path)
                waited.setdefault(name, []).append((time.perf_counter() - began) * 1_000)
    figures = {name: f"{median(all_):.0f} (most {max(all_):.0f})" for name, all_ in waited.items()}
    report(f"pages among {MESSAGES:,} messages with {A_SECOND}/s flowing, ms ({machine()})", **figures)
    assert {name: all_ for name, all_ in waited.items() if median(all_) > MOST_MS} == {}


@pytest.mark.timeout(900)
def test_three_consoles_take_little_from_the_messages(tmp_path: Path, report: Any) -> None:
    rates: dict[int, list[float]] = {0: [], CONSOLES: []}
    with a_gateway(tmp_path) as (gateway, webhooks):
        for turn in range(2 * ROUNDS):
            consoles = CONSOLES if turn % 2 else 0
            over = threading.Event()
            watching = [Visit(gateway.operator.url) for _ in range(consoles)]
            threads = [threading.Thread(target=one.watch, args=(over.is_set,)) for one in watching]
            for thread in threads:
                thread.start()
            began = time.perf_counter()
            for first in range(0, A_ROUND, 500):
                gateway.send_bulk([{"to": f"+34{600_000_000 + first + n}", "text": "Hello"} for n in range(500)])
            webhooks.events.wait_for((turn + 1) * A_ROUND, seconds=300)
            rates[consoles].append(A_ROUND / (time.perf_counter() - began))
            over.set()
            for thread in threads:
                thread.join()
    figures = {f"with {consoles}": f"{median(all_):,.0f}/s" for consoles, all_ in rates.items()}
    ratio = median(rates[CONSOLES]) / median(rates[0])
    report(f"throughput by open consoles ({machine()})", **figures, ratio=f"{ratio:.3f}")
