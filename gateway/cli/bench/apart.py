"""Which messages came, told apart by their numbers, at the carrier and at the sink.

While a run is measured a message costs them next to nothing: what they read is kept as it is, and looked at when asked.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from mmap import mmap
from typing import Any

from gateway.cli.bench.requests import NUMBERS, number

MOST_READ = 65_536
"""Octets, by who keeps what was read: well below what malloc maps by itself, since each piece would stay a mapping, of
which a process has 65,530."""
_MOST_OCTETS = 1 << 27
"""Kept until it is looked at without being asked: more than a run of any row but the long ones brings."""
Span = tuple[int, int]
"""Numbers from the first up to the one before the second."""


@dataclass(frozen=True, slots=True)
class Apart:
    """What came of the messages that were handed in; the examples are numbers, empty where there is none."""

    missing: int = 0
    first_missing: str = ""
    again: int = 0
    """How many came that had come before."""
    first_again: str = ""
    strange: int = 0
    """How many are of no message that was handed in."""
    unasked: int = 0
    """How many came of a kind that was not asked for, whichever message they are of."""


class Seen:
    """Numbers that came."""

    def __init__(self) -> None:
        self._seen = mmap(-1, NUMBERS)
        """An octet for each, 1 where it came; a page of it takes memory once one of its numbers comes."""
        self._again: list[int] = []
        self._different = 0

    @property
    def count(self) -> int:
        """How many came in all."""
        return self._different + len(self._again)

    def add(self, n: int) -> None:
        if self._seen[n]:
            self._again.append(n)
        else:
            self._seen[n] = 1
            self._different += 1

    def apart(self, handed: Iterable[Span], whole: Iterable[Span]) -> Apart:
        """`handed`: all that were; `whole`: those that must have come by now."""
        missing, first_missing = 0, ""
        for first, end in whole:
            seen = self._seen[first:end]
            if lacking := seen.count(0):
                missing += lacking
                first_missing = first_missing or number(first + seen.index(0))
        known = sum(self._seen[first:end].count(1) for first, end in handed)
        first_again = number(self._again[0]) if self._again else ""
        return Apart(missing, first_missing, len(self._again), first_again, self._different - known)


class Came:
    """What came, of one kind or of several."""

    def __init__(self, find: Callable[[bytes], Iterable[tuple[str, bytes]]], nameless: str) -> None:
        """`find`: the kind and the digits of each message in what was read; `nameless`: the kind of one without any."""
        self._find = find
        self._nameless = nameless
        self._kept: list[bytes] = []
        self._octets = 0
        self._seen: dict[str, Seen] = {}

    def keep(self, octets: bytes) -> None:
        """What was read, whole messages alone."""
        self._kept.append(octets)
        self._octets += len(octets)
        if self._octets > _MOST_OCTETS:
            self.look()

    def look(self) -> None:
        """At what is kept: half a microsecond each."""
        kept, self._kept, self._octets = self._kept, [], 0
        for octets in kept:
            for kind, digits in self._find(octets):
                self._of(kind).add(int(digits))

    def _of(self, kind: str) -> Seen:
        seen = self._seen.get(kind)
        if seen is None:
            seen = self._seen[kind] = Seen()
        return seen

    def told(self, line: str, count: int) -> str | None:
        """The answer to a control line that `question` made; None to another. `count`: how many came in all, of every
        kind, with a number or without."""
        word, _, given = line.partition(" ")
        if word != "apart":
            return None
        self.look()
        asked = json.loads(given)
        apart = {kind: self._of(kind).apart(asked["handed"], asked["whole"]) for kind in asked["kinds"]}
        unasked = {kind: Apart(unasked=seen.count) for kind, seen in self._seen.items() if kind not in apart}
        apart |= {kind: one for kind, one in unasked.items() if one.unasked}
        if without := count - sum(seen.count for seen in self._seen.values()):
            one = apart.get(self._nameless, Apart())
            apart[self._nameless] = replace(one, strange=one.strange + without)
        return json.dumps({kind: asdict(one) for kind, one in apart.items()})


def question(handed: Sequence[Span], whole: Sequence[Span], kinds: Sequence[str]) -> str:
    """The control line that asks which came, of these kinds and of no others: see Seen.apart."""
    return f"apart {json.dumps({'handed': handed, 'whole': whole, 'kinds': kinds})}"


def answer(told: Mapping[str, Any]) -> dict[str, Apart]:
    """By kind: those that were asked for, and what came besides."""
    return {kind: Apart(**one) for kind, one in told.items()}


def lacking(messages: Apart, events: Mapping[str, Apart]) -> list[str]:
    """What may yet come, in words."""
    told = []
    if messages.missing:
        told.append(f"{messages.missing} missing at the carrier, the first to {messages.first_missing}")
    for kind, one in events.items():
        if one.missing:
            told.append(f"{one.missing} {kind} missing, the first about {one.first_missing}")
    return told


def beyond(messages: Apart, events: Mapping[str, Apart]) -> list[str]:
    """What must not have come, in words."""
    told = []
    if messages.again:
        told.append(f"{messages.again} sent twice, the first to {messages.first_again}")
    if messages.strange:
        told.append(f"{messages.strange} submit_sm of no message that was handed in")
    for kind, one in events.items():
        if one.strange:
            told.append(f"{one.strange} {kind} about no message that was handed in")
        if one.unasked:
            told.append(f"{one.unasked} {kind}, which was not asked for")
    return told
