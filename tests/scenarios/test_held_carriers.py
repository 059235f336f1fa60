"""An operator holds a carrier: its tiers take over at once, nothing ends in doubt, and a hold outlives a crash."""

import pytest
from arrivals import wait_until
from daemons import carrier

pytestmark = pytest.mark.scenario


def batch(prefix, count):
    return [{"to": f"+34600{prefix}{n:04}", "text": f"Hello {prefix} {n}"} for n in range(count)]


def held(gateway):
    """How each carrier is held."""
    entities = gateway.operator.get("/admin/carriers")["entities"]
    return {one["name"]: one["held"] and one["held"]["how"] for one in entities}


def told(gateway, carrier_name, how):
    answer = gateway.operator.call("POST", f"/admin/carriers/{carrier_name}/{how}", {})
    assert answer.status == 200, answer
    return answer.json


def binds_of(gateway, name):
    """Their states."""
    found = {one["name"]: one["binds"] for one in gateway.operator.get("/admin/carriers")["entities"]}
    return [bind["state"] for bind in found[name]]


@pytest.fixture
def two(gateway_with, simulator_with):
    """A gateway with `telco` first and `backup` behind it, and both simulators."""
    telco, backup = (simulator_with("--no-number-outcomes", "--latency", "20ms") for _ in range(2))
    carriers = {"telco": carrier(telco.port, binds=2, window=5), "backup": carrier(backup.port, window=50)}
    gateway = gateway_with(carriers=carriers)
    gateway.wait_able("telco", "backup")
    return gateway, telco, backup


def test_a_paused_carrier_keeps_its_binds_and_the_next_tier_takes_over_at_once(two, webhooks):
    gateway, telco, backup = two
    assert webhooks.carriers_of(gateway.send_bulk(batch(10, 20))) == {"telco"}

    paused = told(gateway, "telco", "pause")

    assert paused["held"]["who"] == "operator"
    assert webhooks.carriers_of(gateway.send_bulk(batch(20, 50))) == {"backup"}
    assert binds_of(gateway, "telco") == ["bound", "bound"]
    assert telco.figures()["taken"] == 20
    assert backup.figures()["taken"] == 50
    said = gateway.operator.get("/admin/route?number=%2B34600100000")["lines"]
    assert any(line.startswith("telco: held by operator since 2") for line in said), said
    metrics = gateway.operator.call("GET", "/metrics").body.decode()
    assert 'sluice_carrier_held{carrier="telco"} 1.0' in metrics
    told(gateway, "telco", "resume")
    assert webhooks.carriers_of(gateway.send_bulk(batch(30, 20))) == {"telco"}


def test_a_drained_carrier_leaves_nothing_in_doubt_and_stays_unbound_over_a_crash(two, webhooks):
    gateway, telco, backup = two
    telco.set("latency", "300ms")
    under_way = gateway.send_bulk(batch(40, 100))
    wait_until(lambda: telco.figures()["taken"] >= 10 or None, "both windows have been filled")

    told(gateway, "telco", "drain")

    wait_until(lambda: binds_of(gateway, "telco") == [] or None, "its binds have left")
    webhooks.wait_for_each(under_way, "delivered")
    first = telco.figures()
    assert first["doubled"] == 0
    assert first["taken"] + backup.figures()["taken"] == 100
    assert gateway.operator.get("/admin/doubts")["entities"] == []

    gateway.kill()
    gateway.start()
    gateway.wait_able("backup")
    assert held(gateway) == {"telco": "drain", "backup": None}
    assert webhooks.carriers_of(gateway.send_bulk(batch(50, 20))) == {"backup"}
    assert telco.figures()["connections"] == first["connections"]
    assert gateway.operator.get("/admin/alarms")["entities"] == []

    telco.set("latency", "1ms")
    told(gateway, "telco", "resume")
    gateway.wait_able("telco")
    wait_until(lambda: binds_of(gateway, "telco") == ["bound", "bound"] or None, "both binds are up")
    assert webhooks.carriers_of(gateway.send_bulk(batch(60, 20))) == {"telco"}
    assert held(gateway) == {"telco": None, "backup": None}


def test_a_reload_leaves_a_drained_carrier_as_it_is(two):
    gateway, telco, _ = two
    told(gateway, "telco", "drain")
    wait_until(lambda: binds_of(gateway, "telco") == [] or None, "its binds have left")
    connections = telco.figures()["connections"]
    carriers = gateway.settings["carriers"]

    gateway.reload(carriers={**carriers, "telco": {**carriers["telco"], "binds": 3, "system_type": "other"}})
    gateway.reload(carriers={"backup": carriers["backup"]}, routes=[{"name": "rest", "tiers": ["backup"]}])
    gateway.reload(carriers=carriers, routes=[{"name": "rest", "tiers": ["telco", "backup"]}])

    assert held(gateway) == {"telco": "drain", "backup": None}
    assert binds_of(gateway, "telco") == []
    assert telco.figures()["connections"] == connections
