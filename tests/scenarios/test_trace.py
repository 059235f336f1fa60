"""Operators see what passes between a running gateway and its carrier; nothing of it stays when they go."""

import pytest
from arrivals import wait_until
from daemons import carrier

pytestmark = pytest.mark.scenario

NUMBER = "+34600100001"


def test_a_trace_shows_a_message_and_its_receipt_as_they_pass(gateway_with, simulator, webhooks):
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    gateway.wait_able("telco")
    traced = gateway.asked("trace", "telco")
    try:
        traced.output.wait(lambda line: line.endswith("numbers and texts redacted"))
        webhooks.wait(gateway.send(NUMBER, "Hello trace"), "delivered")
        submit = traced.output.wait(lambda line: " -> submit_sm " in line)
        traced.output.wait(lambda line: " <- submit_sm_resp " in line and "status=ESME_ROK" in line)
        receipt = traced.output.wait(lambda line: " <- deliver_sm " in line)
        traced.output.wait(lambda line: " -> deliver_sm_resp " in line)
        assert "destination_addr=1:1:xxxxxxxx001" in submit
        assert "text=(11 octets)" in submit
        assert "stat:DELIVRD" in receipt
        said = "\n".join(traced.output.all())
        assert "Hello" not in said
        assert NUMBER[1:] not in said
    finally:
        traced.end()
    # The gateway notices that its watcher has gone, and goes on.
    webhooks.wait(gateway.send(NUMBER, "Hello again"), "delivered")


def test_a_capture_file_is_written_for_so_many_seconds(gateway_with, simulator, webhooks, tmp_path):
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    gateway.wait_able("telco")
    file = tmp_path / "telco.pcap"
    traced = gateway.asked("trace", "telco", "--pcap", str(file), "--seconds", "2", "--show")
    try:
        wait_until(lambda: file.exists() and file.stat().st_size >= 24, "the file begins")
        webhooks.wait(gateway.send(NUMBER, "Hello capture"), "delivered")
        assert traced.wait() == 0
    finally:
        traced.end()
    assert b"Hello capture" in file.read_bytes()


def test_a_trace_file_of_the_settings_begins_with_the_bind_and_never_has_its_password(
    gateway_with, simulator, tmp_path
):
    file = tmp_path / "telco.trace"
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, trace_file=str(file), password="s3cretpw")})
    gateway.wait_able("telco")
    wait_until(lambda: "bind_transceiver_resp" in file.read_text(), "the answer to the bind is traced")
    assert gateway.stop() == 0
    text = file.read_text()
    assert " -> bind_transceiver sequence=1 system_id=acme password=*** " in text
    assert "s3cretpw" not in text
    assert " -> unbind " in text
    assert " <- unbind_resp " in text
