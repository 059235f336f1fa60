"""`sluice bench` on its stage: a tiny run of each kind of row, so that none breaks unseen."""

import pytest

from gateway.cli.bench.profile import TRAFFIC, profiled
from gateway.cli.bench.row import Context
from gateway.cli.bench.rows import named
from gateway.cli.bench.scale import TINY
from gateway.cli.bench.soak import steady

pytestmark = pytest.mark.scenario

CONTEXT = Context(TINY)
CPU = {"gateway_us", "simulator_us", "sink_us"}
KINDS = {
    "headroom-carrier": {"rate", "simulator_us"},
    "headroom-sink": {"rate", "sink_us"},
    "webhook-per-event": {"rate", "to_carrier_rate", "p99_ms", "rss_mib", *CPU},
    "single-lean-no-receipts": {"rate", "clients_us", *CPU},
    "stream": {"rate", *CPU},
    "latency-100-lean": {"p50_ms", "p99_ms", "after_201_p50_ms", "post_p99_ms", *CPU},
    "backlog-deep": {"accepted_rate", "queued_rss_mib", "ready_s", "rate", *CPU},
    "carriers-8x4": {"rate", *CPU},
    "otp-crowded": {"p50_ms", "after_201_p99_ms", "rate"},
    "steady": {"rss_mib", "rss_before_mib", "p99_before_ms", "store_mib"},
    "route-routes": {"gateway_us", "built_ms"},
    "kannel-spool": {"rate", "bearerbox_us", "smsbox_us", *CPU},
}


@pytest.mark.parametrize("name", KINDS)
def test_a_row_is_measured(name, monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (row,) = named([name])
    if lack := row.lacks():
        pytest.skip(lack)

    figures = row.measure(CONTEXT)

    assert {one for one, value in figures.items() if value is not None} >= KINDS[name]
    assert all(value is None or value >= 0 for value in figures.values()), figures
    assert figures.get("ready_s") != 0
    assert list(tmp_path.glob("sluice-bench-*")) == []


@pytest.mark.parametrize("spy", [None], ids=["within"])
def test_a_profile_tells_the_stages(spy, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    stages = profiled([("now", CONTEXT)], 1, lambda line: None, TRAFFIC[:1])

    bulk = stages["bulk of 500, now"]
    assert bulk["all"] > 0
    assert len(bulk) > 3


def test_the_soak_writes_a_line_a_minute(tmp_path):
    file = tmp_path / "minutes.csv"

    seen, failure = steady(CONTEXT, 2, file, lambda line: None, slice_seconds=0.2)

    assert (len(seen), failure) == (2, "")
    assert [line.split(",")[0] for line in file.read_text().splitlines()] == ["minute", "1", "2"]
