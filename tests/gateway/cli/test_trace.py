"""`sluice trace`: what it writes, and how it ends."""

from typing import Any

import pytest

from gateway.cli import main


def test_a_trace_that_ends_by_its_time_ends_well(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("GET", "/admin/carriers/telco/trace?format=lines&seconds=1", "18:04:05.000 -> enquire_link\n")
    assert main(["trace", "telco", "--seconds", "1"]) == 0
    assert capsys.readouterr().out == "18:04:05.000 -> enquire_link\n"
