"""The SMSC among the examples of Perl's Net::SMPP: a process for each bind, and one message id for all messages."""

import shutil
from pathlib import Path

import pytest
from daemons import carrier
from needs import need
from ports import free_port

pytestmark = pytest.mark.peer

EXAMPLE = Path("/usr/share/doc/libnet-smpp-perl/examples/smsc.pl")
ITS_PORT = "$port = 9900;"
ITS_ID = "123456789"


@pytest.fixture
def perl_smsc(smsc_process, tmp_path, install_peers):
    """The example on a free port instead of its own, and the port."""
    perl = need("perl", lambda: shutil.which("perl"), install=install_peers)
    source = need("the example of Net::SMPP", lambda: EXAMPLE if EXAMPLE.exists() else None, install=install_peers)
    port = free_port()
    text = source.read_text(encoding="latin-1")
    assert ITS_PORT in text
    script = tmp_path / "smsc.pl"
    script.write_text(text.replace(ITS_PORT, f"$port = {port};"), encoding="latin-1")
    return smsc_process(perl, str(script), "3"), port


@pytest.fixture
def gateway(perl_smsc, gateway_with):
    gateway = gateway_with(carriers={"perl": carrier(perl_smsc[1], binds=2)})
    gateway.wait_able("perl")
    return gateway


def test_messages_are_sent_although_all_get_the_same_id(perl_smsc, gateway, webhooks):
    single = gateway.send("+34600000001", "Hello Perl")
    assert webhooks.wait(single, "sent")["data"]["carrier_message_id"] == ITS_ID
    long = gateway.send("+34600000002", "x" * 400)
    webhooks.wait(long, "sent")
    assert [part["carrier_message_id"] for part in gateway.message(long["id"])["parts"]] == [ITS_ID] * 3
    bulk = gateway.send_bulk([{"to": f"+34600001{n:03d}", "text": f"Bulk {n}"} for n in range(500)])
    webhooks.wait_for_each(bulk, "sent")
    assert {webhooks.told(message)[0] for message in bulk} == {"sent"}


def test_a_gateway_that_leaves_is_let_go_and_may_bind_again(perl_smsc, gateway, webhooks):
    assert gateway.stop() == 0
    assert not [line for line in gateway.log if "ended=" in line]
    gateway.start()
    gateway.wait_able("perl")
    message = gateway.send("+34600000001", "Again")
    assert webhooks.wait(message, "sent")["data"]["carrier_message_id"] == ITS_ID
