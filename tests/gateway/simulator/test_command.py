"""`sluice simulator` as a process, and its page in the manual."""

import argparse
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from gateway.cli import simulator as command
from gateway.simulator.message_ids import IdFormat
from gateway.simulator.options import ReceiptParts, ReceiptShape
from gateway.simulator.outcomes import BY_NUMBER
from protocol.session_events import Bound

ROOT = Path(__file__).parents[3]
MANUAL = (ROOT / "docs" / "simulator.md").read_text()
START = (
    "import argparse, sys; from gateway.cli import simulator; parser = argparse.ArgumentParser();"
    "simulator.add_arguments(parser); sys.exit(simulator.run(parser.parse_args()))"
)

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Start]:
    """Runs the command with these arguments."""
    processes: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", START, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def port_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("listening on 127.0.0.1:")
    return int(line.rpartition(":")[2])


async def test_it_takes_messages_control_lines_and_signals(
    start: Start, esme_over: Any, a_submit: Any, tmp_path: Path
) -> None:
    process = start("--listen", "127.0.0.1:0", "--figures", "--record", str(tmp_path / "taken"))
    stream = await trio.open_tcp_stream("127.0.0.1", port_of(process))
    esme = esme_over(stream)
    assert isinstance(await esme.bind(), Bound)
    await esme.submit(a_submit())
    await esme.answer()
    await esme.delivery()
    process.send_signal(signal.SIGUSR1)
    assert (await esme.delivery()).octets == b"Hello from the handset"
    assert process.stdin is not None
    assert process.stdout is not None
    print("inbound 34600000001 1234 STOP", file=process.stdin, flush=True)
    assert (await esme.delivery()).octets == b"STOP"
    assert process.stdout.readline() == "inbound to 1\n"
    await stream.aclose()
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")
    assert json.loads(output)["receipts_acknowledged"] == 1
    assert len((tmp_path / "taken").read_text().splitlines()) == 1


def test_it_lives_on_when_its_input_ends(start: Start) -> None:
    process = start("--listen", "127.0.0.1:0")
    port = port_of(process)
    assert process.stdin is not None
    process.stdin.close()
    process.stdin = None
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 0


def test_a_port_that_is_taken_and_a_record_that_cannot_be_are_told(start: Start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = f"127.0.0.1:{server.getsockname()[1]}"
        for arguments in (["--listen", taken], ["--listen", "127.0.0.1:0", "--record", str(tmp_path / "no" / "file")]):
            _, errors = (process := start(*arguments)).communicate(timeout=10)
            assert process.returncode == 1
            assert errors.startswith("sluice simulator: ")
            assert "Traceback" not in errors


@pytest.mark.parametrize("arguments", [["--listen", "nowhere"], ["--throttle-share", "0.6", "--drop-share", "0.6"]])
def test_options_that_make_no_sense_end_it_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.run(parser.parse_args(arguments)) == 2
    assert capsys.readouterr().err.startswith("sluice simulator: ")


def test_the_manual_explains_every_option() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    command.add_arguments(parser)
    for action in parser._actions:
        assert any(f"`{flag}" in MANUAL for flag in action.option_strings), action.option_strings


def test_the_manual_explains_every_format_and_ending() -> None:
    for enum in (IdFormat, ReceiptShape, ReceiptParts):
        for member in enum:
            assert f"`{member.value}`" in MANUAL, member
    for ending in BY_NUMBER:
        assert f"| `{ending}` |" in MANUAL, ending
