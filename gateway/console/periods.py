"""From when to when a page looks: quick picks by the visitor's own clock, or two times typed in.

The browser says which time zone it is in (messages.js fills in the field `zone`); without JavaScript all is UTC.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import NamedTuple

from gateway.rules.timestamps import rfc3339
from gateway.settings.time_zones import zone_named

_TYPED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?", re.ASCII)


class When(StrEnum):
    """The quick picks; what stands in the field `when`."""

    ANY = "any"
    HOUR = "hour"
    TODAY = "today"
    YESTERDAY = "yesterday"
    BETWEEN = "between"


QUICK = {When.ANY: "Any time", When.HOUR: "Last hour", When.TODAY: "Today", When.YESTERDAY: "Yesterday"}
"""Those that need one click, and how they are called."""


class Period(NamedTuple):
    """`after` and `before` as RFC 3339 where they are known; what was typed and is no time stays as it is."""

    when: When
    after: str | None
    before: str | None


def read(given: Mapping[str, str], now_ms: int) -> Period:
    """The period that a form asks for. A pick that is not known counts as none."""
    zone = _zone(given.get("zone", ""))
    after, before = given.get("after", ""), given.get("before", "")
    word = given.get("when", "")
    # No pick at all, and times typed in: a form that was sent by Enter, or an address that somebody wrote.
    when = When(word) if word in set(When) else When.BETWEEN if after or before else When.ANY
    if when is When.BETWEEN:
        return Period(When.BETWEEN, _typed(after, zone), _typed(before, zone))
    if when is When.ANY:
        return Period(when, None, None)
    if when is When.HOUR:
        return Period(when, rfc3339(now_ms - 3_600_000), None)
    today = datetime.fromtimestamp(now_ms / 1000, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if when is When.TODAY:
        return Period(when, _utc(today), None)
    # The day before by the calendar: one on which clocks change has not 24 hours.
    yesterday = datetime.combine(today.date() - timedelta(days=1), today.time(), today.tzinfo)
    return Period(when, _utc(yesterday), _utc(today))


def as_typed(text: str) -> str:
    """What a field of date and time can show again; empty where it is something else."""
    return text if _TYPED.fullmatch(text) is not None else ""


def _typed(text: str, zone: tzinfo) -> str | None:
    """Of what a field of date and time gives (`2026-11-22T09:30`), by the visitor's clock."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return _utc(moment if moment.tzinfo else moment.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        return text


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _zone(name: str) -> tzinfo:
    return zone_named(name) or UTC
