"""Traffic through a gateway that is killed again and again at moments left to chance, and what came of it.

The moments are in what goes on just then: taking in, sending, telling (receipts and webhooks), or the start itself.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arrivals import wait_until
from crash_lives import EVENTS
from crash_traffic import LONGEST_PARTS, Traffic
from daemons import SECRET, Gateway, account, carrier, configuration
from ledgers import Ledger, Tries, keep_little
from memory import MemoryLog
from promises import Taken, broken, doubts_of, outbox_of
from simulators import Simulator, simulating
from webhook_receivers import WebhookReceiver, receiving

BINDS = 2
REFUSED_SHARE = 0.02
"""Of webhook deliveries, answered with 500 as long as messages come in."""
_STALLED_SECONDS = 3.0
"""A moment that does not come is taken as it is."""
_LAST_SECONDS = 240.0
_POLL_SECONDS = 0.005


@dataclass(slots=True, frozen=True)
class Run:
    """What is asked for."""

    messages: int
    kills: int
    seed: int
    window: int = 20
    rate: float = 0.0
    """Messages a second; 0: as fast as they are taken."""
    kill_every_seconds: float = 0.0
    """0: the kills are spread over the messages."""
    swallow_share: float = 0.0
    """Of the segments: taken, receipted, and never answered."""
    response_timeout: str = "60s"
    receipt_delay: str = "200-400ms"


@dataclass(slots=True)
class Outcome:
    """What was seen."""

    broken: list[str]
    faults: list[str]
    status: int
    figures: dict[str, Any]

    def __str__(self) -> str:
        return " ".join(f"{name}={value}" for name, value in self.figures.items())


class KilledRun:
    """One run, on parts that are all up."""

    def __init__(
        self, run: Run, gateway: Gateway, simulator: Simulator, receiver: WebhookReceiver, taken: Taken
    ) -> None:
        self._run = run
        self._chance = random.Random(run.seed)
        self._gateway = gateway
        self._simulator = simulator
        self._receiver = receiver
        self._taken = taken
        self._ledger: Ledger = keep_little(receiver)
        self._traffic = Traffic(lambda: gateway, self._ledger, run.messages, run.rate, run.seed)
        self._listed: set[str] = set()
        self._memory = MemoryLog()
        self._kills = 0

    def go(self) -> Outcome:
        """Traffic and kills, then until all is told."""
        started_at = time.monotonic()
        tries = self._receiver.deliveries
        self._receiver.answer = self._answer
        with self._memory.watching(self._pid), self._traffic.flowing():
            while self._kills < self._run.kills:
                self._wait_for_moment()
                self._kill()
        self._receiver.answer = lambda events: 204
        with self._memory.watching(self._pid):
            self._wait_until_told()
        outbox = outbox_of(self._gateway)
        counts = self._simulator.figures()
        status = self._gateway.stop()
        assert isinstance(tries, Tries)
        return self._outcome(outbox, status, counts, tries, time.monotonic() - started_at)

    def _pid(self) -> int | None:
        process = self._gateway.process
        return None if process is None else process.pid

    def _answer(self, events: list[dict[str, Any]]) -> int:
        return 500 if random.random() < REFUSED_SHARE else 204

    # --- kills

    def _wait_for_moment(self) -> None:
        if self._run.kill_every_seconds:
            until = time.monotonic() + self._run.kill_every_seconds * self._chance.uniform(0.8, 1.2)
            self._wait(lambda: time.monotonic() >= until, self._run.kill_every_seconds * 2)
            return
        kind = self._chance.choices(("intake", "sending", "telling", "start"), (3, 3, 3, 1))[0]
        progress = {
            "intake": lambda: len(self._traffic.callers.accepted),
            "sending": lambda: self._taken.read().count,
            "telling": lambda: len(self._ledger) // 2,
        }.get(kind)
        if progress is None:
            time.sleep(self._chance.uniform(0.0, 0.4))
            return
        left = max(0, self._run.messages - progress())
        least = progress() + self._chance.uniform(0.0, 2.0) * left / (self._run.kills - self._kills + 1)
        self._wait(lambda: progress() >= least, _STALLED_SECONDS)

    def _wait(self, is_time: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not is_time() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)

    def _kill(self) -> None:
        self._gateway.kill()
        self._kills += 1
        self._gateway.start(log_level="info")
        self._listed |= doubts_of(self._gateway.operator)

    # --- the end

    def _wait_until_told(self) -> None:
        accepted = self._traffic.callers.accepted
        wait_until(lambda: self._ledger.ends.keys() >= accepted.keys(), "every message ended", seconds=_LAST_SECONDS)
        pending = "/v1/events?status=pending&limit=1"
        wait_until(lambda: not self._gateway.get(pending)["entities"], "every event is told", seconds=_LAST_SECONDS)

    def _outcome(self, outbox: set[str], status: int, counts: dict[str, Any], tries: Tries, seconds: float) -> Outcome:
        callers, ledger = self._traffic.callers, self._ledger
        segments = self._taken.read().segments
        # Each that is swallowed is doubted once, by a kill or by its time-out.
        most = self._kills * BINDS * (self._run.window + LONGEST_PARTS - 1) + counts["swallowed"]
        found = broken(callers, segments, ledger, outbox, most)
        found += [f"{message} was listed as in doubt and never told so" for message in self._listed - ledger.doubted]
        again = sum(segments.values()) - len(segments)
        if counts["doubled"] != again:
            found.append(f"the simulator counted {counts['doubled']} segments that came again, its record has {again}")
        ends = list(ledger.ends.values())
        figures = {
            "seed": self._run.seed,
            "messages": len(callers.accepted),
            "segments": len(segments),
            "kills": self._kills,
            "seconds": round(seconds),
            "lost": sum("is lost" in line for line in found),
            "in_doubt": len(ledger.doubted),
            "swallowed": counts["swallowed"],
            "sent_again": again,
            "allowed_again": most,
            "sent_again_unsaid": sum("sent again" in line for line in found),
            "unknown": ends.count("unknown"),
            "posts_unanswered": callers.unanswered,
            "answers_given_again": callers.answered_again,
            "events": len(outbox),
            "events_missing": len(outbox - ledger.ids),
            "webhook_posts": dict(tries.answered),
            "rss_mib_most": self._memory.most(),
            "rss_mib_at_the_end_of_each_life": self._memory.lasts(),
        }
        return Outcome(found, self._gateway.faults(), status, figures)


def carry_out(run: Run, folder: Path) -> Outcome:
    """A run with parts of its own."""
    record = folder / "taken.jsonl"
    options = ["--record", str(record), "--no-number-outcomes", "--latency", "5-25ms"]
    options += ["--receipt-delay", run.receipt_delay, "--swallow-share", str(run.swallow_share)]
    with (
        receiving(SECRET) as receiver,
        simulating(folder, *options) as simulator,
        _gateway(folder, _settings(folder, simulator.port, receiver.url, run)) as gateway,
    ):
        return KilledRun(run, gateway, simulator, receiver, Taken(record)).go()


@contextmanager
def _gateway(folder: Path, settings: dict[str, Any]) -> Iterator[Gateway]:
    gateway = Gateway(folder, settings)
    try:
        gateway.start(log_level="info")
        yield gateway
    finally:
        if gateway.process is not None:
            gateway.kill()


def _settings(folder: Path, port: int, url: str, run: Run) -> dict[str, Any]:
    shop = account(url)
    shop["webhook"] |= {"batch": 20, "events": [f"message.{kind}" for kind in EVENTS]}
    telco = carrier(port, binds=BINDS, window=run.window, response_timeout=run.response_timeout)
    return configuration(
        folder,
        http={"listen": ["127.0.0.1:0"], "submit_listen": ["127.0.0.1:0"]},
        carriers={"telco": telco},
        lanes={name: {"doubt_grace": "1s"} for name in ("transactional", "otp")},
        accounts={"shop": shop},
    )
