"""What flows is read from two looks at /metrics; a terminal of 80 columns shows it whole."""

import io
import re
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from rich.console import Console

from gateway.cli.flowing import Flow, course
from gateway.cli.status_picture import picture

AT = "2026-11-21T18:04:05.000Z"
BIND = {
    "name": "a_carrier_with_a_name/12", "state": "waiting", "since": AT, "window": 20, "window_limit": 5,
    "in_flight": 7, "room": 13, "submit_rate": 1000, "last_error": "the connection was refused by its other end",
}  # fmt: skip
BREAKER = {"state": "open", "cause": "errors", "detail": "errors 0.82 of 40", "since": AT, "retry_at": AT}
STANDING = {
    "started_at": AT, "at": "2026-11-21T19:04:05.000Z", "backlog": 1234567, "backlog_limit": 5_000_000, "parked": 2,
    "events_pending": 31, "doubts": 3, "more_doubts": False,
    "alarms": [{"alarm": "carrier.down", "subject": "telco", "since": AT,
                "words": "carrier a_carrier_with_a_name can't send: none of its binds is up"}],
    "draining": {"since": AT, "who": "operator:anna"},
    "held": {"since": AT, "backup": AT, "total": 12, "groups": [], "campaigns": [], "events": 3},
    "queues": [{"lane": "transactional", "route": "a_route_of_a_long_name", "account": "an_account_of_a_long_name",
                "ready": 1234567, "stay": None, "avoid": "backup", "unfit": ["other"]}],
    "carriers": [
        {"name": "a_carrier_with_a_name", "able": False, "receipt_ids": "decimal of our hex", "breaker": BREAKER,
         "held": {"how": "drain", "since": AT, "who": "operator:anna", "why": "moves house"}, "binds": [BIND]},
    ],
}  # fmt: skip


class Counted:
    """A gateway's figures, as far as they are looked at."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        kept = {"registry": self._registry}
        self.accepted = Counter("sluice_messages_accepted", "-", ["account", "lane"], **kept)
        self.answers = Counter("sluice_submit_answers", "-", ["carrier", "outcome", "class"], **kept)
        self.receipts = Counter("sluice_receipts", "-", ["carrier", "state"], **kept)
        self.ended = Counter("sluice_events_ended", "-", ["account", "outcome"], **kept)
        self.oldest = Gauge("sluice_queue_oldest_seconds", "-", ["lane", "route"], **kept)
        self.ready = Gauge("sluice_queue_ready", "-", ["lane", "route"], **kept)
        self.delivery = Histogram("sluice_delivery_seconds", "-", ["lane", "country"], buckets=(1, 5, 60), **kept)

    def text(self) -> str:
        return generate_latest(self._registry).decode()


def flowed() -> Any:
    counted, flow = Counted(), Flow()
    counted.accepted.labels("shop", "otp").inc(1000)
    counted.answers.labels("telco", "sent", "accepted").inc(1000)
    flow.look(counted.text(), 100.0)
    counted.accepted.labels("shop", "otp").inc(20)
    counted.accepted.labels('a "shop"', "transactional").inc(10)
    counted.answers.labels("telco", "sent", "accepted").inc(24)
    counted.answers.labels("telco", "postponed", "throttled").inc(4)
    counted.receipts.labels("telco", "delivered").inc(8)
    counted.receipts.labels("telco", "undeliverable").inc(2)
    counted.ended.labels("shop", "told").inc(1e6)
    for route, age in (("a", 3.0), ("b", 7.5)):
        counted.oldest.labels("otp", route).set(age)
        counted.ready.labels("otp", route).set(40)
    for seconds in (0.5, *[3.0] * 9):
        counted.delivery.labels("otp", "ES").observe(seconds)
    return flow.look(counted.text(), 102.0)


def test_rates_are_of_what_was_counted_between_two_looks() -> None:
    figures = flowed()
    assert figures.rates == {"accepted": 15.0, "sent": 12.0, "delivered": 4.0, "told": 500_000.0}
    assert figures.errors == {"throttled": 2.0}


def test_ages_are_of_the_oldest_of_a_lane_and_times_within_which_nine_in_ten_were_delivered() -> None:
    figures = flowed()
    assert (figures.oldest_seconds, figures.ready) == ({"otp": 7.5}, {"otp": 80})
    assert figures.delivery_seconds == 5.0


def test_one_look_has_no_rates_and_a_restart_begins_anew() -> None:
    before, after, flow = Counted(), Counted(), Flow()
    before.accepted.labels("shop", "otp").inc(1000)
    assert flow.look(before.text(), 100.0).rates == {}
    after.accepted.labels("shop", "otp").inc(2)
    assert flow.look(after.text(), 101.0).rates == {}
    after.accepted.labels("shop", "otp").inc(3)
    assert flow.look(after.text(), 102.0).rates["accepted"] == 3.0


def test_a_restart_shows_by_whatever_was_counted() -> None:
    before, after, flow = Counted(), Counted(), Flow()
    before.answers.labels("telco", "sent", "accepted").inc(1000)
    flow.look(before.text(), 100.0)
    assert flow.look(after.text(), 101.0).rates == {}


def test_a_course_is_drawn_by_its_highest_bar() -> None:
    assert course([9.0, 0.0, 4.0, 8.0], 3) == "▁▅█"
    assert course([0.0, 0.0], 30) == "▁▁"


def test_all_of_a_busy_gateway_fits_into_80_columns() -> None:
    screen = io.StringIO()
    Console(file=screen, width=80, highlight=False, markup=False).print(picture(STANDING, flowed()))
    shown = screen.getvalue()
    assert max(map(len, shown.splitlines())) <= 80
    words = re.sub(r"\s+", " ", shown)
    first = [
        "alarm", "carrier.down", "The gateway is drained by operator:anna", "12 messages of a restored store are held",
        "Carrier a_carrier_with_a_name is drained by", "messages accepted", "answers: throttled", "1,234,567",
        "in flight", "breaker of", "messages not sent yet",
    ]  # fmt: skip
    assert [words.find(part) for part in first] == sorted(words.find(part) for part in first)
    assert -1 not in [words.find(part) for part in first]
