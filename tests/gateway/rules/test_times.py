from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rules.faults import Fault, FaultCode
from gateway.rules.times import expires_at, scheduled_at
from gateway.rules.timestamps import parse_rfc3339, rfc3339

NOW = 1_795_284_245_123  # 2026-11-21T18:04:05.123Z
DAY = 86_400_000


def schedule(value: object) -> int | Fault:
    return scheduled_at(value, now_ms=NOW, ahead_ms=30 * DAY)


def validity(value: object, *, scheduled: bool = False) -> int | Fault:
    return expires_at(value, starts_ms=NOW, scheduled=scheduled, longest_ms=7 * DAY)


def code(found: int | Fault) -> FaultCode | None:
    return found.code if isinstance(found, Fault) else None


def test_times_are_rfc3339_in_utc_with_milliseconds() -> None:
    assert rfc3339(NOW) == "2026-11-21T18:04:05.123Z"
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"


@given(st.integers(0, 253_402_300_799_999))
def test_a_written_time_is_read_back(at: int) -> None:
    assert parse_rfc3339(rfc3339(at)) == at
    assert rfc3339(at).startswith(datetime.fromtimestamp(at // 1000, UTC).isoformat()[:19])


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-21T18:04:05Z", NOW - 123),
        ("2026-11-21t18:04:05.123z", NOW),
        ("2026-11-21 19:04:05.123+01:00", NOW),
        ("2026-11-21T13:04:05.1239999-05:00", NOW),
    ],
)
def test_a_time_is_read_in_its_own_zone(text: str, at: int) -> None:
    assert parse_rfc3339(text) == at


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-11-21", "2026-11-21T18:04:05", "2026-13-21T18:04:05Z", "2026-02-30T18:04:05Z",
     "2026-11-21T25:04:05Z", "1795284245", "20261121T180405Z", "2026-11-21T18:04:05+99:00",
     "٢٠٢٦-11-21T18:04:05Z", "2026-11-21T18:04:05.Z",
     "2026-11-21T18:04:05." + "1" * 100 + "Z"],
)  # fmt: skip
def test_what_is_no_time_with_a_zone_is_none(text: str) -> None:
    assert parse_rfc3339(text) is None


def test_a_schedule_lies_ahead_but_not_too_far() -> None:
    assert schedule("2026-11-21T18:04:05.123Z") == NOW
    assert schedule("2026-12-21T18:04:05.123Z") == NOW + 30 * DAY
    assert schedule("2026-11-21T18:04:05.122Z") == Fault("is in the past", FaultCode.IN_THE_PAST)
    assert schedule("2026-12-21T18:04:05.124Z") == Fault("is more than 30 days ahead", FaultCode.TOO_FAR_AHEAD)


def test_a_schedule_without_its_zone_is_no_time() -> None:
    assert code(schedule("2026-11-22T18:04:05")) is FaultCode.NOT_A_TIME
    assert code(schedule(1_795_284_245)) is FaultCode.WRONG_TYPE


def test_a_validity_is_seconds_or_a_time() -> None:
    assert validity(300) == NOW + 300_000
    assert validity("2026-11-21T18:05:05.123Z") == NOW + 60_000


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, FaultCode.TOO_SMALL),
        (-5, FaultCode.TOO_SMALL),
        (7 * 86_400 + 1, FaultCode.TOO_LARGE),
        (1 << 62, FaultCode.TOO_LARGE),
        (1 << 64, FaultCode.INTEGER_TOO_LARGE),
        (True, FaultCode.WRONG_TYPE),
        (1.5, FaultCode.WRONG_TYPE),
        (["300"], FaultCode.WRONG_TYPE),
        ("300", FaultCode.NOT_A_TIME),
        ("2026-11-21T18:04:05Z", FaultCode.IN_THE_PAST),
        ("2027-11-21T18:04:05Z", FaultCode.TOO_LARGE),
    ],
)
def test_a_validity_that_cannot_be_is_refused(value: object, expected: FaultCode) -> None:
    assert code(validity(value)) is expected


def test_a_validity_must_end_after_the_schedule() -> None:
    assert validity("2026-11-21T18:04:05Z", scheduled=True) == Fault(
        "is not after the schedule", FaultCode.BEFORE_SCHEDULE
    )


@pytest.mark.parametrize(
    ("days", "words"), [(30, "30 days"), (1, "24 hours"), (1 / 1440, "60 seconds"), (1 / 24, "60 minutes")]
)
def test_the_longest_is_told_in_a_unit_that_people_use(days: float, words: str) -> None:
    fault = expires_at(1 << 40, starts_ms=NOW, scheduled=False, longest_ms=int(days * DAY))
    assert fault == Fault(f"is too long: {words} are the most", FaultCode.TOO_LARGE)
