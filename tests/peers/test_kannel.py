"""Kannel's own test SMSC, `drive_smpp`: transmitter and receiver binds only, empty ids, sequence numbers from 0."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from arrivals import wait_until
from daemons import account, carrier
from needs import need
from ports import free_port

pytestmark = pytest.mark.peer

DRIVE_SMPP = Path("/usr/lib/kannel/test/drive_smpp")
INBOUND = 40


@pytest.fixture
def smsbox_port() -> Iterator[None]:
    """It connects to Kannel's smsbox port before it starts, and that is fixed; whoever listens there will do."""
    with suppress(OSError), socket.create_server(("127.0.0.1", 13001)):
        yield
        return
    yield


@pytest.fixture
def kannel(smsc_process, smsbox_port, install_peers):
    program = need("Kannel's drive_smpp", lambda: DRIVE_SMPP if DRIVE_SMPP.exists() else None, install=install_peers)
    port = free_port()
    return smsc_process(program, "-v", "1", "-p", str(port), "-m", str(INBOUND)), port


@pytest.fixture
def gateway(kannel, gateway_with, webhooks):
    """Its inbound messages go from 456 to 123, so the account owns 123."""
    gateway = gateway_with(
        carriers={"kannel": carrier(kannel[1], mode="transmitter+receiver")},
        accounts={"shop": account(webhooks.url, senders=["SHOP", "123"])},
    )
    gateway.wait_able("kannel")
    return gateway


def ended_with(kannel, count_of):
    """The figure that it logs once the gateway has left."""
    line = kannel[0].errors.wait(lambda line: f"Number of messages sent to {count_of}: " in line)
    return int(line.rpartition(": ")[2])


def test_messages_go_out_and_inbound_comes_in_over_a_pair_of_binds(kannel, gateway, webhooks):
    single = gateway.send("+34600000001", "Hello Kannel")
    assert not webhooks.wait(single, "sent")["data"]["carrier_message_id"]
    for number in range(1, INBOUND + 1):
        event = webhooks.wait_inbound(str(number))
        assert (event["data"]["from"], event["data"]["to"], event["data"]["carrier"]) == ("456", "123", "kannel")
    long = gateway.send("+34600000002", "x" * 400)
    webhooks.wait(long, "sent")
    bulk = gateway.send_bulk([{"to": f"+34600001{n:03d}", "text": f"Bulk {n}"} for n in range(500)])
    webhooks.wait_for_each(bulk, "sent")
    assert gateway.message(bulk[-1]["id"])["parts"][0]["status"] == "sent"

    assert gateway.stop() == 0
    assert ended_with(kannel, "SMSC") == 1 + 3 + 500
    assert ended_with(kannel, "ESME") == INBOUND
    assert wait_until(lambda: not kannel[0].is_running, "the end of drive_smpp")
