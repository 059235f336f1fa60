"""How `sluice bench` carries rows out: by turns, past a run that fails, and what it has when it is cut off."""

import json
import platform
import socket
from dataclasses import dataclass, field

import pytest

from gateway.cli.bench import carried_out
from gateway.cli.bench.processes import BenchError, Child, module
from gateway.cli.bench.row import Context, Figures, Named
from gateway.cli.bench.scale import TINY
from gateway.cli.bench.smsc_pdus import BIND_RECEIVER, BIND_TRANSMITTER, DELIVER_SM, HEAD, SUBMIT_SM
from gateway.cli.bench.table import wide
from gateway.cli.bench.yardstick import yardstick_us
from protocol.codec import encode
from protocol.pdus import SubmitSm

CONTEXT = Context(TINY, yardstick=lambda: 50.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played(Named):
    """A row whose runs are given."""

    runs: list[Figures | BaseException]
    order: list[str] = field(default_factory=list)

    def measure(self, context: Context) -> Figures:
        self.order.append(f"{self.name} of {context.tree and context.tree.name}")
        run = self.runs.pop(0)
        if isinstance(run, BaseException):
            raise run
        return run


def played(name: str, *runs: Figures | BaseException, order: list[str] | None = None) -> Played:
    return Played(name=name, what=name, runs=list(runs), order=[] if order is None else order)


def test_rows_and_gateways_take_turns(tmp_path) -> None:
    order: list[str] = []
    rows = [played(name, *({"rate": float(n)} for n in range(4)), order=order) for name in ("a", "b")]
    seen, failed = carried_out.rows(rows, CONTEXT, 2, tmp_path)
    assert order == [f"{row} of {tree}" for _ in range(2) for row in "ab" for tree in (tmp_path.name, None)]
    assert failed == []
    assert {one.name: one.median["rate"] for one in seen} == {"before: a": 1.0, "a": 2.0, "before: b": 1.0, "b": 2.0}


def test_a_run_that_fails_is_told_and_the_others_go_on(capsys) -> None:
    rows = [played("a", BenchError("the carrier is gone"), {"rate": 1.0}), played("b", {"rate": 2.0}, {"rate": 2.0})]
    seen, failed = carried_out.rows(rows, CONTEXT, 2, None)
    assert failed == ["a"]
    assert [len(one.runs) for one in seen] == [1, 2]
    assert "run 1  a FAILED: the carrier is gone" in capsys.readouterr().err


def test_what_was_seen_until_an_interrupt_is_kept() -> None:
    rows = [played("a", {"rate": 1.0}), played("b", KeyboardInterrupt())]
    seen, failed = carried_out.rows(rows, CONTEXT, 1, None)
    assert [one.name for one in seen] == ["a"]
    assert failed == ["what was left when it was interrupted"]


def test_no_run_begins_once_the_time_is_over() -> None:
    seen, failed = carried_out.rows([played("a", {"rate": 1.0})], CONTEXT, 1, None, within_seconds=-60.0)
    assert seen == []
    assert failed == ["what was left after -1 minutes"]


def test_the_cost_in_terms_of_the_carrier_s_and_the_yardstick_are_added() -> None:
    ((one,), _) = carried_out.rows([played("a", {"gateway_us": 90.0, "simulator_us": 10.0})], CONTEXT, 1, None)
    assert one.median["ratio"] == 9
    assert one.median["yardstick_us"] == 50


def test_the_yardstick_is_taken_in_a_process_of_its_own() -> None:
    assert yardstick_us() > 1


def test_the_file_has_the_machine_and_each_run(tmp_path) -> None:
    carried_out.write(file := tmp_path / "seen.json", {"rows": []})
    told = json.loads(file.read_text())
    assert told["rows"] == []
    assert told["machine"]["python"].startswith(platform.python_version())


def test_a_narrow_terminal_does_not_cut_figures(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert wide().width > 100


@pytest.fixture
def carrier(tmp_path):
    child = Child("smsc", module("gateway.cli.bench.smsc", "0", "0"), tmp_path)
    yield child
    child.end()


def connected(port: int, command: int) -> socket.socket:
    """Bound."""
    sock = socket.create_connection(("127.0.0.1", port), 10)
    body = b"bench\0bench\0\0\x34\0\0\0"
    sock.sendall(HEAD.pack(16 + len(body), command, 0, 1) + body)
    sock.recv(100)
    return sock


def test_receipts_of_a_transmitter_go_to_a_receiver_and_a_split_frame_is_put_together(carrier) -> None:
    port = int(carrier.hear())
    octets = encode(SubmitSm(source_addr="SHOP", destination_addr="34600000001", short_message=b"Hi", sequence=2))
    assert HEAD.unpack_from(octets)[1] == SUBMIT_SM
    with connected(port, BIND_TRANSMITTER) as transmitter, connected(port, BIND_RECEIVER) as receiver:
        carrier.ask("arrivals")
        transmitter.sendall(octets[:20])
        assert carrier.ask("figures")["taken"] == 0
        transmitter.sendall(octets[20:])
        assert HEAD.unpack_from(receiver.recv(1000))[1] == DELIVER_SM
        assert list(carrier.ask("arrivals")) == ["34600000001"]
        assert (carrier.ask("figures")["receipts"], carrier.ask("figures")["binds"]) == (1, 2)
