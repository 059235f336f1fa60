"""A carrier that speaks TLS alone: whole way from the request to the delivery, and a wrong authority in words."""

from pathlib import Path

import pytest
import trustme
from daemons import carrier

pytestmark = pytest.mark.scenario


def test_pain_36_a_message_is_delivered_through_a_carrier_that_speaks_tls_alone(
    gateway_with, simulator_with, webhooks, tmp_path: Path
):
    authority, other = trustme.CA(), trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "smsc.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "smsc.key")
    authority.cert_pem.write_to_path(tmp_path / "telco-ca.pem")
    other.cert_pem.write_to_path(tmp_path / "other-ca.pem")
    smsc = simulator_with("--tls", str(tmp_path / "smsc.pem"), str(tmp_path / "smsc.key"))

    gateway = gateway_with(
        carriers={
            "telco": carrier(smsc.port, tls={"ca_file": "telco-ca.pem"}),
            "mistaken": carrier(smsc.port, tls={"ca_file": "other-ca.pem"}),
        },
        routes=[{"name": "rest", "tiers": ["telco"]}],
    )
    gateway.wait_able("telco")
    webhooks.wait(gateway.send("+34600000001"), "delivered")

    assert "set tls.ca_file" in gateway.wait_logged("bind=mistaken/1 ended=")
    views = {view["name"]: view for view in gateway.operator.get("/admin/carriers")["entities"]}
    assert views["telco"]["able"]
    assert not views["mistaken"]["able"]
    assert "set tls.ca_file" in views["mistaken"]["binds"][0]["last_error"]
