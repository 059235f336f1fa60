"""Times on the wire, both ways, and receipt dates in every length that SMSCs write."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.times import format_absolute, format_relative, parse_receipt_date, parse_smpp_time, to_utc_ms


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("260309081427000+", datetime(2026, 3, 9, 8, 14, 27, tzinfo=UTC)),
        ("260309081427704+", datetime(2026, 3, 9, 8, 14, 27, 700_000, timezone(timedelta(hours=1)))),
        ("260309081427021-", datetime(2026, 3, 9, 8, 14, 27, 0, timezone(timedelta(minutes=-315)))),
        ("260309081427048+", datetime(2026, 3, 9, 8, 14, 27, 0, timezone(timedelta(hours=12)))),
    ],
)
def test_absolute_time_carries_its_zone(text, moment):
    assert parse_smpp_time(text) == moment
    assert parse_receipt_date(text) == moment


@pytest.mark.parametrize(
    ("text", "span"),
    [
        # SMPP 3.4 §7.1.1.2: two years, six months, ten days, 23 hours, 34 minutes and 29 seconds.
        ("020610233429000R", timedelta(days=2 * 365 + 6 * 30 + 10, hours=23, minutes=34, seconds=29)),
        ("000000000500000R", timedelta(minutes=5)),
        ("000000000000000R", timedelta(0)),
    ],
)
def test_relative_time_is_a_span_and_no_receipt_date(text, span):
    assert parse_smpp_time(text) == span
    assert parse_receipt_date(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "260309081427",
        "260009081427000+",
        "260309081427049+",
        "26030908142700+",
        "260309081427000X",
        "x60309081427000+",
    ],
)
def test_what_is_no_smpp_time_is_none(text):
    assert parse_smpp_time(text) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "000000000000000R"),
        (59.9, "000000000059000R"),
        (300, "000000000500000R"),
        (86_399, "000000235959000R"),
        (86_400, "000001000000000R"),
        (72 * 3600, "000003000000000R"),
        (31 * 86_400, "000031000000000R"),
        (32 * 86_400, "000102000000000R"),
        (400 * 86_400 + 1, "010105000001000R"),
    ],
)
def test_relative_time_is_written_in_days_while_a_month_is_not_needed(seconds, text):
    assert format_relative(seconds) == text


@given(st.integers(0, 99 * 365 * 86_400))
def test_relative_time_comes_back(seconds):
    written = format_relative(seconds)
    assert len(written) == 16
    assert parse_smpp_time(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize("seconds", [-1, -0.5, 100 * 365 * 86_400])
def test_a_span_that_cannot_be_written_is_refused(seconds):
    with pytest.raises(ValueError, match="no SMPP relative time"):
        format_relative(seconds)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2603090814", datetime(2026, 3, 9, 8, 14)),
        ("260309081459", datetime(2026, 3, 9, 8, 14, 59)),
        ("202603090814", datetime(2026, 3, 9, 8, 14)),
        ("200101010030", datetime(2020, 1, 1, 1, 0, 30)),
        ("20260309081459", datetime(2026, 3, 9, 8, 14, 59)),
        ("1512312359", datetime(2015, 12, 31, 23, 59)),
        ("1590075164", datetime(2020, 5, 21, 15, 32, 44, tzinfo=UTC)),
        ("1773044100", datetime(2026, 3, 9, 8, 15, tzinfo=UTC)),
        ("1773044099123", datetime(2026, 3, 9, 8, 14, 59, 123_000, UTC)),
        ("9999999999999", datetime(2286, 11, 20, 17, 46, 39, 999_000, UTC)),
    ],
)
def test_receipt_date_is_told_by_its_length(text, moment):
    assert parse_receipt_date(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0000000000",
        "000000000000",
        "0000000000000",
        "00000000000000",
        "2600090814",
        "1500090814",
        "1502300814",
        "1490090814",
        "2613090814",
        "2602300814",
        "2603092514",
        "2603090860",
        "202613090814",
        "20261309081459",
        "26030908145",
        "260309081459123456",
        "whenever",
        "whenever10",
        "+603090814",
        " 603090814",
        "2_03090814",
        "٢٦٠٣٠٩٠٨١٤",
        "2026W10110",
    ],
)
def test_what_is_no_receipt_date_is_none(text):
    assert parse_receipt_date(text) is None


@given(st.one_of(st.text(max_size=20), st.text("0123456789+-R", min_size=8, max_size=17)))
def test_no_text_breaks_a_time_reader(text):
    parse_smpp_time(text)
    parse_receipt_date(text)


@pytest.mark.parametrize(
    ("moment", "milliseconds"),
    [
        (datetime(2026, 3, 9, 9, 14, 59), 1_773_044_099_000),
        (datetime(2026, 7, 9, 9, 14, 59), 1_783_581_299_000),
        (datetime(2026, 3, 9, 8, 14, 59, 123_456, UTC), 1_773_044_099_123),
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        # The hour that summer time skips, and the first of the two that it repeats.
        (datetime(2026, 3, 29, 2, 30), 1_774_747_800_000),
        (datetime(2026, 10, 25, 2, 30), 1_792_888_200_000),
    ],
)
def test_naive_moments_are_in_the_carriers_zone(moment, milliseconds):
    assert to_utc_ms(moment, ZoneInfo("Europe/Madrid")) == milliseconds


@given(st.datetimes(), st.sampled_from(["Europe/Madrid", "Asia/Kathmandu", "Pacific/Auckland", "UTC"]))
def test_every_moment_has_milliseconds(moment, zone):
    assert isinstance(to_utc_ms(moment, ZoneInfo(zone)), int)


@given(st.integers(946_684_800, 4_102_444_799))
def test_an_absolute_time_written_is_read_as_the_same_second(seconds):
    written = format_absolute(seconds)
    assert written.endswith("000+")
    assert parse_smpp_time(written) == datetime.fromtimestamp(seconds, UTC)


def test_a_year_that_two_digits_cannot_tell_is_not_written():
    with pytest.raises(ValueError, match="two digits"):
        format_absolute(4_102_444_800)
