"""`sluice reconcile` beside a gateway that runs: what the carrier counted is what the CSV says."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from daemons import carrier

pytestmark = pytest.mark.scenario

TODAY = datetime.now(UTC).date()


def reconcile(gateway, *arguments):
    """Its exit status, and what it wrote."""
    given = ["reconcile", "telco", "--from", str(TODAY - timedelta(days=1)), "--to", str(TODAY + timedelta(days=1))]
    file = gateway.folder / "bill.csv"
    process = gateway.asked(*given, "-o", file, *arguments)
    status = process.wait()
    text = file.read_bytes().decode() if file.exists() else ""
    return status, list(csv.DictReader(io.StringIO(text, newline=""), strict=True)), process.errors.all()


def test_the_csv_agrees_with_what_the_carrier_counted(gateway_with, simulator_with, webhooks):
    smsc = simulator_with("--no-number-outcomes")
    gateway = gateway_with(carriers={"telco": carrier(smsc.port)})
    gateway.wait_able("telco")
    messages = gateway.send_bulk([{"to": f"+3460010{n:04}", "text": f"Hello {n}"} for n in range(120)])
    long = gateway.send("+34600200000", "Hello " + "x" * 400)
    webhooks.wait_for_each([*messages, long], "delivered")

    status, lines, _ = reconcile(gateway)

    assert status == 0
    assert len(lines) == smsc.figures()["submitted"] == 123
    assert {line["billed_as"] for line in lines} == {"delivered"}
    assert len({(line["message_id"], line["part"]) for line in lines}) == 123
    assert {line["message_id"] for line in lines} == {message["id"] for message in [*messages, long]}
    assert [line["part"] for line in lines if line["message_id"] == long["id"]] == ["1", "2", "3"]

    status, totals, _ = reconcile(gateway, "--totals", "--zone", "Europe/Madrid")
    assert status == 0
    total = totals[-1]
    assert (total["day"], total["submitted"], total["delivered"]) == ("total", "123", "123")


def test_what_is_before_retentions_edge_is_told_as_gone(gateway_with, simulator):
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    status, lines, errors = reconcile(gateway, "--from", str(TODAY - timedelta(days=200)))
    assert (status, lines) == (0, [])
    assert any("are erased (retention.messages)" in line for line in errors)


def test_a_carrier_of_another_name_is_refused_in_words(gateway_with, simulator):
    gateway = gateway_with(carriers={"other": carrier(simulator.port)})
    status, _, errors = reconcile(gateway)
    assert status == 1
    assert any("There is no carrier of this name" in line for line in errors)
