"""What operators are told of, where to, and from which limits on."""

import pytest
from least_settings import LEAST, SECRET, Loads, refusal

from gateway.settings.alerts import OperatorEvent

WEBHOOK = f'[operator.webhook]\nurl = "https://ops.example/alarms"\nsecrets = ["{SECRET}"]\n'


def test_without_a_word_nobody_is_told_and_the_usual_limits_hold(loads: Loads) -> None:
    settings = loads()
    assert settings.operator.webhook is None
    assert settings.alerts.receipt_rate == 0.5
    assert settings.alerts.endpoint_failures == 10
    assert settings.alerts.disk_low == 1 << 30


def test_an_operators_endpoint_is_told_everything_unless_it_says(loads: Loads) -> None:
    webhook = loads(WEBHOOK).operator.webhook
    assert webhook is not None
    assert webhook.events == list(OperatorEvent)
    assert [len(key) for key in webhook.keys] == [24]
    some = loads(f'{WEBHOOK}events = ["carrier.down", "carrier.up"]').operator.webhook
    assert some is not None
    assert some.events == [OperatorEvent.CARRIER_DOWN, OperatorEvent.CARRIER_UP]


def test_its_secret_may_lie_in_a_file(loads: Loads) -> None:
    text = '[operator.webhook]\nurl = "https://ops.example/alarms"\nsecret_files = ["ops_secret"]'
    webhook = loads(text, files={"ops_secret": SECRET}).operator.webhook
    assert webhook is not None
    assert len(webhook.keys) == 1


def test_the_lanes_have_limits_that_suit_them(loads: Loads) -> None:
    lanes = loads("[lanes.own]\npriority = 2").lanes
    waits = {name: lane.alert_backlog_age for name, lane in lanes.items()}
    assert waits == {"otp": 60, "transactional": 300, "promotional": 3600, "own": 300}
    times = {name: lane.alert_delivery_time for name, lane in lanes.items()}
    assert times == {"otp": 30, "transactional": 300, "promotional": 0, "own": 0}


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        (
            f'{WEBHOOK}events = ["carrier.gone"]',
            "operator.webhook.events",
            "is 'carrier.gone'; the events are carrier.d",
        ),
        (WEBHOOK.replace(SECRET, "short"), "operator.webhook.secrets", 'is not "whsec_"'),
        (WEBHOOK.replace("https", "http"), "operator.webhook.url", "is http"),
        (WEBHOOK.replace("ops.example", "10.0.0.7"), "operator.webhook.url", "points to 10.0.0.7, which is inside"),
        ("[alerts]\nreceipt_rate = 1.5", "alerts.receipt_rate", "is 1.5; give 0 to 1"),
        ("[alerts]\nendpoint_failures = 0", "alerts.endpoint_failures", "is 0; give 1 to 1_000 failures"),
        (
            "[alerts]\ndisk_low = 1000",
            "alerts.disk_low",
            "is below store.disk_reserve (268435456), where calls are refused already; raise it",
        ),
        ("[lanes.otp]\nalert_backlog_age = 60", "lanes.otp.alert_backlog_age", "write a number with its unit"),
    ],
)
def test_what_cannot_be_meant_is_refused(loads: Loads, text: str, key: str, reason: str) -> None:
    said = refusal(loads, text)
    assert key in said
    assert reason in said


def test_a_large_reserve_needs_no_other_limit_beside_it(loads: Loads) -> None:
    assert loads(f"[store]\ndisk_reserve = {8 << 30}").store.disk_reserve == 8 << 30


def test_no_account_is_called_as_the_operators_endpoint_is(loads: Loads) -> None:
    least = LEAST.replace("[accounts.shop]", "[accounts.operator]")
    assert loads(least=least).accounts
    assert "by which metrics and logs call operator.webhook; rename it" in refusal(loads, WEBHOOK, least=least)
