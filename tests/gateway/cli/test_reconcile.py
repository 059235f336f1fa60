"""`sluice reconcile`: what it writes where, and that half a bill is never taken for a whole one."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.cli import main

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n"
    b"Complete-From: 2026-08-24T00:00:00.000Z\r\n\r\n"
)
ASK = ["reconcile", "telco", "--from", "2026-11-01", "--to", "2026-11-30", "--token", "t"]


@contextmanager
def answering(octets: bytes) -> Iterator[str]:
    """A gateway that says this once, and the URL of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        asked: list[bytes] = []

        def answer() -> None:
            peer, _ = listener.accept()
            with peer:
                asked.append(peer.recv(65_536))
                peer.sendall(octets)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()
        assert b"GET /admin/reconciliation?carrier=telco&from=2026-" in asked[0]


def test_the_whole_is_written_as_it_came(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bill.csv"
    with answering(HEAD + b"5\r\na,b\r\n\r\n5\r\n1,2\r\n\r\n0\r\n\r\n") as url:
        assert main([*ASK, "--url", url, "-o", str(file)]) == 0
    assert file.read_bytes() == b"a,b\r\n1,2\r\n"
    assert capsys.readouterr().err == ""


def test_it_goes_to_standard_output_where_no_file_is_named(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with answering(HEAD + b"5\r\na,b\r\n\r\n0\r\n\r\n") as url:
        assert main([*ASK, "--url", url]) == 0
    assert capfdbinary.readouterr().out == b"a,b\r\n"


@pytest.mark.parametrize("octets", [b"5\r\na,b\r\n\r\n", b"5\r\na,"])
def test_one_that_breaks_off_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str], octets: bytes) -> None:
    with answering(HEAD + octets) as url:
        assert main([*ASK, "--url", url, "-o", str(tmp_path / "bill.csv")]) == 1
    assert "what was written is not all" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("begin", "zone", "is_told"),
    [
        ("2026-08-01", "UTC", True),
        ("2026-08-24", "UTC", False),
        ("2026-08-24", "Asia/Tokyo", True),
        ("2026-08-23T20:00:00-04:00", "UTC", False),
        ("2026-08-24", "America/New_York", False),
        ("2026-08-23", "America/New_York", True),
    ],
)
def test_a_period_that_begins_before_retentions_edge_is_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], begin: str, zone: str, is_told: bool
) -> None:
    given = [*ASK[:3], begin, *ASK[4:], "--zone", zone]
    with answering(HEAD + b"0\r\n\r\n") as url:
        assert main([*given, "--url", url, "-o", str(tmp_path / "bill.csv")]) == 0
    said = capsys.readouterr().err
    assert ("messages that ended before 2026-08-24T00:00:00.000Z are erased" in said) is is_told


def test_a_refusal_is_told_and_writes_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = b'{"title":"x","status":404,"code":"not_found","detail":"There is no carrier of this name."}'
    refused = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n\r\n" % len(
        body
    )
    with answering(refused + body) as url:
        assert main([*ASK, "--url", url, "-o", str(tmp_path / "bill.csv")]) == 1
    assert "There is no carrier of this name." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
