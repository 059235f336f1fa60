"""What the carriers' page says of one: the word, the mood, why, and what can be done; and who comes first."""

from typing import Any

import pytest

from gateway.console.pages.carriers import look, summed
from gateway.rules.timestamps import rfc3339

NOW = 1_795_284_245_123


def ago(seconds: int) -> str:
    return rfc3339(NOW - seconds * 1000)


def a_bind(**changes: Any) -> dict[str, Any]:
    return {
        "name": "telco/1",
        "mode": "transceiver",
        "state": "bound",
        "since": ago(7_500),
        "host": "smpp1.telco.example:2776",
        "bound_since": ago(7_500),
        "window": 10,
        "window_limit": 10,
        "in_flight": 3,
        "submit_rate": 100.0,
        "latency_ms": 41,
        "losses": 0,
        "last_error": None,
        "local_address": None,
        **changes,
    }


DOWN = a_bind(state="waiting", bound_since=None, since=ago(95), last_error="connection refused")


def a_carrier(*binds: dict[str, Any], **changes: Any) -> dict[str, Any]:
    shown = list(binds) or [a_bind()]
    usual = {"alarm": None, "receipt_ids": None, "breaker": None, "held": None, "errors": {}}
    return {"name": "telco", "able": any(one["bound_since"] for one in shown), "binds": shown, **usual, **changes}


def held(how: str) -> dict[str, Any]:
    return {"how": how, "since": ago(600), "who": "operator:anna", "why": "noon"}


def a_breaker(state: str, **changes: Any) -> dict[str, Any]:
    return {"state": state, "cause": "errors", "detail": "9 of 20", "since": ago(40), "retry_at": None, **changes}


@pytest.mark.parametrize(
    ("carrier", "word", "mood"),
    [
        (a_carrier(), "sending", "good"),
        (a_carrier(DOWN), "can't send", "bad"),
        (a_carrier(a_bind(), DOWN), "partly up", "warn"),
        (a_carrier(DOWN, alarm="ESME_RINVPASWD"), "refuses us", "bad"),
        (a_carrier(breaker=a_breaker("open")), "breaker open", "bad"),
        (a_carrier(breaker=a_breaker("returning")), "coming back", "warn"),
        (a_carrier(breaker=a_breaker("closed")), "sending", "good"),
        (a_carrier(held=held("pause")), "paused", "calm"),
        (a_carrier(held=held("drain")), "draining", "calm"),
        (a_carrier(DOWN, held=held("drain")), "drained", "calm"),
    ],
)
def test_a_carrier_is_told_in_a_word_and_a_mood(carrier: dict[str, Any], word: str, mood: str) -> None:
    seen = look(carrier, NOW)
    assert (seen["word"], seen["mood"]) == (word, mood)


def test_a_carrier_that_is_down_says_why_and_since_when() -> None:
    seen = look(a_carrier(DOWN), NOW)
    assert seen["why"] == ["No bind can send: connection refused. Other carriers of its routes take over."]
    assert (seen["binds"][0]["lasts"], seen["binds"][0]["uptime"]) == ("2 min", None)
    assert seen["can_rebind"]


def test_a_breaker_says_its_cause_and_when_it_tries_again() -> None:
    seen = look(a_carrier(breaker=a_breaker("open", retry_at=rfc3339(NOW + 20_000))), NOW)
    assert seen["why"] == ["Its breaker is open for 40 s: too many errors (9 of 20). Tried again in 20 s."]
    assert seen["can_rebind"]


def test_a_carrier_that_is_drained_is_not_called_sick_and_not_tried() -> None:
    seen = look(a_carrier(DOWN, held=held("drain")), NOW)
    assert seen["why"] == []
    assert (seen["can_resume"], seen["can_rebind"], seen["binds"][0]["mood"]) == (True, False, "calm")


def test_the_sickest_come_first_and_are_summed_up() -> None:
    carriers = {
        "well": a_carrier(),
        "held": a_carrier(held=held("pause")),
        "half": a_carrier(a_bind(), DOWN),
        "down": a_carrier(DOWN),
    }
    seen = sorted((look({**one, "name": name}, NOW) for name, one in carriers.items()), key=lambda one: one["rank"])
    assert [one["name"] for one in seen] == ["down", "half", "held", "well"]
    assert summed(seen) == "1 sick, 1 not wholly well, 1 held, 1 well"


def test_errors_are_told_the_most_frequent_first() -> None:
    assert look(a_carrier(errors={"final": 3, "throttled": 12}), NOW)["errors"] == [("throttled", 12), ("final", 3)]
