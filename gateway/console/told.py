"""What one step of a message's story is: kind, mood and words; and lengths of time as a story tells them. Pure."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a step is about: its icon."""

    ACCEPTED = "accepted"
    WAITING = "waiting"
    SUBMIT = "submit"
    ANSWER = "answer"
    RETRY = "retry"
    DOUBT = "doubt"
    RECEIPT = "receipt"
    QUESTION = "question"
    WEBHOOK = "webhook"
    BY_HAND = "by_hand"
    END = "end"


class Mood(StrEnum):
    """How good that is: its colour, and in words for those who see none."""

    GOOD = "good"
    CALM = "calm"
    WARN = "warn"
    BAD = "bad"


class Told(NamedTuple):
    """One step as it is shown."""

    at: str
    kind: Kind
    mood: Mood
    title: str
    words: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    """Names and codes as the carrier or the endpoint gave them."""
    then: tuple[str, str] | None = None
    """A time to come, and what it is: ("Tried again at", "2026-11-21T18:04:05.123Z")."""
    raw: str | None = None
    since: str = ""
    """Time since the step before: `38 ms`."""
    is_long: bool = False
    """That this time is worth a look."""
    is_timed: bool = True
    """False: when it came to that is not known; `at` is the time of what it belongs to."""


def span(seconds: float) -> str:
    """A length of time, as exact as the eye wants it: `38 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    if seconds < 1:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def between(start: str, end: str) -> float:
    """Seconds from one time to another."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
