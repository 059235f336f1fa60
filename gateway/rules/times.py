"""When a message may be sent: its schedule, and how long it stays valid. How times are spelled is timestamps.py's.

Times are wall-clock milliseconds.
"""

from typing import Any

from gateway.rules.faults import Fault, FaultCode
from gateway.rules.timestamps import parse_rfc3339
from gateway.rules.values import LARGEST_INTEGER, type_fault

_EXAMPLE = "2026-11-21T18:04:05Z"


def read_time(value: Any) -> int | Fault:
    """A time with its zone."""
    if type(value) is not str:
        return type_fault(value, "a time")
    at = parse_rfc3339(value)
    return _not_a_time("a time") if at is None else at


def scheduled_at(value: Any, *, now_ms: int, ahead_ms: int) -> int | Fault:
    """The time that a `schedule` names."""
    at = read_time(value)
    if isinstance(at, Fault):
        return at
    if at < now_ms:
        return Fault("is in the past", FaultCode.IN_THE_PAST)
    if at > now_ms + ahead_ms:
        return Fault(f"is more than {_in_words(ahead_ms)} ahead", FaultCode.TOO_FAR_AHEAD)
    return at


def expires_at(value: Any, *, starts_ms: int, scheduled: bool, longest_ms: int) -> int | Fault:
    """When a message with this `validity` ends: seconds from `starts_ms` (its schedule, or now), or a time."""
    if type(value) is int and -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        if value < 1:
            return Fault("must be 1 second or more", FaultCode.TOO_SMALL)
        at = starts_ms + value * 1000
    elif type(value) is str:
        found = parse_rfc3339(value)
        if found is None:
            return _not_a_time("whole seconds or a time")
        if found <= starts_ms:
            if scheduled:
                return Fault("is not after the schedule", FaultCode.BEFORE_SCHEDULE)
            return Fault("is in the past", FaultCode.IN_THE_PAST)
        at = found
    else:
        return type_fault(value, "whole seconds or a time") if type(value) is not float else _no_fractions()
    if at > starts_ms + longest_ms:
        return Fault(f"is too long: {_in_words(longest_ms)} are the most", FaultCode.TOO_LARGE)
    return at


def _not_a_time(wanted: str) -> Fault:
    return Fault(f"is not {wanted}: write it with its zone, such as {_EXAMPLE}", FaultCode.NOT_A_TIME)


def _no_fractions() -> Fault:
    return Fault("must be whole seconds or a time, not a fraction", FaultCode.WRONG_TYPE)


def _in_words(duration_ms: int) -> str:
    """In the largest unit that leaves no fraction; days only from two on."""
    seconds = duration_ms // 1000
    for unit, scale in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds % scale == 0 and seconds >= 2 * scale:
            return f"{seconds // scale} {unit}"
    return f"{seconds} seconds"
