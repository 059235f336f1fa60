"""Rows that go as fast as they can: everything from the POST to the webhook, one run after a short warm-up."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.cli.bench.certificates import lacks_openssl
from gateway.cli.bench.configuration import Shape
from gateway.cli.bench.relays import Sluice
from gateway.cli.bench.requests import STREAM, Way
from gateway.cli.bench.row import Context, Figures, Named
from gateway.cli.bench.stage import RECEIPT_SECONDS, Stage, staged

BULK_500 = Way("/v1/sms/bulk", 500, "front", 4)
BULK_100 = Way("/v1/sms/bulk", 100, "front", 4)
SINGLE = Way("/v1/sms", 1, "front", 32)
LEAN = Way("/v1/sms", 1, "lean", 32)
STREAMED = Way(STREAM, 1, "front", 1)
LEAN_STREAMED = Way(STREAM, 1, "lean", 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput(Named):
    """Messages in by one way, out to the carrier, and, with receipts, their ends out to the webhook."""

    way: Way
    shape: Shape = field(default_factory=Shape)
    receipts: bool = True
    client_ids: bool = True
    part: int = 1
    """Only one part of so many of the usual messages, where they take long."""

    def lacks(self) -> str | None:
        return lacks_openssl() if self.shape.by_tls else None

    def measure(self, context: Context) -> Figures:
        relay = Sluice(self.shape, context.tree)
        is_single = self.way.each == 1 and self.way.path != STREAM
        count = (context.scale.singles if is_single else context.scale.bulk) // self.part
        with staged(relay, receipt_seconds=RECEIPT_SECONDS if self.receipts else None) as stage:
            return through(
                stage,
                self.way,
                context.scale.warm_up,
                count,
                events=self.shape.events if self.receipts else (),
                client_ids=self.client_ids,
            )


def through(stage: Stage, way: Way, warm_up: int, count: int, *, events: Sequence[str], client_ids: bool) -> Figures:
    """One run on a stage that is up. `events` of a message; none where there are no receipts."""
    stage.post(way, warm_up, client_ids=client_ids)
    _until(stage, warm_up, warm_up * len(events))
    call = stage.call(way, count, warm_up, client_ids=client_ids)
    before = stage.spent()
    call.begin()
    outcome = call.outcome()
    _until(stage, warm_up + count, (warm_up + count) * len(events))
    spent = stage.spent().each(before, count)
    again = stage.told_apart(events)
    last = stage.told()["last"] if events else stage.carrier()["last"]
    return {
        "rate": count / (last - outcome["began"]),
        "to_carrier_rate": count / (stage.carrier()["last"] - outcome["began"]),
        "accepted_rate": count / (outcome["ended"] - outcome["began"]),
        **spent,
        "clients_us": outcome["cpu_seconds"] / count * 1e6,
        "p50_ms": outcome.get("post_p50_ms"),
        "p99_ms": outcome.get("post_p99_ms"),
        "rss_mib": stage.rss_mib("VmHWM"),
        **again,
    }


def _until(stage: Stage, taken: int, events: int) -> None:
    """So many came, whichever they are."""
    stage.wait(lambda: stage.carrier()["taken"] >= taken, f"{taken} messages at the carrier", 300)
    if events:
        stage.wait_for_events(events, 300)
