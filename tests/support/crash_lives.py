"""A small fixed story, told to a gateway that kills itself at one point of it and starts again.

One life after the other on one simulator; each has a store, an endpoint, a system_id and numbers of its own.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from daemons import SECRET, account, carrier, configuration
from forked_gateways import CrashingGateway
from ledgers import Ledger, keep_little
from promises import Taken, broken, outbox_of
from simulators import simulating
from stubborn_callers import Request, StubbornCaller
from webhook_receivers import receiving

WINDOW = 10
PLACES = {
    "commit": ("before", "after"),
    "migration": ("before", "after"),
    "smpp": ("before", "half", "after"),
    "http": ("before", "half", "after"),
    "webhook": ("before", "half", "after"),
}
"""Where each kind of point can end a process."""
EVENTS = ["sent", "delivered", "undelivered", "expired", "rejected", "failed", "unknown", "in_doubt"]
_LONG = "Hello, this is the long one, which has to be cut in two parts. " * 3
_LIFE_SECONDS = 30.0
_POLL_SECONDS = 0.01


@dataclass(slots=True, frozen=True)
class Weather:
    """When a receipt comes and how long a doubt waits for one: whether receipts or the lanes settle most doubts."""

    name: str
    receipt_delay: str
    doubt_grace: str


RECEIPTS_FIRST = Weather("receipts-first", "20-60ms", "1s")
POLICY_FIRST = Weather("policy-first", "350-450ms", "50ms")


@dataclass(slots=True)
class Life:
    """What came of one story."""

    plan: str
    broken: list[str]
    was_killed: bool
    points: Counter[str]
    """How many of each kind it has, where the plan was to count them."""
    doubts: int
    doubled: int
    """Segments that the carrier took again."""


class Lives:
    """Tells the story again and again."""

    def __init__(self, folder: Path, port: int, taken: Taken, weather: Weather) -> None:
        self._folder = folder
        self._port = port
        self._taken = taken
        self._weather = weather
        self._number = 0
        self.gateway = CrashingGateway(folder)

    def live(self, plan: str) -> Life:
        """The story under this plan; whenever the gateway is found dead, it starts again without one."""
        self._number += 1
        gateway, name = self.gateway, f"life{self._number}"
        with receiving(SECRET) as receiver:
            ledger = keep_little(receiver)
            gateway.configure(self._settings(receiver.url, name), name)
            gateway.start(plan)
            callers = StubbornCaller(lambda: gateway, gateway.start_again)
            for request in self._story():
                callers.post(request)
            points = gateway.points()
            outbox = self._outbox_once_all_is_told(plan, callers, ledger)
            # What is counted of HTTP is the story; the rest was asked to know its end.
            points = Counter({**gateway.points(), "http": points["http"]})
            deaths = gateway.deaths
            gateway.kill()
        taken = {key: n for key, n in self._taken.read().segments.items() if key[0].startswith(self._numbers())}
        return Life(
            plan,
            broken(callers, taken, ledger, outbox, (WINDOW + 1) * deaths),
            deaths > 0,
            points,
            len(ledger.doubted),
            sum(taken.values()) - len(taken),
        )

    def _outbox_once_all_is_told(self, plan: str, callers: StubbornCaller, ledger: Ledger) -> set[str]:
        deadline = time.monotonic() + _LIFE_SECONDS
        while time.monotonic() < deadline:
            self.gateway.start_again()
            if ledger.ends.keys() >= callers.accepted.keys():
                try:
                    if not self.gateway.get("/v1/events?status=pending")["entities"]:
                        return outbox_of(self.gateway)
                except (OSError, HTTPException):
                    continue  # dead at this very moment
            time.sleep(_POLL_SECONDS)
        left = [message for id_, message in callers.accepted.items() if id_ not in ledger.ends]
        raise AssertionError(f"{plan}: not all told within {_LIFE_SECONDS} s; without an end: {left}")

    def _numbers(self) -> str:
        return f"+34600{self._number:04}"

    def _story(self) -> list[Request]:
        """One, three, and one in two parts; then the three again under the same key."""
        to = [f"{self._numbers()}{n:02}" for n in range(5)]
        three = [{"to": to[n], "text": f"Hello {n}", "lane": lane} for n, lane in ((1, "transactional"), (2, "otp"))]
        three.append({"to": to[3], "text": "Hello 3", "lane": "transactional"})
        bulk = Request("/v1/sms/bulk", three, "three")
        return [
            Request("/v1/sms", {"to": to[0], "text": "Hello once", "lane": "otp"}, "one"),
            bulk,
            Request("/v1/sms", {"to": to[4], "text": _LONG, "lane": "transactional"}, "long"),
            bulk,
        ]

    def _settings(self, url: str, name: str) -> dict[str, Any]:
        telco = carrier(self._port, window=WINDOW, system_id=name)
        lane = {"doubt_grace": self._weather.doubt_grace}
        shop = account(url)
        shop["webhook"]["events"] = [f"message.{kind}" for kind in EVENTS]
        settings = configuration(
            self._folder, carriers={"telco": telco}, lanes={"transactional": lane, "otp": lane}, accounts={"shop": shop}
        )
        settings["store"]["url"] = f"sqlite://{self._folder / name}.db"
        return settings


@contextmanager
def living(folder: Path, weather: Weather) -> Iterator[Lives]:
    """Lives on a simulator of their own."""
    folder.mkdir()
    record = folder / "taken.jsonl"
    options = ["--record", str(record), "--no-number-outcomes", "--latency", "5-15ms"]
    with simulating(folder, *options, "--receipt-delay", weather.receipt_delay) as simulator:
        lives = Lives(folder, simulator.port, Taken(record), weather)
        try:
            yield lives
        finally:
            lives.gateway.close()
        assert lives.gateway.faults() == []
