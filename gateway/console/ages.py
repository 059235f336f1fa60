"""How long ago and how far off times of the API are, as the pages say it. Pure."""

from gateway.rules.timestamps import parse_rfc3339


def rough(seconds: float) -> str:
    """`12 s`, `3 min`, `2 h 5 min`, `4 d 3 h`: as exact as one glance is."""
    if seconds < 60:
        return f"{max(seconds, 0):.0f} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    days, hours_of_day = divmod(hours, 24)
    if days:
        return f"{days} d {hours_of_day} h"
    return f"{hours} h {rest} min" if hours else f"{minutes} min"


def age(since: str | None, now_ms: int) -> str | None:
    """How long ago it was; None: there is no time."""
    at = None if since is None else parse_rfc3339(since)
    return None if at is None else rough((now_ms - at) / 1000)


def until(then: str | None, now_ms: int) -> str | None:
    """How far off it is; None: there is no time, or it has come."""
    at = None if then is None else parse_rfc3339(then)
    return None if at is None or at <= now_ms else rough((at - now_ms) / 1000)
