"""A campaign of a million recipients uploaded as CSV: its memory stays flat, and others are served meanwhile."""

import pytest
from a_million import MOST_MIB, RECIPIENTS, parts
from arrivals import wait_until
from chunked_uploads import chunked_upload
from daemons import carrier
from memory import MemoryLog
from simulators import simulating

_QUERY = {
    "campaign_name": "A million",
    "message": "Hello {name}, your code is {code}",
    "schedule": "2027-12-01T00:00:00Z",
}


def upload_a_million(gateway):
    """The most MiB that it took meanwhile."""
    memory = MemoryLog()
    with (
        memory.watching(lambda: gateway.process.pid),
        chunked_upload(gateway, _QUERY, seconds=300) as upload,
    ):
        for count, rows in enumerate(parts()):
            upload.put(rows)
            if count % 100 == 0:
                message = gateway.send(f"+347{count:08}", lane="otp")
                gateway.wait_message(message["id"], status="delivered")
        _, answer = upload.end()
        assert answer["recipients"]["accepted"] == RECIPIENTS
        (found,) = gateway.get("/v1/campaigns")["entities"]
        wait_until(lambda: gateway.get(f"/v1/campaigns/{found['id']}")["status"] == "scheduled", "it is scheduled")
        gateway.call("POST", f"/v1/campaigns/{found['id']}/cancel")
    return memory.most()


@pytest.mark.timeout(900)
def test_a_million_recipients_as_csv_take_less_than_200_mib(gateway_with, tmp_path, capsys):
    with simulating(tmp_path) as simulator:
        gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
        most = upload_a_million(gateway)
        with capsys.disabled():
            print(f"\nresident at most: {most} MiB with {RECIPIENTS:,} recipients")
        gateway.stop()
    assert most < MOST_MIB
