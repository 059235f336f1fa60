"""Dates in receipts that are written with something between their digits, as the digits that protocol.times reads.

Where day and month may be either (`09/03/2026`), or the year as well (`09/03/26`), nothing is guessed: the date is left
as it is, and read by nobody.
"""

import re

from protocol.times import parse_receipt_date

_ZONE = r"(?: ?(?:(?P<utc>Z|UTC|GMT)(?![A-Za-z+-])|(?P<sign>[-+])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2})))?"
_MARKED = re.compile(
    r"(?<![0-9])(?P<century>20)?(?P<year>[0-9]{2})(?P<mark>[-/.])(?P<month>[0-9]{2})(?P=mark)(?P<day>[0-9]{2})"
    r"[T ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,][0-9]+)?)?"
    rf"{_ZONE}(?![0-9])"
)
_PLAIN = re.compile(
    r"(?<=date:)(?P<century>20)?(?P<year>[0-9]{2})(?P<month>[0-9]{2})(?P<day>[0-9]{2})[T ]?"
    r"(?P<hour>[0-9]{2}):?(?P<minute>[0-9]{2})(?::?(?P<second>[0-9]{2}))?"
    rf"{_ZONE}(?![0-9A-Za-z+:-])",
    re.IGNORECASE,
)
_BEHIND_KEY = re.compile(r"(?<=date)\s*+:\s*+(?=[0-9])", re.IGNORECASE)
_ODD = re.compile(r"[0-9](?:[-/.][0-9]{2}[-/.]|[Tt ][0-9]| ?[-+][0-9]|:[0-9]| ?(?:Z|UTC|GMT))")


def with_digits(text: str) -> str:
    """The text with its dates as receipts write them; those with a zone as SMPP times (SMPP 3.4 §7.1.1)."""
    if _ODD.search(text) is None:
        return text
    return _PLAIN.sub(_digits, _BEHIND_KEY.sub(":", _MARKED.sub(_digits, text)))


def _digits(found: re.Match[str]) -> str:
    if found[0].isdigit():
        # As they are meant to be: which date they are is no matter of what stands between them.
        return found[0]
    if (date := _date(found)) is None:
        return found[0]
    (year, month, day), (hour, minute) = date, found.group("hour", "minute")
    second, sign = found["second"], found["sign"]
    if found["utc"] is None and sign is None:
        if found["century"] is None and second is None:
            return f"{year}{month}{day}{hour}{minute}"
        return f"20{year}{month}{day}{hour}{minute}{second or '00'}"
    quarters = int(found["hours"]) * 4 + int(found["minutes"]) // 15 if sign else 0
    return f"{year}{month}{day}{hour}{minute}{second or '00'}0{quarters:02}{sign or '+'}"


def _date(found: re.Match[str]) -> tuple[str, str, str] | None:
    """Year, month and day: so with a century or hyphens (ISO 8601), else in the only order that is valid."""
    one, two, three = found.group("year", "month", "day")
    if found["century"] is not None or found.groupdict().get("mark") not in {"/", "."}:
        return one, two, three
    orders = {(one, two, three), (three, two, one), (three, one, two)}
    valid = [order for order in orders if parse_receipt_date(f"{''.join(order)}0000") is not None]
    return valid[0] if len(valid) == 1 else None
