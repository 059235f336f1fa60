"""Times as callers see and write them: RFC 3339, milliseconds since the Unix epoch inside."""

import re
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
LATEST_MS = 253_402_300_799_999
"""The last of the year 9999; RFC 3339 writes no later one."""
_FRACTIONS = [f".{milliseconds:03d}Z" for milliseconds in range(1000)]
# The zone is required: a local time would be read by another clock than the one it was written by.
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


@lru_cache(maxsize=1024)
def rfc3339(at_ms: int) -> str:
    """`2026-11-21T18:04:05.123Z` for wall-clock milliseconds, LATEST_MS at most; one commit shares most of them."""
    return _to_the_second(at_ms // 1000) + _FRACTIONS[at_ms % 1000]


def time_or_none(at_ms: int | None) -> str | None:
    """A time as callers see it; None where there is none."""
    return None if at_ms is None else rfc3339(at_ms)


@lru_cache(maxsize=4096)
def _to_the_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def parse_rfc3339(text: str) -> int | None:
    """Milliseconds of a time with its zone (`Z` or an offset); None when the text is no such time."""
    if len(text) > 64 or _TIME.fullmatch(text) is None:
        return None
    try:
        return (datetime.fromisoformat(text.upper()) - _EPOCH) // _MILLISECOND
    except ValueError:
        return None
