"""The rows of `sluice bench`, as data: what is measured, and the figures to reach."""

from gateway.cli.bench.backlog import Backlog
from gateway.cli.bench.choosing import Choosing, many_prefixes, many_prices, many_routes, one
from gateway.cli.bench.configuration import Shape
from gateway.cli.bench.headroom import Headroom
from gateway.cli.bench.kannel import OfKannel
from gateway.cli.bench.lanes import Lanes
from gateway.cli.bench.latency import Latency
from gateway.cli.bench.row import Aim, Row
from gateway.cli.bench.steady import Steady
from gateway.cli.bench.throughput import (
    BULK_100,
    BULK_500,
    LEAN,
    LEAN_STREAMED,
    SINGLE,
    STREAMED,
    Throughput,
)

_SENT_TOO = ("message.sent", "message.delivered")


def _cost(us: float, rate: float) -> tuple[Aim, ...]:
    return Aim("gateway_us", most=us), Aim("rate", least=rate)


_WAITS = (Aim("p50_ms", most=6), Aim("p99_ms", most=15))
_HEADROOM: tuple[Row, ...] = (
    Headroom(name="headroom-carrier", what="the bench's carrier: submit_sm, answer and receipt", part="smsc"),
    Headroom(name="headroom-sink", what="the bench's sink: an event, in calls of 100", part="sink"),
)
_THROUGHPUT: tuple[Row, ...] = (
    Throughput(name="bulk-500", what="bulk of 500, receipts, webhooks by 100", way=BULK_500, aims=_cost(90, 9_000)),
    Throughput(name="bulk-100", what="bulk of 100, receipts, webhooks by 100", way=BULK_100),
    Throughput(name="bulk-500-no-ids", what="bulk of 500 without client_ids", way=BULK_500, client_ids=False),
    Throughput(name="bulk-500-no-receipts", what="bulk of 500 to the carrier", way=BULK_500, receipts=False),
    Throughput(
        name="webhook-single",
        what="bulk of 500, a webhook for each message (delivered)",
        way=BULK_500,
        shape=Shape(batch=1),
        aims=_cost(250, 3_600),
    ),
    Throughput(
        name="webhook-single-tls",
        what="the same by https",
        way=BULK_500,
        shape=Shape(batch=1, by_tls=True),
    ),
    Throughput(
        name="webhook-per-event",
        what="bulk of 500, a webhook for each event (sent, delivered)",
        way=BULK_500,
        shape=Shape(batch=1, events=_SENT_TOO),
        aims=_cost(350, 2_700),
    ),
    Throughput(
        name="webhook-both-by-100",
        what="bulk of 500, webhooks by 100 of both events",
        way=BULK_500,
        shape=Shape(events=_SENT_TOO),
    ),
    Throughput(name="stream", what="stream, receipts, webhooks by 100", way=STREAMED, aims=_cost(105, 8_000)),
    Throughput(name="stream-lean", what="stream through submit_listen", way=LEAN_STREAMED),
    Throughput(
        name="single", what="singles, 32 connections, webhooks by 100", way=SINGLE, aims=_cost(950, 950), part=4
    ),
    Throughput(
        name="single-lean",
        what="singles through submit_listen, 32 connections, webhooks by 100",
        way=LEAN,
        aims=_cost(220, 4_000),
    ),
    Throughput(
        name="single-lean-webhook-single",
        what="singles through submit_listen, a webhook for each message",
        way=LEAN,
        shape=Shape(batch=1),
    ),
    Throughput(
        name="single-lean-no-receipts", what="singles through submit_listen to the carrier", way=LEAN, receipts=False
    ),
)
_LATENCY: tuple[Row, ...] = (
    Latency(name="latency-100", what="100 singles a second, HTTP to wire", per_second=100, way=SINGLE, aims=_WAITS),
    Latency(name="latency-100-lean", what="the same through submit_listen", per_second=100, aims=_WAITS),
    Latency(name="latency-1000-lean", what="1,000 singles a second through submit_listen", per_second=1_000),
)
_BACKLOG: tuple[Row, ...] = (
    Backlog(name="backlog-0", what="sent with few queued", is_deep=False, restarts=True),
    Backlog(
        name="backlog-deep",
        what="sent with 1,000,000 queued; started again with them",
        restarts=True,
        aims=(Aim("queued_rss_mib", most=200), Aim("rss_mib", most=200), Aim("ready_s", most=3)),
    ),
)
_CARRIERS: tuple[Row, ...] = (
    *(
        Backlog(
            name=f"carriers-{carriers}x{binds}",
            what=f"{carriers} carriers of {binds} binds, a backlog, windows of 50",
            is_deep=False,
            shape=Shape(carriers=carriers, binds=binds),
        )
        for carriers, binds in ((1, 1), (1, 4), (8, 1), (8, 4), (64, 1), (64, 2), (64, 4))
    ),
    *(
        Latency(
            name=f"trickle-{carriers}x{binds}",
            what=f"100 singles a second over {carriers} carriers of {binds} binds",
            per_second=100,
            shape=Shape(carriers=carriers, binds=binds),
        )
        for carriers, binds in ((1, 1), (64, 2))
    ),
)
_OTHERS: tuple[Row, ...] = (
    Lanes(name="otp-alone", what="OTPs, carrier at 200/s, nothing else", is_crowded=False),
    Lanes(name="otp-crowded", what="OTPs, carrier at 200/s, 1,000,000 promotional beside", is_crowded=True),
    Steady(name="steady", what="2,000 a second over time: memory, waits and store, the last slice and the first"),
    Choosing(name="route-one", what="choosing among one route", table=one),
    Choosing(name="route-prefixes", what="one route of 10,000 prefixes", table=many_prefixes),
    Choosing(name="route-routes", what="10,000 routes of a prefix", table=many_routes),
    Choosing(name="route-prices", what="10,000 priced prefixes", table=many_prices),
)
_KANNEL: tuple[Row, ...] = tuple(
    row
    for store in ("file", "spool")
    for row in (
        OfKannel(name=f"kannel-{store}", what=f"Kannel, store in {store}: singles, receipts", store_type=store),
        OfKannel(
            name=f"kannel-{store}-no-receipts",
            what=f"Kannel, store in {store}: singles to the carrier",
            store_type=store,
            receipts=False,
        ),
        OfKannel(
            name=f"kannel-{store}-latency-100",
            what=f"Kannel, store in {store}: 100 singles a second",
            store_type=store,
            per_second=100,
        ),
    )
)
ROWS: tuple[Row, ...] = (*_HEADROOM, *_THROUGHPUT, *_LATENCY, *_BACKLOG, *_CARRIERS, *_OTHERS, *_KANNEL)

AGAINST_KANNEL: dict[str, tuple[str, ...]] = {
    "single-lean-webhook-single": ("kannel-file", "kannel-spool"),
    "single-lean": ("kannel-file", "kannel-spool"),
    "single-lean-no-receipts": ("kannel-file-no-receipts", "kannel-spool-no-receipts"),
    "latency-100-lean": ("kannel-file-latency-100", "kannel-spool-latency-100"),
}
"""Rows of ours beside Kannel's of the same traffic."""

COMPARED: dict[str, tuple[str, ...]] = {
    "backlog-deep": ("backlog-0",),
    "carriers-64x2": ("carriers-1x1",),
    "trickle-64x2": ("trickle-1x1",),
    "stream": ("bulk-500",),
    "webhook-single-tls": ("webhook-single",),
}
"""Rows that are told in terms of others: most are to cost about as much."""


def named(wanted: list[str]) -> list[Row]:
    """Rows by names or their beginnings; all where none is asked for. Raises ValueError where no row begins so."""
    names = [row.name for row in ROWS]
    chosen: set[str] = set()
    for name in wanted:
        found = [name] if name in names else [one for one in names if one.startswith(name)]
        if not found:
            raise ValueError(f"no row begins with {name!r}; --list shows them")
        chosen.update(found)
    return [row for row in ROWS if not wanted or row.name in chosen]
