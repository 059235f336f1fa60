"""Quick picks and typed times, by the clocks of whoever looks."""

import pytest

from gateway.console.periods import Period, When, as_typed, read
from gateway.rules.timestamps import parse_rfc3339

NOW = parse_rfc3339("2026-11-22T00:30:00Z")
assert NOW is not None


def test_without_a_pick_there_is_no_period() -> None:
    assert read({}, NOW) == Period(When.ANY, None, None)
    assert read({"when": "any", "after": "2026-11-01T00:00"}, NOW) == Period(When.ANY, None, None)
    assert read({"when": "next year"}, NOW) == Period(When.ANY, None, None)


def test_the_last_hour_goes_back_from_now() -> None:
    assert read({"when": "hour"}, NOW) == Period(When.HOUR, "2026-11-21T23:30:00.000Z", None)


@pytest.mark.parametrize(
    ("zone", "after"),
    [
        ("", "2026-11-22T00:00:00.000Z"),
        ("Europe/Madrid", "2026-11-21T23:00:00.000Z"),
        ("America/New_York", "2026-11-21T05:00:00.000Z"),
        ("No/Such", "2026-11-22T00:00:00.000Z"),
        ("../../etc/passwd", "2026-11-22T00:00:00.000Z"),
        ("x" * 100, "2026-11-22T00:00:00.000Z"),
    ],
)
def test_today_begins_at_the_visitors_midnight(zone: str, after: str) -> None:
    assert read({"when": "today", "zone": zone}, NOW) == Period(When.TODAY, after, None)


def test_yesterday_is_a_day_of_the_calendar_also_when_clocks_change() -> None:
    after_the_change = parse_rfc3339("2026-10-26T10:00:00Z")
    assert after_the_change is not None
    found = read({"when": "yesterday", "zone": "Europe/Madrid"}, after_the_change)
    assert found == Period(When.YESTERDAY, "2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z")


def test_typed_times_are_by_the_visitors_clock_and_either_may_be_missing() -> None:
    typed = {"after": "2026-07-01T09:00", "zone": "Europe/Madrid"}
    assert read(typed, NOW) == Period(When.BETWEEN, "2026-07-01T07:00:00.000Z", None)
    assert read({"when": "between", "before": "2026-01-01T09:00"}, NOW) == Period(
        When.BETWEEN, None, "2026-01-01T09:00:00.000Z"
    )


@pytest.mark.parametrize("text", ["yesterday", "0001-01-01T00:00", "9999-12-31T23:59"])
def test_what_is_no_time_is_left_for_the_desk_to_refuse(text: str) -> None:
    """Or is told as a time that nobody has messages of."""
    found = read({"after": text, "zone": "Pacific/Kiritimati"}, NOW)
    assert found.after is not None


def test_a_pick_goes_before_times_that_were_left_in_the_form() -> None:
    assert read({"when": "hour", "after": "2026-07-01T09:00"}, NOW).when is When.HOUR


def test_only_what_a_field_of_time_can_show_is_put_back_into_it() -> None:
    assert as_typed("2026-07-01T09:00") == "2026-07-01T09:00"
    assert as_typed("<b>") == ""
