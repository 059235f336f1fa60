"""Act 4: figures of the gateway, measured from outside: by the caller's clock, the carrier's record, /proc."""

import time
from collections.abc import Sequence
from math import ceil

from gateway.cli.demo.cost import cpu_seconds, file_system, resident_megabytes
from gateway.cli.demo.setting import LATENCY, RECEIPT_DELAY
from gateway.cli.demo.stage import Stage

SINGLES = 100
MANY = 2000
BULK = 500
_MS = 1000.0


async def play(stage: Stage) -> None:
    screen = stage.screen
    screen.heading("4  Figures of this machine")
    await stage.tell_carrier("throttle-share 0 --receipt-delay 0")
    with screen.waiting(f"{SINGLES} single messages, one after the other ..."):
        accepts, ways = await _singles(stage)
    disk = file_system(stage.setting.folder)
    p50, p99 = percentile(accepts, 50), percentile(accepts, 99)
    screen.row("accept", f"p50 {_ms(p50)}, p99 {_ms(p99)} from POST to 201{f', on {disk}' if disk else ''}")
    screen.row("201 to wire", f"p99 {_way(percentile(ways, 99))} until the carrier had the submit_sm")
    await stage.tell_carrier("latency 0")
    with screen.waiting(f"{MANY} messages, the carrier answering at once ..."):
        rate, cpu = await _many(stage)
    await stage.tell_carrier(f"latency {LATENCY} --receipt-delay {RECEIPT_DELAY}")
    memory = resident_megabytes(stage.gateway.pid)
    if cpu is None or memory is None:
        screen.row("CPU, memory", "not told by this system (it has no /proc)")
        return
    screen.row(
        "CPU per message",
        f"{cpu / MANY * 1e6:,.0f} µs from HTTP to webhook, for {MANY:,} at {rate:,.0f}/s; "
        "the carrier answers at once here",
    )
    screen.row("memory", f"{memory:,.0f} MB resident")


async def _singles(stage: Stage) -> tuple[list[float], list[float]]:
    """Seconds of each POST, and seconds from each 201 to the wire."""
    accepts, answered = [], {}
    for index in range(SINGLES):
        number = f"+155540{10_000 + index}"
        begun_at = time.perf_counter()
        await stage.post("/v1/sms", {"to": number, "text": f"Table {index} is free"})
        accepts.append(time.perf_counter() - begun_at)
        answered[number] = time.time()
    await _until_delivered(stage, set(answered))
    ways = [arrival.at - answered[arrival.number] for arrival in stage.record.arrivals() if arrival.number in answered]
    return accepts, ways


async def _many(stage: Stage) -> tuple[float, float | None]:
    """Messages a second, and CPU seconds of the gateway: from the first POST to the last webhook."""
    messages = [{"to": f"+155550{10_000 + index}", "text": f"Ticket {index} is paid"} for index in range(MANY)]
    before, begun_at = cpu_seconds(stage.gateway.pid), time.monotonic()
    for start in range(0, MANY, BULK):
        await stage.post("/v1/sms/bulk", messages[start : start + BULK])
    await _until_delivered(stage, {message["to"] for message in messages})
    after, seconds = cpu_seconds(stage.gateway.pid), time.monotonic() - begun_at
    return MANY / seconds, None if before is None or after is None else after - before


async def _until_delivered(stage: Stage, numbers: set[str]) -> None:
    before = 0
    so_far = 0

    def delivered() -> int:
        nonlocal before, so_far
        told = list(stage.receiver.of_type("message.delivered").values())
        so_far += sum(event.data["to"] in numbers for event in told[before:])
        before = len(told)
        return so_far

    await stage.until_told(delivered, len(numbers), "were delivered", lambda count: None)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent do not exceed (nearest rank)."""
    return sorted(values)[ceil(len(values) * percent / 100) - 1]


def _ms(seconds: float) -> str:
    return f"{seconds * _MS:.1f} ms"


def _way(seconds: float) -> str:
    """The carrier's record is exact to the millisecond, and a submit_sm may overtake its own 201."""
    return _ms(seconds) if seconds >= 0.001 else "under 1 ms"
