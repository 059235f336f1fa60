"""When something amiss becomes an alarm, and when it is over."""

import pytest

from gateway.rules.alarms import ALARMS, Condition, event_data, runbook, words
from gateway.settings.alerts import OperatorEvent


def turns(condition: Condition, *seen: tuple[float, bool]) -> list[tuple[float, bool]]:
    """At which moments it turned, and to what."""
    return [(now, condition.is_raised) for now, is_amiss in seen if condition.judge(is_amiss, now) is not None]


def test_it_is_raised_once_it_was_amiss_for_so_long() -> None:
    condition = Condition(5.0, 5.0)
    assert turns(condition, (0, True), (4.9, True), (5, True), (6, True)) == [(5, True)]


def test_a_break_begins_the_time_anew() -> None:
    condition = Condition(5.0, 5.0)
    assert turns(condition, (0, True), (4, False), (5, True), (9.9, True)) == []
    assert condition.judge(True, 10) == 5


def test_it_is_over_once_it_was_well_for_so_long() -> None:
    condition = Condition(0.0, 30.0, is_raised=True)
    assert turns(condition, (0, False), (20, True), (21, False), (50, False), (51, False)) == [(51, False)]


def test_without_a_time_it_turns_at_once() -> None:
    assert turns(Condition(0.0, 0.0), (1, True), (2, False), (3, True)) == [(1, True), (2, False), (3, True)]


def test_what_is_not_amiss_need_not_be_remembered() -> None:
    condition = Condition(5.0, 5.0)
    assert condition.is_at_rest
    condition.judge(True, 0)
    assert not condition.is_at_rest
    condition.judge(False, 1)
    assert condition.is_at_rest


@pytest.mark.parametrize("event", OperatorEvent)
def test_every_event_has_words_and_a_runbook(event: OperatorEvent) -> None:
    assert "telco" in words(event, "telco") or "telco" in words(event, "telco").lower()
    assert runbook(event).startswith("docs/operations.md#")


def test_an_end_has_the_runbook_of_its_begin() -> None:
    assert runbook(OperatorEvent.CARRIER_UP) == runbook(OperatorEvent.CARRIER_DOWN) == "docs/operations.md#carrier-down"


def test_every_alarm_has_an_end_of_its_own_words() -> None:
    ends = {terms.recovers_as for terms in ALARMS.values()}
    assert not ends & ALARMS.keys()
    told = {OperatorEvent.BREAKER_HALF_OPEN, OperatorEvent.CONFIG_RELOADED, OperatorEvent.CONFIG_REFUSED}
    assert ends | ALARMS.keys() | told == set(OperatorEvent)


def test_an_events_data_begins_with_what_it_is_about() -> None:
    kind = OperatorEvent.DISK_LOW
    data = event_data(kind, "/var/lib/sluice", 1_800_000_000_000, {"free_bytes": 7}, alarm=kind)
    assert list(data) == ["alarm", "subject", "since", "words", "runbook", "free_bytes"]
    assert data["since"] == "2027-01-15T08:00:00.000Z"
    assert "alarm" not in event_data(OperatorEvent.CONFIG_RELOADED, "configuration", 0, {})
