"""`sluice bench` on its stage: a tiny run of each kind of row, so that none breaks unseen."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from needs import need

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
    "webhook-single-tls": {"rate", "to_carrier_rate", *CPU},
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
    need("what the row measures", lambda: None if row.lacks() else row, install=row.lacks())

    figures = row.measure(CONTEXT)

    assert {one for one, value in figures.items() if value is not None} >= KINDS[name]
    assert all(value is None or value >= 0 for value in figures.values()), figures
    assert figures.get("ready_s") != 0
    assert list(tmp_path.glob("sluice-bench-*")) == []


SPY = """\
#!{python}
import signal, sys, time
def told(*_):
    with open(sys.argv[sys.argv.index("--output") + 1], "w") as out:
        out.write("main (/x/gateway/daemon.py);order (/x/gateway/store/writer.py) 3\\n")
        out.write("main (/x/gateway/daemon.py);get_events (/x/trio/_core/_io_epoll.py) 90\\n")
        out.write("_bootstrap (threading.py);_bootstrap_inner (threading.py);claim (/x/gateway/store/claims.py) 5\\n")
    sys.exit()
signal.signal(signal.SIGINT, told)
while True:
    time.sleep(1)
"""


def a_spy(folder, monkeypatch, text):
    """In place of py-spy, and alone on the path."""
    (folder / "py-spy").write_text(text.format(python=sys.executable))
    (folder / "py-spy").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_a_profile_shares_the_cpu_out_by_what_py_spy_saw(monkeypatch, tmp_path):
    a_spy(tmp_path, monkeypatch, SPY)
    said = []

    stages = profiled([("now", CONTEXT)], 1, said.append, TRAFFIC[:1])

    bulk = stages["bulk of 500, now"]
    assert set(bulk) == {"insert", "claim", "all"}
    assert bulk["insert"] + bulk["claim"] == pytest.approx(bulk["all"])
    assert said[0].startswith("bulk of 500: the gateway is process ")


def test_a_profile_says_why_py_spy_sees_nothing(monkeypatch, tmp_path):
    a_spy(tmp_path, monkeypatch, "#!{python}\nraise SystemExit('Permission Denied: try again as root')\n")
    said = []

    assert profiled([("now", CONTEXT)], 1, said.append, TRAFFIC[:1]) == {}

    assert said[1] == "bulk of 500, now: left out, py-spy ended: Permission Denied: try again as root"


def a_spy_that_may_look():
    """None where it is not there, or the system lets it look at its own children alone."""
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    may_look = os.geteuid() == 0 or not scope.exists() or scope.read_text().strip() == "0"
    spy = shutil.which("py-spy") or shutil.which("py-spy", path=str(Path(sys.executable).parent))
    return spy if may_look else None


def test_a_profile_tells_the_stages():
    need(
        "py-spy that may look at other processes", a_spy_that_may_look, install="`pip install py-spy`, and run as root"
    )

    bulk = profiled([("now", CONTEXT)], 1, lambda line: None, TRAFFIC[:1])["bulk of 500, now"]

    assert bulk["all"] > 0
    assert len(bulk) > 3


def test_the_soak_writes_a_line_a_minute(tmp_path):
    file = tmp_path / "minutes.csv"

    seen, failure = steady(CONTEXT, 2, file, lambda line: None, slice_seconds=0.2)

    assert (len(seen), failure) == (2, "")
    assert [line.split(",")[0] for line in file.read_text().splitlines()] == ["minute", "1", "2"]
