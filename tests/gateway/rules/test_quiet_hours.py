"""When quiet hours end: by the clock of the recipient's zone, whatever that clock does."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import timezone

from gateway.rules.quiet_hours import NO_QUIET_HOURS, Calendar, QuietHours, zones_of
from gateway.settings import Lane
from gateway.settings.countries import CountryRules, Weekday

PROMOTIONAL = Lane.model_validate({"name": "promotional", "priority": 3, "quiet_hours": "respect"})
MINUTE = 60_000
ZONES = [
    "Europe/Madrid", "America/New_York", "America/St_Johns", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia",
    "America/Sao_Paulo", "Africa/Casablanca", "Asia/Tehran", "America/Havana", "UTC",
]  # fmt: skip
HANDSETS = {"US": "+12125550123", "FR": "+33612345678", "IN": "+919812345678", "ZA": "+27821234567"}


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def shown(at: int | None) -> str | None:
    return None if at is None else (datetime(1970, 1, 1) + timedelta(milliseconds=at)).isoformat()


def quiet_hours(**countries: dict[str, Any]) -> QuietHours:
    return QuietHours({code: CountryRules.model_validate(one) for code, one in countries.items()}, [PROMOTIONAL])


def opens(country: str, now: str, number: str | None = None, **rules: Any) -> str | None:
    return shown(quiet_hours(**{country: rules}).opens_at(ms(now), number or HANDSETS[country], country))


@pytest.mark.parametrize(
    ("country", "now", "rules", "expected"),
    [
        ("US", "2027-01-15T12:59:59", {"quiet_hours": "21:00-08:00"}, "2027-01-15T13:00:00"),
        ("US", "2027-01-15T13:00:00", {"quiet_hours": "21:00-08:00"}, None),
        ("US", "2027-01-16T01:59:59", {"quiet_hours": "21:00-08:00"}, None),
        ("US", "2027-01-16T02:00:00", {"quiet_hours": "21:00-08:00"}, "2027-01-16T13:00:00"),
        # The clock is set an hour ahead in that night, and back in the other.
        ("US", "2027-03-14T03:00:00", {"quiet_hours": "21:00-08:00"}, "2027-03-14T12:00:00"),
        ("US", "2027-11-07T03:00:00", {"quiet_hours": "21:00-08:00"}, "2027-11-07T13:00:00"),
        # 02:30 is not shown in the first of these nights: 03:00 follows 02:00.
        ("US", "2027-03-14T06:30:00", {"quiet_hours": "21:00-02:30"}, "2027-03-14T07:00:00"),
        # 01:30 is shown twice in the other: what the clock shows decides, so it is quiet again in between.
        ("US", "2027-11-07T05:00:00", {"quiet_hours": "21:00-01:30"}, "2027-11-07T05:30:00"),
        ("US", "2027-11-07T06:00:00", {"quiet_hours": "21:00-01:30"}, "2027-11-07T06:30:00"),
        # Within a day.
        ("US", "2027-01-15T18:00:00", {"quiet_hours": "12:00-14:00"}, "2027-01-15T19:00:00"),
        ("US", "2027-01-15T16:00:00", {"quiet_hours": "12:00-14:00"}, None),
        # Saturday night, Sunday, and a holiday on the Monday.
        ("FR", "2027-05-01T21:00:00", {"quiet_hours": "22:00-08:00", "quiet_days": ["sunday"]}, "2027-05-03T06:00:00"),
        ("FR", "2027-05-02T10:00:00", {"quiet_days": ["sunday"]}, "2027-05-02T22:00:00"),
        ("FR", "2027-05-16T10:00:00",
         {"quiet_hours": "22:00-08:00", "quiet_days": ["sunday"], "quiet_dates": ["2027-05-17"]},
         "2027-05-18T06:00:00"),
        ("FR", "2028-05-01T12:00:00", {"quiet_dates": ["05-01"]}, "2028-05-01T22:00:00"),
        ("FR", "2028-05-17T12:00:00", {"quiet_dates": ["2027-05-17"]}, None),
        # A day's hours are those of its own clock.
        ("ZA", "2027-01-16T12:00:00",
         {"quiet_hours": "20:00-08:00", "quiet_hours_on": {"saturday": "13:00-09:00"}, "quiet_days": ["sunday"]},
         "2027-01-18T06:00:00"),
        ("ZA", "2027-01-16T06:30:00",
         {"quiet_hours": "20:00-08:00", "quiet_hours_on": {"saturday": "13:00-09:00"}}, "2027-01-16T07:00:00"),
        ("IN", "2027-01-15T18:00:00", {"quiet_hours": "21:00-09:00"}, "2027-01-16T03:30:00"),
    ],
)  # fmt: skip
def test_they_end_when_the_recipients_clock_says_so(
    country: str, now: str, rules: dict[str, Any], expected: str | None
) -> None:
    assert opens(country, now, **rules) == expected


def test_each_place_has_its_own_time() -> None:
    night = {"quiet_hours": "21:00-08:00"}
    assert opens("US", "2027-01-16T03:00:00", "+12125550123", **night) == "2027-01-16T13:00:00"
    assert opens("US", "2027-01-16T03:00:00", "+14155550123", **night) is None


def test_a_number_that_may_be_in_several_zones_waits_for_all() -> None:
    """A toll-free number of +1: from Guam, ten hours ahead of UTC, to Adak, ten behind."""
    night = {"quiet_hours": "21:00-08:00"}
    assert opens("US", "2027-01-15T18:00:00", "+18005551212", **night) == "2027-01-15T22:00:00"
    assert opens("US", "2027-01-15T22:00:00", "+18005551212", **night) is None
    # 21:00 in St. John's.
    assert opens("US", "2027-01-16T00:30:00", "+18005551212", **night) == "2027-01-16T22:00:00"


def test_where_no_hour_is_allowed_in_all_of_its_zones_the_countrys_own_decides() -> None:
    rules = {"quiet_hours": "12:00-10:00", "time_zone": "America/New_York"}
    assert opens("US", "2027-01-15T12:00:00", "+18005551212", **rules) == "2027-01-15T15:00:00"
    assert opens("US", "2027-01-15T15:30:00", "+18005551212", **rules) is None


def test_where_a_number_tells_no_zone_the_countrys_own_holds_or_all_of_its_calling_code() -> None:
    assert zones_of("+9999999999", None) == ()
    named = CountryRules.model_validate({"quiet_days": ["sunday"], "time_zone": "Asia/Kolkata"})
    assert [zone.key for zone in Calendar("IN", named).own_zones] == ["Asia/Kolkata"]
    unnamed = CountryRules.model_validate({"quiet_days": ["sunday"]})
    assert [zone.key for zone in Calendar("FR", unnamed).own_zones] == ["Europe/Paris"]
    assert [zone.key for zone in Calendar("XX", unnamed).own_zones] == ["UTC"]


def test_nothing_is_quiet_where_nothing_is_said() -> None:
    assert NO_QUIET_HOURS.lanes == frozenset()
    assert quiet_hours(ES={"alphanumeric": "allowed"}).lanes == frozenset()
    quiet = quiet_hours(FR={"quiet_days": ["sunday"]})
    assert quiet.lanes == {"promotional"}
    assert (quiet.may_be_quiet("+33612345678"), quiet.may_be_quiet("+34600000001")) == (True, False)
    sunday = ms("2027-05-02T10:00:00")
    assert quiet.opens_at(sunday, "+34600000001", "ES") is None
    assert quiet.opens_at(sunday, "+1234567890", None) is None
    assert quiet.zones("+33612345678", "FR") == ["Europe/Paris"]
    assert quiet.zones("+34600000001", "ES") == []


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_the_zones_of_a_number_are_those_that_the_library_has(region: str) -> None:
    for kind in phonenumbers.PhoneNumberType.values():
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        found = {zone.key for zone in zones_of(number, phonenumbers.region_code_for_number(example))}
        assert found == set(timezone.time_zones_for_number(example)) - {timezone.UNKNOWN_TIMEZONE}, number


def test_zones_that_the_machine_leaves_out_are_known_all_the_same() -> None:
    """Debian 13 and Ubuntu 24.04 have no Asia/Calcutta, a small container no zones at all."""
    program = "from gateway.rules.quiet_hours import zones_of; print(zones_of('+919812345678', 'IN')[0].key)"
    environment = {**os.environ, "PYTHONTZPATH": ""}
    told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout == "Asia/Calcutta\n"


spans = (
    st.tuples(st.integers(0, 1439), st.integers(0, 1439))
    .filter(lambda ends: ends[0] != ends[1])
    .map(lambda ends: f"{ends[0] // 60:02}:{ends[0] % 60:02}-{ends[1] // 60:02}:{ends[1] % 60:02}")
)
rules_of_any_kind = st.fixed_dictionaries(
    {"time_zone": st.sampled_from(ZONES)},
    optional={
        "quiet_hours": spans,
        "quiet_hours_on": st.dictionaries(st.sampled_from(list(Weekday)), spans, max_size=2),
        "quiet_days": st.lists(st.sampled_from(list(Weekday)), max_size=3),
        "quiet_dates": st.lists(st.sampled_from(["03-14", "03-28", "10-31", "11-07", "2027-04-04"]), max_size=2),
    },
)
# Nights in which some of these clocks are set are as likely as all others.
moments = st.one_of(
    st.integers(ms("2026-01-01"), ms("2030-01-01")),
    st.builds(
        lambda day, offset: ms(day) + offset * MINUTE,
        st.sampled_from(["2027-03-14", "2027-03-28", "2027-10-31", "2027-11-07", "2027-04-04", "2027-10-03"]),
        st.integers(-1440, 2 * 1440),
    ),
)


@given(rules_of_any_kind, moments)
def test_the_opening_is_never_inside_quiet_hours_and_is_the_first_such_moment(rules: dict[str, Any], now: int) -> None:
    calendar = Calendar("US", CountryRules.model_validate(rules))
    zones = calendar.own_zones
    opening = calendar.opens_at(now, zones)
    assert (opening is None) is not calendar.is_quiet(now, zones)
    if opening is None:
        return
    assert opening > now
    assert not calendar.is_quiet(opening, zones)
    assert calendar.is_quiet(opening - 1, zones)
    # Whatever changes, changes at a whole minute of these zones.
    first_minute = now // MINUTE * MINUTE + MINUTE
    assert all(
        calendar.is_quiet(at, zones) for at in range(first_minute, min(opening, now + 4 * 1440 * MINUTE), MINUTE)
    )


@given(spans, st.lists(st.sampled_from(ZONES), min_size=2, max_size=4, unique=True), moments)
def test_of_several_zones_the_opening_is_the_first_moment_that_all_of_them_allow(
    span: str, names: list[str], now: int
) -> None:
    calendar = Calendar("US", CountryRules.model_validate({"quiet_hours": span, "time_zone": names[0]}))
    zones = tuple(map(ZoneInfo, names))
    opening = calendar.opens_at(now, zones)
    first_minute = now // MINUTE * MINUTE + MINUTE
    minutes = [now, *range(first_minute, first_minute + 2 * 1440 * MINUTE, MINUTE)]
    allowed = next((at for at in minutes if not calendar.is_quiet(at, zones)), None)
    if allowed is not None:
        assert opening == (None if allowed == now else allowed)
    else:
        # Seldom later, when clocks are set; else the country's own zone decides.
        deciding = zones if opening is not None and not calendar.is_quiet(opening, zones) else calendar.own_zones
        assert not calendar.is_quiet(now if opening is None else opening, deciding)


@given(rules_of_any_kind, st.lists(moments, min_size=2, max_size=6))
def test_what_is_remembered_of_one_moment_says_nothing_false_of_another(
    rules: dict[str, Any], times: list[int]
) -> None:
    model = CountryRules.model_validate(rules)
    remembering = Calendar("US", model)
    zones = remembering.own_zones
    near = [at + step for at in times for step in (0, 1, 90 * MINUTE)]
    assert [remembering.opens_at(at, zones) for at in near] == [
        Calendar("US", model).opens_at(at, zones) for at in near
    ]
