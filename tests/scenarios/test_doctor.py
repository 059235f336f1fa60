"""`sluice doctor` beside a gateway that runs: a good machine has no fault; what is broken is told with its remedy."""

import json

import pytest
from daemons import OPERATOR_TOKEN, carrier
from ports import free_port
from sluice_processes import sluice_process

pytestmark = pytest.mark.scenario


def doctor(gateway, *arguments):
    """Its exit status, and what it found."""
    environment = {**gateway.environment, "SLUICE_OPERATOR_URL": gateway.operator.url}
    given = ["doctor", "--config", str(gateway.folder / "sluice.toml"), "--json", "--token", OPERATOR_TOKEN, *arguments]
    process = sluice_process(given, folder=gateway.folder, environment=environment)
    status = process.wait()
    (line,) = process.output.all()
    return status, json.loads(line)["findings"]


def faults(findings):
    """But for what lies in the machine that runs the tests: on what its temporary files are."""
    return [one for one in findings if one["verdict"] == "fault" and "lies on tmpfs" not in one["seen"]]


def test_a_good_machine_has_no_fault(gateway_with, simulator_with, webhooks):
    smsc = simulator_with()
    gateway = gateway_with(carriers={"telco": carrier(smsc.port, binds=2, local_address=["127.0.0.2", "127.0.0.3"])})
    gateway.wait_able("telco")
    webhooks.wait(gateway.send("+34600000001"), "delivered")

    _, findings = doctor(gateway)

    assert faults(findings) == []
    told = {(one["check"], one["about"]): one for one in findings}
    assert told["binds", "carriers.telco"]["seen"].endswith("binds are up, from 127.0.0.2, 127.0.0.3")
    assert any(one["check"] == "database" and "runs on it since" in one["seen"] for one in findings)
    assert any(one["check"] == "database" and one["seen"] == "quick_check finds nothing" for one in findings)
    assert any(one["check"] == "webhooks" and one["verdict"] == "ok" for one in findings)
    assert all(one["remedy"] for one in findings if one["verdict"] in ("warning", "fault"))
    assert smsc.figures()["binds"] == 2, "it asked the gateway, and bound nothing itself"


def test_a_carrier_that_is_down_is_told_as_the_gateway_sees_it(gateway_with, simulator):
    carriers = {
        "telco": carrier(simulator.port),
        "closed": carrier(free_port()),
        "foreign": carrier(simulator.port, local_address="192.0.2.77"),
    }
    gateway = gateway_with(carriers=carriers)
    gateway.wait_able("telco")
    gateway.wait_logged("bind=closed/1 ended=")
    gateway.wait_logged("bind=foreign/1 ended=")

    status, findings = doctor(gateway, "--only", "binds", "--only", "tls")

    assert status == 1
    broken = {one["about"]: one for one in faults(findings)}
    assert "could not connect" in broken["closed/1"]["seen"]
    assert "local_address 192.0.2.77 can't be left from" in broken["foreign/1"]["seen"]
    assert all(one["remedy"] for one in broken.values())
    assert not any(about.startswith(("carriers.telco", "telco")) for about in broken)


def test_without_a_gateway_it_binds_once_where_asked(gateway_with, simulator):
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    gateway.wait_able("telco")
    assert gateway.stop() == 0
    before = simulator.figures()["binds"]

    status, findings = doctor(gateway, "--only", "binds")
    assert (status, findings[0]["verdict"]) == (0, "note")
    assert simulator.figures()["binds"] == before

    status, findings = doctor(gateway, "--only", "binds", "--bind")
    assert (status, findings[0]["verdict"]) == (0, "ok")
    assert simulator.figures()["binds"] == before + 1


def test_a_wrong_configuration_ends_with_2_and_says_what_to_mend(gateway_with, simulator):
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    gateway.wait_able("telco")
    gateway.write(webhooks={"allow_networks": []})

    status, findings = doctor(gateway)

    assert status == 2
    (fault,) = faults(findings)
    assert "127.0.0.1 is in no network of webhooks.allow_networks" in fault["seen"]
