"""How many of some things came within one second, wherever it begins."""

from collections.abc import Sequence


def most_in_a_second(times: Sequence[float], second: float = 1.0) -> int:
    """`times` in seconds, ascending; `second`: how long it is counted."""
    most = first = 0
    for last, time in enumerate(times):
        while time - times[first] >= second:
            first += 1
        most = max(most, last - first + 1)
    return most
