"""A message's timeline told as a story: its steps by time, each with the time since the one before.

Pure: from the story that the desk gives (gateway/desk/messages.py). How each kind of step reads is tellers.py's; what
can be done about it stands on the page.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from gateway.console.tellers import tell
from gateway.console.told import Told, between, span

LONG_GAP_S = 60.0
"""From this on the time since the step before is what one looks for, and stands out."""
_CHAPTER = 20
_MIDDLE = 200
"""A step takes 0.05 ms to render, and a page is rendered in one go."""


def told(story: Mapping[str, Any]) -> list[Told]:
    """The whole story, oldest first."""
    steps = [piece for step in story["timeline"] for piece in tell(step, story)]
    # An answer has its own time: a receipt or another part may have come before it.
    steps.sort(key=lambda piece: datetime.fromisoformat(piece.at))
    return list(_with_gaps(steps))


class Chapters(NamedTuple):
    """A story in three: a short one is all beginning; the middle of a long one is told to who wants to hear it."""

    beginning: Sequence[Told]
    left_out: int
    """Steps between the beginning and the middle that the page does not tell."""
    middle: Sequence[Told]
    end: Sequence[Told]


def chapters_of(steps: Sequence[Told]) -> Chapters:
    """Of a message that was tried for a day, as much as a page can hold."""
    if len(steps) <= 3 * _CHAPTER:
        return Chapters(steps, 0, (), ())
    middle = steps[_CHAPTER:-_CHAPTER]
    left_out = max(0, len(middle) - _MIDDLE)
    return Chapters(steps[:_CHAPTER], left_out, middle[left_out:], steps[-_CHAPTER:])


def _with_gaps(steps: Sequence[Told]) -> Iterator[Told]:
    before: str | None = None
    for step in steps:
        if not step.is_timed:
            yield step
            continue
        gap = 0.0 if before is None else between(before, step.at)
        yield step._replace(since="" if before is None else span(gap), is_long=gap >= LONG_GAP_S)
        before = step.at
