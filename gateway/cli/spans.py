"""Times as people type them: `2h` ago, or a time of the API."""

import re
from datetime import UTC, datetime, timedelta

_SPAN = re.compile(r"(\d{1,6})(s|m|h|d)\Z")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment_before(text: str | None, now: datetime) -> str | None:
    """RFC 3339 of what was typed; None of None. Raises ValueError, in words, for what is neither span nor time."""
    if text is None:
        return None
    span = _SPAN.match(text)
    try:
        at = datetime.fromisoformat(text) if span is None else now - timedelta(**{_UNITS[span[2]]: int(span[1])})
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no time; write 30m, 2h, 3d, or 2026-11-21T18:00:00Z") from None
    # A time without a zone is UTC, as all that the tables show.
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
