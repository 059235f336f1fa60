"""What /metrics says of a whole day in small: exact sums, and every name that rules, dashboard and docs go by."""

import re
from pathlib import Path

import pytest
from arrivals import wait_until
from callers import Caller
from daemons import carrier
from monitoring import ALERTS, RULES, expressions, families, metrics_in
from ports import free_port
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.scenario

DOCS = Path(__file__).parents[2] / "docs"


def a_gateway(gateway_with):
    """One whose carrier is away."""
    return gateway_with(carriers={"telco": carrier(free_port())})


def exposed(gateway):
    answer = Caller(gateway.operator.url, "").call("GET", "/metrics")
    assert answer.status == 200, answer
    return answer.body.decode()


def scraped(gateway):
    """Every sample of /metrics by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(exposed(gateway))
        for sample in family.samples
    }


def test_rules_dashboard_and_docs_name_only_metrics_that_exist(gateway_with):
    known = families(exposed(a_gateway(gateway_with)))
    pages = [page.read_text() for page in DOCS.glob("*.md")]
    for text in (RULES.read_text(), ALERTS.read_text(), *expressions().values(), *pages):
        assert metrics_in(text) <= known.keys()


def test_every_metric_is_explained_and_every_explained_one_exists(gateway_with):
    known = {name for name, kind in families(exposed(a_gateway(gateway_with))).items() if kind != "part"}
    ours = {name for name in known if name.startswith("sluice_") and not name.endswith("_created")}
    tables = (DOCS / "metrics.md").read_text().partition("\n## Messages\n")[2]
    assert ours == metrics_in(tables)


def test_ends_times_and_callbacks_count_exactly(gateway_with, simulator, webhooks):
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, response_timeout="300ms")})
    delivered = gateway.send_bulk([{"to": f"+3460010{n:04}", "text": "Hello"} for n in range(1, 11)])
    otp = gateway.send("+34600100099", lane="otp")
    failed = gateway.send("+34600000400")
    webhooks.wait_for_each([*delivered, otp], "delivered")
    webhooks.wait(failed, "failed")
    wait_until(lambda: scraped(gateway)[("sluice_events_pending", ())] == 0, "every event is told")
    # The last POST may be answered a moment before its commit is told.
    wait_until(lambda: told(scraped(gateway)) >= 2 * 11 + 1, "every event is counted")
    found = scraped(gateway)

    def value(name, **labels):
        return found[(name, tuple(sorted(labels.items())))]

    def ended(lane, status):
        return value("sluice_messages_ended_total", lane=lane, status=status)

    assert (ended("transactional", "delivered"), ended("otp", "delivered")) == (10, 1)
    assert (ended("transactional", "failed"), ended("transactional", "undelivered")) == (1, 0)
    assert [(labels, count) for (name, labels), count in found.items() if name == "sluice_messages_failed_total"] == [
        ((("country", "ES"), ("error", failed_error(webhooks, failed))), 1)
    ]
    assert value("sluice_submits_total", carrier="telco") == 12
    assert value("sluice_queue_seconds_count", lane="transactional") == 11
    assert value("sluice_queue_seconds_count", lane="otp") == 1
    assert value("sluice_delivery_seconds_count", lane="transactional", country="ES") == 10
    assert value("sluice_delivery_seconds_count", lane="otp", country="ES") == 1
    assert value("sluice_events_ended_total", account="shop", outcome="dead") == 0
    assert value("sluice_webhook_lag_seconds_count") == told(found)
    assert value("sluice_queue_oldest_seconds", lane="otp", route="rest") == 0
    assert value("sluice_doubts") == 0
    assert value("sluice_reloads_total", outcome="refused") == 0
    assert value("sluice_breaker_state", carrier="telco", state="closed") == 1


def told(found):
    return found[("sluice_events_ended_total", (("account", "shop"), ("outcome", "told")))]


def failed_error(webhooks, message):
    return webhooks.wait(message, "failed")["data"]["error"]["code"]


def test_the_loop_tells_how_late_it_is(gateway_with):
    gateway = a_gateway(gateway_with)
    wait_until(lambda: scraped(gateway)[("sluice_event_loop_lag_seconds_count", ())] >= 2, "the loop is looked at")
    assert not re.search(r"sluice_event_loop_lag_seconds_sum -", exposed(gateway))
