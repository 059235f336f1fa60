"""Parts of `sluice bench` by themselves: what its carrier and sink say, how figures are told, what stages name."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import gateway
from gateway.cli import main
from gateway.cli.bench.configuration import Ports, Shape
from gateway.cli.bench.figures import medians, percentile
from gateway.cli.bench.latency import to_wire
from gateway.cli.bench.machine import build_of
from gateway.cli.bench.processes import BenchError, Child, cpu_seconds, module, rss_mib, waited_seconds
from gateway.cli.bench.relays import Sluice
from gateway.cli.bench.requests import Posts
from gateway.cli.bench.row import Aim
from gateway.cli.bench.rows import AGAINST_KANNEL, ROWS, named
from gateway.cli.bench.seen import Seen
from gateway.cli.bench.smsc_pdus import DELIVER_SM, HEAD, destination_of, receipt_of, receipt_tail, submit_sm_resp
from gateway.cli.bench.stages import REST, STAGES, stage_of
from gateway.cli.bench.table import aims, markdown, ratios
from gateway.settings import load
from protocol.codec import decode, encode
from protocol.pdus import DeliverSm, SubmitSm, SubmitSmResp
from protocol.receipts import ReceiptState, read_receipt

ROOT = Path(gateway.__file__).parents[1]
SUBMIT = SubmitSm(
    source_addr_ton=5,
    source_addr="SHOP",
    dest_addr_ton=1,
    dest_addr_npi=1,
    destination_addr="34600000001",
    registered_delivery=1,
    short_message=b"Hello",
)


@pytest.fixture
def child(tmp_path):
    children = []

    def start(name, *arguments):
        children.append(Child(name, module(f"gateway.cli.bench.{name}", *arguments), tmp_path))
        return children[-1]

    yield start
    for one in children:
        one.end()


def submit_octets() -> bytes:
    SUBMIT.sequence = 7
    return encode(SUBMIT)


def test_the_lean_carriers_answer_is_a_submit_sm_resp() -> None:
    answer = decode(submit_sm_resp(7, b"0000000042"))
    assert isinstance(answer, SubmitSmResp)
    assert (answer.sequence, answer.message_id, answer.status) == (7, "0000000042", 0)


def test_the_lean_carriers_receipt_is_one_about_its_message() -> None:
    pdu = submit_octets()
    body = receipt_of(pdu, b"0000000042", receipt_tail(1_700_000_000))
    told = decode(HEAD.pack(16 + len(body), DELIVER_SM, 0, 1) + body)
    assert isinstance(told, DeliverSm)
    receipt = read_receipt(told)
    assert receipt is not None
    assert (receipt.message_id, receipt.state, receipt.stat) == ("0000000042", ReceiptState.DELIVERED, "DELIVRD")
    assert (told.source_addr, told.destination_addr) == ("34600000001", "SHOP")
    assert destination_of(pdu) == b"34600000001"


def test_the_sink_counts_events_over_split_requests(child) -> None:
    sink = child("sink")
    port = int(sink.hear())
    body = b'[{"type":"message.sent","data":{"to":"+34600000001"}},{"type":"message.delivered","data":{}}]'
    request = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    with socket.create_connection(("127.0.0.1", port)) as caller:
        caller.sendall(request + request[:40])
        first = http.client.HTTPResponse(caller)
        first.begin()
        caller.sendall(request[40:] + b"GET /?type=1&to=34600000001 HTTP/1.1\r\n\r\n")
        octets = b""
        while octets.count(b"HTTP/1.1 200") < 2:
            octets += caller.recv(1000)
    assert first.status == 200
    counts = sink.ask("figures")
    assert (counts["requests"], counts["events"]) == (3, 5)


def test_a_child_that_ends_says_why(child) -> None:
    sink = child("sink")
    sink.hear()
    sink.kill()
    with pytest.raises(BenchError, match="sink is gone"):
        sink.ask("figures")


def test_cpu_and_memory_of_a_process_are_read(child) -> None:
    sink = child("sink")
    sink.hear()
    assert cpu_seconds([sink.pid]) > 0
    assert 1 < rss_mib([sink.pid]) <= rss_mib([sink.pid], "VmHWM")
    assert waited_seconds([sink.pid]) >= 0
    sink.end()
    with pytest.raises(BenchError, match=f"process {sink.pid} is gone"):
        cpu_seconds([sink.pid])


def test_the_cpu_of_children_that_ended_counts() -> None:
    before = cpu_seconds([os.getpid()])
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)
    assert cpu_seconds([os.getpid()]) - before >= 0.25


def test_a_message_that_did_not_come_to_the_carrier_is_named() -> None:
    outcome = {"begun": [1.0, 1.0], "answered": [1.1, 1.1], "post_p50_ms": 1.0, "post_p99_ms": 1.0}
    posts = Posts("/v1/sms", 2)
    assert to_wire(posts, outcome, {"34600000000": 1.2, "34600000001": 1.2})["p50_ms"] == pytest.approx(200)
    with pytest.raises(BenchError, match="1 of 2 messages did not come to the carrier, the first to 34600000001"):
        to_wire(posts, outcome, {"34600000000": 1.2})


def test_a_rows_configuration_is_production_s_but_for_what_it_is_about(tmp_path) -> None:
    file = tmp_path / "bench.toml"
    file.write_text(Shape(carriers=3, binds=2, batch=7).text(Ports(1001, 1002, 1003, 1004, 1005), tmp_path / "x.db"))
    settings = load(file)
    assert sorted(settings.carriers) == ["telco", "telco2", "telco3"]
    assert {(c.binds, c.window) for c in settings.carriers.values()} == {(2, 50)}
    assert settings.accounts["shop"].webhook.batch == 7
    assert settings.http.submit_listen


def test_a_gateway_that_knows_no_lean_listener_is_not_asked_for_one(tmp_path) -> None:
    (older := tmp_path / "gateway/settings").mkdir(parents=True)
    (older / "sections.py").write_text("class Http:\n    listen: list[str]\n")
    relay = Sluice(Shape(), tmp_path)
    relay.write(tmp_path, Ports(1001, 1002, 1003, 1004, 1005))
    assert list(relay.fronts) == ["front"]
    assert "submit_listen" not in (tmp_path / "bench.toml").read_text()


def test_the_soak_forgets_within_minutes(tmp_path) -> None:
    from gateway.cli.bench.soak import FORGETFUL

    file = tmp_path / "soak.toml"
    file.write_text(FORGETFUL.text(Ports(1001, 1002, 1003, 1004, 1005), tmp_path / "x.db"))
    assert load(file).retention.messages == 300


def test_requests_are_rendered_whole() -> None:
    posts = Posts("/v1/sms/bulk", 5, first=10, each=2, token="sk_x")
    requests = list(posts.requests())
    bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in requests]
    assert [len(body) for body in bodies] == [2, 2, 1]
    assert bodies[0][0]["to"] == "+34600000010"
    assert len({item["client_id"] for body in bodies for item in body}) == 5
    assert b"Authorization: Bearer sk_x\r\n" in requests[0]


def test_kannel_is_asked_for_a_receipt_by_an_address_that_names_the_message() -> None:
    (request,) = Posts("/cgi-bin/sendsms", 1, first=7, dlr_url="http://127.0.0.1:9/?type=%d").requests()
    assert b"dlr-mask=1&dlr-url=http%3A%2F%2F127.0.0.1%3A9%2F%3Ftype%3D%25d%26to%3D34600000007 HTTP/1.1\r\n" in request


def test_percentiles_and_medians() -> None:
    assert percentile([], 50) is None
    assert [percentile(list(range(100)), share) for share in (0, 50, 99, 100)] == [0, 50, 99, 99]
    assert medians([{"a": 1.0, "b": None}, {"a": 3.0, "b": 2.0}, {"a": 9.0}]) == {"a": 3.0, "b": 2.0}


@pytest.mark.parametrize(
    ("configured", "flags", "build"),
    [
        ("'--enable-optimizations' '--with-lto'", "-flto -fprofile-use", "built with PGO and LTO"),
        ("'--enable-shared'", "-std=c11 -fprofile-use -fprofile-correction", "built with PGO"),
        ("'--with-lto'", "-flto", "built with LTO"),
        ("'--enable-shared'", "-std=c11", "built without PGO"),
    ],
)
def test_how_the_interpreter_was_built_is_told(configured: str, flags: str, build: str) -> None:
    told = {"CONFIG_ARGS": configured, "PY_CFLAGS_NODIST": flags, "PGO_PROF_USE_FLAG": "-fprofile-use"}
    assert build_of(told) == build


def test_nothing_is_told_of_an_interpreter_whose_flags_were_taken_out() -> None:
    assert build_of({"CONFIG_ARGS": "'--prefix=/usr'", "PY_CFLAGS_NODIST": "-std=c11", "PGO_PROF_USE_FLAG": ""}) == ""
    assert build_of({}) == ""


def test_an_aim_says_whether_it_was_met() -> None:
    seen = Seen(
        "x", "a row", (Aim("gateway_us", most=90), Aim("rate", least=9_000)), [{"gateway_us": 80.0, "rate": 5.0}]
    )
    assert [line.split()[0] for line in aims([seen])] == ["reached", "MISSED"]
    assert Aim("gateway_us", most=90).is_met({}) is None


def test_ratios_are_told_where_both_ran() -> None:
    ours = Seen("ours", "", (), [{"rate": 400.0, "gateway_us": 50.0}])
    other = Seen("other", "", (), [{"rate": 200.0, "gateway_us": 100.0}])
    assert ratios([ours, other], {"ours": ("other", "absent")}) == ["ours against other: messages/s x 2.00, CPU x 0.50"]


def test_the_page_s_table_has_figures_without_a_column_too() -> None:
    told = markdown([Seen("x", "a row", (), [{"rate": 1234.0, "ready_s": 2.5}])])
    assert told.splitlines()[-1] == "| a row (`x`) | 1,234 |  |  |  |  |  |  |  |  |  | ready s 2.5 |"


def test_rows_are_chosen_by_name_or_by_its_beginning() -> None:
    assert [row.name for row in named(["bulk-500"])] == ["bulk-500"]
    assert [row.name for row in named(["headroom", "route-one"])] == ["headroom-carrier", "headroom-sink", "route-one"]
    assert len(named([])) == len(ROWS) == len({row.name for row in ROWS})
    assert all(
        name in {row.name for row in ROWS} for ours, others in AGAINST_KANNEL.items() for name in (ours, *others)
    )


def test_a_row_that_does_not_exist_is_refused(capsys) -> None:
    assert main(["bench", "nonsense"]) == 2
    assert "no row begins with 'nonsense'" in capsys.readouterr().err


def test_the_rows_are_listed(capsys) -> None:
    assert main(["bench", "--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(ROWS)


def test_each_stage_names_files_that_exist() -> None:
    for stage, parts in STAGES.items():
        for part in parts:
            file, _, function = part.partition(":")
            if file.startswith(("gateway/", "protocol/")):
                found = [*ROOT.glob(f"{file}*"), *ROOT.glob(f"{file}/*.py")]
                assert found, f"{stage}: {part}"
                assert not function or any(f"def {function}(" in one.read_text() for one in found), f"{stage}: {part}"


def test_the_innermost_frame_that_is_known_decides() -> None:
    claim = [
        "/x/gateway/store/transaction.py:run",
        "/x/gateway/store/claims.py:claim",
        "/usr/lib/json/encoder.py:encode",
    ]
    assert stage_of(claim) == "claim"
    assert stage_of(["gateway/store/ordinary.py:sent"]) == "answer"
    assert stage_of(["/lib/site-packages/trio/_core/_run.py:unrolled_run"]) == "loop and threads"
    assert stage_of(["/usr/lib/json/encoder.py:encode"]) == REST


def test_the_ask_to_the_store_counts_for_the_insert() -> None:
    asked = ["gateway/flows/accept.py:accept", "gateway/store/sqlite.py:_file", "gateway/store/writer.py:order"]
    assert stage_of(asked) == "insert"
    assert stage_of(asked[:1]) == "checks"


def test_without_py_spy_there_is_no_profile(monkeypatch, capsys) -> None:
    monkeypatch.setattr("shutil.which", lambda *given, **named: None)
    assert main(["bench", "profile"]) == 1
    assert "py-spy's, which is not installed: `pip install py-spy`" in capsys.readouterr().err


def test_sigterm_ends_a_child(child) -> None:
    carrier = child("smsc", "0", "none")
    carrier.hear()
    carrier.end()
    assert not carrier.is_running
    assert carrier._process.returncode == -signal.SIGTERM
