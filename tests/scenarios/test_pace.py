"""The pace a carrier asked for, and that of one which never said: as the carrier counts it, by its own clock."""

import pytest
from busiest_seconds import most_in_a_second
from daemons import carrier
from ports import free_port
from traced_pdus import packets

pytestmark = pytest.mark.scenario

LATE = 75
"""PDUs that a busy machine may bring together, since the gateway counts when it sends and the carrier when it reads.

Binds or parts that are not counted would bring 200 a second.
"""
SLOW_SECONDS = 60.0
READING_A_CLOCK = 0.002
"""Seconds between two looks at a clock: the pace's own, and the trace's behind it."""
SUBMIT_SM = b"\0\0\0\4"


def batch(prefix, count, **fields):
    return [{"to": f"+34600{prefix}{n:04}", "text": f"Hello {prefix} {n}", **fields} for n in range(count)]


def written(file):
    """When each submit_sm was handed to the network, by the gateway's own trace."""
    found = [(at, packet.get("data", b"")) for at, packet in packets(file.read_bytes())]
    return sorted(at / 1e9 for at, data in found if data[4:8] == SUBMIT_SM)


def test_a_carrier_with_100_a_second_gets_100_a_second_long_messages_and_all_binds_counted(
    gateway_with, simulator_with, record
):
    simulator = simulator_with(*record.option, "--no-number-outcomes")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, binds=2, window=20, submit_rate=100)})
    long = {"text": "Hello " * 50}
    messages = gateway.send_bulk([*batch(50, 300), *(one | long for one in batch(51, 100))])
    assert sum(message["segments"] for message in messages) == 500

    gateway.wait_for(lambda: record.count() == 500 or None, "all 500 segments", seconds=SLOW_SECONDS)

    arrived = sorted(line["at"] for line in record.taken())
    assert most_in_a_second(arrived) <= 100 + LATE
    assert simulator.figures()["doubled"] == 0


@pytest.mark.parametrize("rate", [7, 100])
def test_what_is_written_keeps_the_rate_to_the_last_pdu_over_four_binds_and_a_restart_of_the_carrier(
    gateway_with, simulator_with, record, tmp_path, rate
):
    """By when it was written, however busy the machine is: the promise is the gateway's, the way is the network's."""
    file, count = tmp_path / "telco.pcap", 3 * rate
    first = simulator_with(*record.option, "--no-number-outcomes", port=free_port())
    telco = carrier(first.port, binds=4, window=50, submit_rate=rate, trace_file=str(file))
    gateway = gateway_with(carriers={"telco": telco})
    gateway.send_bulk(batch(70, count))
    gateway.wait_for(lambda: record.count() >= rate or None, "a second's worth", seconds=SLOW_SECONDS)
    first.stop()
    simulator_with(*record.option, "--no-number-outcomes", port=first.port)

    # What was in flight then is in doubt for a while.
    gateway.wait_for(lambda: record.count() >= 2 * rate or None, "another second's worth", seconds=SLOW_SECONDS)

    gateway.stop()
    times = written(file)
    assert len(times) >= 2 * rate
    assert most_in_a_second(times, 1.0 - READING_A_CLOCK) <= rate


def test_pain_19_the_pace_converges_below_what_the_carrier_takes(gateway_with, simulator_with, record):
    simulator = simulator_with(*record.option, "--throttle-over", "50", "--no-number-outcomes")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=10, throttle_pause="1s")})
    for prefix in (60, 61, 62):
        gateway.send_bulk(batch(prefix, 400))

    def once_taken(count):
        """The simulator's figures once so many were taken, which for a pace that is given up would be never."""
        return gateway.wait_for(
            lambda: (figures := simulator.figures())["taken"] >= count and figures,
            f"{count} taken",
            seconds=SLOW_SECONDS,
        )

    before = once_taken(300)
    after = once_taken(550)

    taken, throttled = after["taken"] - before["taken"], after["throttled"] - before["throttled"]
    assert throttled / (taken + throttled) < 0.05, (before, after)
    assert after["taken"] < 1200, "there was work to the end"
    assert after["doubled"] == 0
    # It is telco's only bind.
    (bind,) = gateway.operator.get("/admin/carriers")["entities"][0]["binds"]
    assert 0 < bind["submit_rate"] < 100
    assert 1 <= bind["window_limit"] <= bind["window"] == 10
