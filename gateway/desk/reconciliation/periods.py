"""The days or moments that a reconciliation is of, in a time zone, and how its times are written there. Pure."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from gateway.rules.timestamps import parse_rfc3339, rfc3339

SUCH_AS = "such as 2026-11-01, or a time such as 2026-11-01T00:00:00Z"
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def begin_of(text: str, zone: ZoneInfo) -> int | None:
    """Milliseconds UTC of a moment, or of the beginning of a day; None: it is neither."""
    return _moment(text, zone, days=0)


def end_of(text: str, zone: ZoneInfo) -> int | None:
    """The same of a moment, or of the end of a day, which is the beginning of the next."""
    return _moment(text, zone, days=1)


def _moment(text: str, zone: ZoneInfo, days: int) -> int | None:
    try:
        if _DATE.fullmatch(text) is None:
            at = parse_rfc3339(text)
        else:
            day = date.fromisoformat(text) + timedelta(days=days)
            at = int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1000
        if at is not None:
            # The first and the last day of the calendar can't be written in every zone.
            day_of(at, zone)
    except (ValueError, OverflowError):
        return None
    return at


def times_of(zone: ZoneInfo) -> Callable[[int], str]:
    """How milliseconds UTC are written: RFC 3339, in the zone's time with its offset."""
    if zone.key == "UTC":
        return rfc3339

    @lru_cache(maxsize=4096)
    def second(seconds: int) -> tuple[str, str]:
        text = datetime.fromtimestamp(seconds, zone).isoformat()
        return text[:19], text[19:]

    def written(at_ms: int) -> str:
        begin, offset = second(at_ms // 1000)
        return f"{begin}.{at_ms % 1000:03d}{offset}"

    return written


def utc() -> ZoneInfo:
    return ZoneInfo("UTC")


def day_of(at_ms: int, zone: ZoneInfo) -> str:
    """The zone's day, for names of files."""
    return datetime.fromtimestamp(at_ms / 1000, zone).date().isoformat()
