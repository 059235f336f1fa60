"""What operators see: health, metrics that were counted, and the admin views behind their token."""

import pytest
from arrivals import wait_until
from callers import Caller
from daemons import carrier
from ports import free_port
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.scenario

ADMIN = ("status", "carriers", "queues", "doubts", "endpoints", "parked")


def scraped(gateway):
    """Every sample of /metrics by name and labels."""
    answer = Caller(gateway.operator.url, "").call("GET", "/metrics")
    assert answer.status == 200, answer
    assert answer.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.body.decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def labels(**given):
    return tuple(sorted(given.items()))


def test_health_is_open_and_admin_is_for_operators(gateway_with, simulator, webhooks):
    telco, away = carrier(simulator.port, window=7), carrier(free_port())
    gateway = gateway_with(carriers={"telco": telco, "away": away})
    gateway.wait_able("telco")
    stranger, wrong = Caller(gateway.url, ""), Caller(gateway.operator.url, gateway.token)
    assert (stranger.call("GET", "/healthz").status, stranger.call("GET", "/healthz").json) == (200, {"status": "ok"})
    ready = stranger.call("GET", "/readyz")
    assert (ready.status, ready.json["status"], ready.json["store"]) == (200, "ready", "ok")
    assert ready.json["carriers"] == {"telco": "able", "away": "unable"}, "carriers are told and do not decide"
    assert Caller(gateway.operator.url, "").call("GET", "/healthz").status == 200
    assert stranger.call("GET", "/metrics").status == 404
    assert gateway.operator.call("GET", "/v1/sms").status == 404
    webhooks.wait(gateway.send("+34600100001", "Hello operator"), "delivered")

    for view in ADMIN:
        assert wrong.call("GET", f"/admin/{view}").status == 401
        assert Caller(gateway.operator.url, "").call("GET", f"/admin/{view}").status == 401
        assert gateway.call("GET", f"/admin/{view}").status == 404
    views = {view: gateway.operator.call("GET", f"/admin/{view}") for view in ADMIN}
    assert {view: answer.status for view, answer in views.items()} == dict.fromkeys(ADMIN, 200)
    assert all(b"Hello" not in answer.body for answer in views.values())
    assert (views["status"].json["backlog"], views["status"].json["doubts"]) == (0, 0)
    assert views["endpoints"].json["entities"][0]["account"] == "shop"
    found = next(one for one in views["carriers"].json["entities"] if one["name"] == "telco")
    bind = found["binds"][0]
    assert (found["able"], bind["name"], bind["state"], bind["window"]) == (True, "telco/1", "bound", 7)


def test_a_doubt_can_be_settled_by_hand(gateway_with, simulator_with, webhooks):
    simulator = simulator_with("--swallow-share", "1", "--receipt-share", "0", "--no-number-outcomes")
    telco = carrier(simulator.port, response_timeout="200ms")
    gateway = gateway_with(carriers={"telco": telco})
    message = gateway.send("+34600100444", lane="otp")
    doubt = wait_until(lambda: next(iter(gateway.operator.get("/admin/doubts")["entities"]), None), "a doubt is listed")
    assert (doubt["id"], doubt["to"], doubt["settled_by"]) == (message["id"], "+34600100444", "hold")

    settled = gateway.operator.call("POST", f"/admin/doubts/{message['id']}/settle", {"outcome": "unknown"})

    assert settled.status == 200, settled
    webhooks.wait(message, "unknown")
    assert gateway.operator.get("/admin/doubts")["entities"] == []
    again = gateway.operator.call("POST", f"/admin/doubts/{message['id']}/settle", {"outcome": "unknown"})
    assert (again.status, again.json["code"]) == (409, "not_in_doubt")


def test_metrics_count_what_happened(gateway_with, simulator, webhooks):
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, response_timeout="300ms")})
    delivered = gateway.send_bulk([{"to": f"+3460010{n:04}", "text": "Hello"} for n in range(1, 11)])
    throttled = gateway.send("+34600000429", lane="otp")
    failed = gateway.send("+34600000400")
    doubtful = gateway.send("+34600000444")
    assert gateway.call("POST", "/v1/sms", {"to": "+34", "text": "Hello"}).status == 422
    gateway.wait_able("telco")
    simulator.inbound("34600999001", "+34600000000", "Hello back")
    webhooks.wait_for_each([*delivered, throttled, doubtful], "delivered")
    webhooks.wait(failed, "failed")
    webhooks.wait_inbound("Hello back")

    wait_until(lambda: scraped(gateway)[("sluice_events_pending", ())] == 0, "every event is told")
    found = scraped(gateway)

    def value(name, **given):
        return found[(name, labels(**given))]

    def answers(outcome, status_class):
        return value("sluice_submit_answers_total", carrier="telco", outcome=outcome, **{"class": status_class})

    assert value("sluice_messages_accepted_total", account="shop", lane="transactional") == 12
    assert value("sluice_messages_accepted_total", account="shop", lane="otp") == 1
    assert value("sluice_messages_refused_total", account="shop") == 1
    assert answers("sent", "accepted") == 11
    assert answers("postponed", "throttled") == 1
    assert answers("refused", "permanent") == 1
    assert value("sluice_segments_in_doubt_total", carrier="telco") == 1
    assert value("sluice_submit_latency_seconds_count", carrier="telco") == 13
    assert value("sluice_receipts_total", carrier="telco", state="delivered") == 12
    assert value("sluice_inbound_messages_total", carrier="telco") == 1
    assert value("sluice_webhook_posts_total", account="shop", outcome="taken") >= 24
    assert value("sluice_carrier_able", carrier="telco") == 1
    assert value("sluice_window_ceiling", carrier="telco", bind="telco/1") == 10
    assert 1 <= value("sluice_window_limit", carrier="telco", bind="telco/1") <= 10
    assert value("sluice_submit_oldest_seconds", carrier="telco", bind="telco/1") == 0
    assert value("sluice_store_commit_seconds_count") > 0
    assert not any("34600" in str(key) for key in found)
