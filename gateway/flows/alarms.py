"""Alarms: what is amiss is logged at once and told to operators, once; so is its end.

Others say, as often as they look, whether something is amiss (`judge`); how long it has to be so is the rules'. The
store keeps what was told, so that a restart tells no alarm again, and posts it as it does an account's events.
"""

import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import trio

from gateway import identifiers
from gateway.logs import quoted
from gateway.rules.alarms import ALARMS, Condition, Turn, words
from gateway.settings import Settings
from gateway.settings.alerts import Alerts, OperatorEvent
from gateway.store.alarms.interface import AlarmStore
from gateway.store.interface import StoreBusy, StoreFull

log = logging.getLogger("sluice.alarms")

GRACE_SECONDS = 30.0
"""What an earlier process raised is over when nothing has shown within this long that it is not."""
AGAIN_SECONDS = 1.0
"""Pause after a store that did not take a turn."""
MOST_NEWS = 100
"""Events that are no alarms, while the store takes none; the oldest is given up for one more."""
Name = tuple[OperatorEvent, str]
"""Of an alarm: its kind and its subject."""
Figures = Mapping[str, Any]


class Raised(NamedTuple):
    """An alarm as it is now."""

    kind: OperatorEvent
    subject: str
    since: int
    """Milliseconds."""
    figures: Figures
    """As they were when it was last looked at."""


class _Turned(NamedTuple):
    """What is still to be written; an alarm has one at most: a later turn takes the place of one not written yet."""

    since: int
    figures: Figures
    raised: bool


class Alarms:
    """One for the process; its own task writes, and nobody who judges waits for it."""

    def __init__(
        self,
        store: AlarmStore,
        alerts: Alerts | None = None,
        *,
        clock: Callable[[], float] = trio.current_time,
        now_ms: Callable[[], int] = identifiers.now_ms,
    ) -> None:
        """`clock` tells seconds that only rise, `now_ms` the time of day."""
        self._store = store
        self._well_for = (alerts or Alerts()).well_for
        self._clock = clock
        self._now_ms = now_ms
        self._conditions: dict[Name, Condition] = {}
        self._raised: dict[Name, Raised] = {}
        self._of_earlier: set[Name] = set()
        """Raised by an earlier process, and not seen to be amiss by this one."""
        self._turned: dict[Name, _Turned] = {}
        self._news: deque[tuple[OperatorEvent, str, Figures]] = deque(maxlen=MOST_NEWS)
        self._stirred = trio.Event()

    def reconfigure(self, settings: Settings) -> None:
        """Go on by new settings."""
        self._well_for = settings.alerts.well_for
        for (kind, _), condition in self._conditions.items():
            if ALARMS[kind].clear_after is None:
                condition.clear_after = self._well_for

    # --- saying how things are

    def judge(self, kind: OperatorEvent, subject: str, is_amiss: bool, figures: Figures) -> None:
        """Say whether it is amiss now, as often as you look. `figures`: plain values; no number, text or secret."""
        name = (kind, subject)
        if name in self._of_earlier:
            if not is_amiss:
                return  # It may not be seen yet, so soon after the start.
            self._of_earlier.remove(name)
        condition = self._conditions.get(name)
        if condition is None:
            if not is_amiss:
                return
            condition = self._conditions[name] = self._condition(kind)
        now = self._clock()
        since = condition.judge(is_amiss, now)
        if since is not None:
            self._turn(name, self._now_ms() - round((now - since) * 1000), figures, raised=is_amiss)
        elif is_amiss and name in self._raised:
            self._raised[name] = self._raised[name]._replace(figures=figures)
        if condition.is_at_rest:
            del self._conditions[name]

    def judge_all(self, kind: OperatorEvent, amiss: Mapping[str, Figures]) -> None:
        """These are amiss, and no other subject of this kind is."""
        for subject in [subject for known, subject in self._conditions if known is kind and subject not in amiss]:
            self.judge(kind, subject, False, {})
        for subject, figures in amiss.items():
            self.judge(kind, subject, True, figures)

    def drop(self, kind: OperatorEvent, kept: Iterable[str]) -> None:
        """Subjects that are gone, as all but these are, have nothing amiss any more."""
        left = set(kept)
        for name in [name for name in self._conditions if name[0] is kind and name[1] not in left]:
            del self._conditions[name]
            self._of_earlier.discard(name)
            if name in self._raised:
                self._turn(name, self._now_ms(), {}, raised=False)

    def tell(self, event: OperatorEvent, subject: str, figures: Figures) -> None:
        """Something that is no alarm, and has no end."""
        level = logging.WARNING if event is OperatorEvent.CONFIG_REFUSED else logging.INFO
        said = quoted(words(event, subject))
        log.log(level, "event=%s subject=%s words=%s%s", event.value, quoted(subject), said, _keys(figures))
        self._news.append((event, subject, figures))
        self._stirred.set()

    # --- how things are

    def is_raised(self, kind: OperatorEvent, subject: str) -> bool:
        return (kind, subject) in self._raised

    def raised(self) -> list[Raised]:
        """The oldest first."""
        return sorted(self._raised.values(), key=lambda alarm: alarm.since)

    def counts(self) -> dict[str, int]:
        """How many are raised, of every kind there is."""
        counted = Counter(kind.value for kind, _ in self._raised)
        return {kind.value: counted[kind.value] for kind in ALARMS}

    # --- telling

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled; what is not written by then is found and told anew by the next process."""
        for row in await self._store.alarms():
            name = (row.kind, row.subject)
            self._conditions[name] = self._condition(row.kind, is_raised=True)
            self._raised[name] = Raised(row.kind, row.subject, row.since, row.data)
            self._of_earlier.add(name)
        grace_ends_at = trio.current_time() + GRACE_SECONDS
        task_status.started()
        while True:
            with trio.move_on_at(grace_ends_at if self._of_earlier else float("inf")):
                await self._stirred.wait()
            if self._of_earlier and trio.current_time() >= grace_ends_at:
                self._forget_earlier()
            self._stirred = trio.Event()
            await self._write()

    def _condition(self, kind: OperatorEvent, *, is_raised: bool = False) -> Condition:
        terms = ALARMS[kind]
        clear_after = self._well_for if terms.clear_after is None else terms.clear_after
        return Condition(terms.raise_after, clear_after, is_raised=is_raised)

    def _forget_earlier(self) -> None:
        for name in self._of_earlier:
            del self._conditions[name]
            self._turn(name, self._now_ms(), {}, raised=False)
        self._of_earlier.clear()

    def _turn(self, name: Name, since: int, figures: Figures, *, raised: bool) -> None:
        kind, subject = name
        if raised:
            self._raised[name] = Raised(kind, subject, since, figures)
        else:
            figures = {**figures, "lasted_seconds": round((since - self._raised.pop(name).since) / 1000, 1)}
        event = kind if raised else ALARMS[kind].recovers_as
        log.log(
            logging.WARNING if raised else logging.INFO,
            "alarm=%s subject=%s state=%s words=%s%s",
            kind.value,
            quoted(subject),
            (Turn.RAISED if raised else Turn.RECOVERED).value,
            quoted(words(event, subject)),
            _keys(figures),
        )
        self._turned.pop(name, None)
        self._turned[name] = _Turned(since, figures, raised)
        self._stirred.set()

    async def _write(self) -> None:
        """All that is to be told, each as soon as the store takes it."""
        while self._turned or self._news:
            if self._turned:
                (kind, subject), turned = next(iter(self._turned.items()))
                write = partial(self._store.alarm, kind, subject, turned.since, turned.figures, raised=turned.raised)
                if await self._is_written(write) and self._turned.get((kind, subject)) is turned:
                    del self._turned[(kind, subject)]
            else:
                news = self._news[0]
                if await self._is_written(partial(self._store.tell_operator, *news)) and self._news[0] is news:
                    self._news.popleft()

    async def _is_written(self, write: Callable[[], Awaitable[object]]) -> bool:
        """False, after a pause, where it is to be tried again."""
        try:
            await write()
        except (StoreBusy, StoreFull):
            await trio.sleep(AGAIN_SECONDS)
            return False
        except Exception:
            # The one supervisor of what operators are told: the log has it, and the gateway goes on.
            log.exception("an event for operators could not be kept")
        return True


def _keys(figures: Figures) -> str:
    """Not of lists, whose lines are logged by who told them; in groups of digits, as a size in bytes would look like a
    number of somebody's."""
    plain = {key: value for key, value in figures.items() if isinstance(value, str | int | float)}
    return "".join(f" {key}={quoted(f'{v:_}' if isinstance(v, int) else v)}" for key, v in plain.items())
