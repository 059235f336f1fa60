"""Times on the wire: SMPP's absolute and relative times (SMPP 3.4 §7.1.1) and the dates that receipts carry.

A naive datetime is in the carrier's zone, which only its settings know; `to_utc_ms` joins the two.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_SMPP_TIME = re.compile(r"([0-9]{12})([0-9])([0-9]{2})([-+R])")
_DIGITS = re.compile(r"[0-9]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_SECONDS_FROM, _ZEROS_TO, _SECONDS_TO = "1500000000", "1600000000", "2000000000"
"""2017 to 2033. What is no date behind `16` to `19` was none of these years with zeros for a month; behind `15` it may
have been, unless its month is beyond 12."""
_DAYS_OF_YEAR = 365
_DAYS_OF_MONTH = 30


def parse_smpp_time(text: str) -> datetime | timedelta | None:
    """An absolute time (aware), a relative one (a year counts 365 days, a month 30) or None if it is neither."""
    found = _SMPP_TIME.fullmatch(text)
    if found is None:
        return None
    digits, tenths, quarters, kind = found.groups()
    if kind == "R":
        years, months, days, hours, minutes, seconds = (int(digits[at : at + 2]) for at in range(0, 12, 2))
        return timedelta(
            days=years * _DAYS_OF_YEAR + months * _DAYS_OF_MONTH + days, hours=hours, minutes=minutes, seconds=seconds
        )
    local = _datetime(f"20{digits}")
    if local is None or int(quarters) > 48:
        return None
    offset = timedelta(minutes=15 * int(quarters))
    return local.replace(microsecond=int(tenths) * 100_000, tzinfo=timezone(offset if kind == "+" else -offset))


def format_relative(seconds: float) -> str:
    """A span as an SMPP relative time, whole seconds. Raises ValueError unless it is 0 to 99 years.

    Up to 31 days are written as days, because how long a month is SMSCs decide on their own.
    """
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    years = months = 0
    if days > 31:
        years, days = divmod(days, _DAYS_OF_YEAR)
        months, days = divmod(days, _DAYS_OF_MONTH)
    if seconds < 0 or years > 99:
        raise ValueError(f"{seconds} seconds are no SMPP relative time")
    return f"{years:02}{months:02}{days:02}{hour:02}{minute:02}{second:02}000R"


def format_absolute(seconds: int) -> str:
    """Seconds since 1970 UTC as an SMPP absolute time, told in UTC. Raises ValueError from the year 2100 on."""
    moment = datetime.fromtimestamp(seconds, UTC)
    if moment.year >= 2100:
        raise ValueError(f"{seconds} seconds are no SMPP absolute time, whose years have two digits")
    return moment.strftime("%y%m%d%H%M%S000+")


def parse_receipt_date(text: str) -> datetime | None:
    """The date of a receipt, naive unless it says its zone; None for zeros and for what is no date.

    Digits decide: 10 are YYMMDDhhmm or, where that is no date and may be one of these years, seconds since 1970; 12
    YYMMDDhhmmss or, where that is no date, YYYYMMDDhhmm; 13 milliseconds since 1970; 14 YYYYMMDDhhmmss; 16 characters
    an SMPP absolute time.
    """
    length = len(text)
    if length == 16:
        moment = parse_smpp_time(text)
        return moment if isinstance(moment, datetime) else None
    if _DIGITS.fullmatch(text) is None:
        return None
    if length == 10:
        moment = _datetime(f"20{text}")
        if moment is None and _SECONDS_FROM <= text < _SECONDS_TO and (text >= _ZEROS_TO or text[2:4] > "12"):
            moment = _EPOCH + timedelta(seconds=int(text))
        return moment
    if length == 12:
        return _datetime(f"20{text}") or _datetime(text)
    if length == 13:
        return _EPOCH + timedelta(milliseconds=int(text)) if int(text) else None
    if length == 14:
        return _datetime(text)
    return None


def _datetime(digits: str) -> datetime | None:
    """YYYYMMDDhhmm[ss]; digits only, because fromisoformat knows more shapes. It costs a fifth of six int()."""
    try:
        return datetime.fromisoformat(f"{digits[:8]}T{digits[8:]}")
    except ValueError:
        return None


def to_utc_ms(moment: datetime, zone: tzinfo) -> int:
    """Milliseconds since 1970 UTC; a naive moment is in `zone`."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    return (aware - _EPOCH) // _MILLISECOND
