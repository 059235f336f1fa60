"""All that holds a bind back but its connection: the paces agreed, the pause and the brake after throttles, the window.

The bind asks how much may go and tells what went and what was answered; the rules are pacing.py's, braking.py's and
adaptive_window.py's. `now` in seconds.
"""

from collections import deque
from collections.abc import Sequence
from typing import TypeAlias

from gateway.carriers.adaptive_window import AdaptiveWindow
from gateway.carriers.braking import Brake
from gateway.carriers.pacing import Pace, ThrottlePause, Went
from gateway.settings.carriers import Carrier as CarrierSettings
from protocol.session_events import SubmitAnswered
from protocol.window import Window

AHEAD_SECONDS = 0.1
"""Of a paced bind: how much work it asks for in advance, to bridge a commit. More would stand before what is urgent."""

_AnyPace: TypeAlias = Pace | Brake


class Restraint:
    """How much one bind may send now."""

    def __init__(self, settings: CarrierSettings, paces: Sequence[Pace] = ()) -> None:
        """`paces`: those of the bind and of its carrier, where there is a rate."""
        self._rate = _rate_of(settings)
        self._own_rate = settings.submit_rate_per_bind or float("inf")
        self._throttle_pause = settings.throttle_pause
        self._agreed = tuple(paces)
        self._pause = ThrottlePause(settings.throttle_pause)
        self._brake = Brake(self._rate, settings.throttle_pause)
        # Nobody's, until a connection brings its own.
        self._window = Window(settings.window)
        self._adaptive = AdaptiveWindow(self._window, settings.response_timeout) if settings.adaptive_window else None
        self._away_since: float | None = None
        self.paces: tuple[_AnyPace, ...] = self._agreed
        """Those in force."""
        self._unwritten: deque[list[Went]] = deque()

    @property
    def paused_until(self) -> float:
        """When the pause ends, or ended."""
        return self._pause.until

    @property
    def limit(self) -> int:
        """How many submit_sm may be in flight at present."""
        return self._window.limit

    @property
    def is_cut(self) -> bool:
        """Whether less than the whole window is used."""
        return self._window.limit < self._window.capacity

    @property
    def is_braked(self) -> bool:
        """Whether a throttle still holds it below its configured pace."""
        return self._brake.is_on

    @property
    def has_room(self) -> bool:
        """Whether the window lets another go."""
        return self._window.free > 0

    @property
    def has_room_uncut(self) -> bool:
        """The same of the whole window."""
        return self._window.in_flight < self._window.capacity

    def retune(self, settings: CarrierSettings, paces: Sequence[Pace]) -> None:
        """Go on by these settings, with what was learned of the carrier as far as it still says something."""
        rate, pause = _rate_of(settings), settings.throttle_pause
        self._own_rate = settings.submit_rate_per_bind or float("inf")
        if (rate, pause) != (self._rate, self._throttle_pause):
            self._rate, self._throttle_pause = rate, pause
            self._pause.rebase(pause)
            self._brake = Brake(rate, pause)
        self._agreed = tuple(paces)
        self.paces = (*self._agreed, self._brake) if self._brake.is_on else self._agreed
        self._window.resize(settings.window)
        if not settings.adaptive_window:
            self._window.limit = self._window.capacity
        self._adaptive = AdaptiveWindow(self._window, settings.response_timeout) if settings.adaptive_window else None

    def rate(self, now: float) -> float:
        """PDU/s that may go; 0: no limit."""
        rate = self._braked(self._rate, now)
        return 0.0 if rate == float("inf") else rate

    def ahead(self, now: float, shared: int | None = None) -> int:
        """How many PDUs to have at hand, waiting for the pace. Only while there is one.

        `shared`: what there is for this bind of a pace that binds share, while some of them may be away.
        """
        if shared is None:
            return max(1, int(self.rate(now) * AHEAD_SECONDS))
        return max(1, int(min(shared, self._braked(self._own_rate, now) * AHEAD_SECONDS)))

    def _braked(self, rate: float, now: float) -> float:
        return min(rate, self._brake.rate(now)) if self._brake.is_on else rate

    def room(self, wanted: int, now: float) -> int:
        """How many of so many PDUs may go now."""
        room = min(wanted, self._window.free)
        for pace in self.paces:
            room = min(room, pace.room(now))
        return room

    def room_uncut(self, wanted: int, now: float) -> int:
        """The same by the whole window, whatever is used of it at present."""
        return min(wanted, self._window.capacity - self._window.in_flight, *(pace.room(now) for pace in self.paces))

    def take(self, count: int, now: float) -> None:
        """So many PDUs go. Where a rate is agreed, `written` is to be told of them."""
        if self._agreed:
            taken = [pace.take(now, count) for pace in self._agreed]
            for went in taken:
                went.unwritten = count
            self._unwritten.append(taken)
        if self._brake.is_on:
            self._brake.take(now, count)

    def written(self, count: int, now: float) -> None:
        """So many of the PDUs that went are handed to the network, or never will be: a second is judged by that."""
        unwritten = self._unwritten
        while count > 0 and unwritten:
            taken = unwritten[0]
            some = min(count, taken[0].unwritten)
            for went in taken:
                went.written(some, now)
            if not taken[0].unwritten:
                unwritten.popleft()
            count -= some

    @property
    def has_unwritten(self) -> bool:
        """Whether `written` is to be told of any."""
        return bool(self._unwritten)

    def next_at(self) -> float:
        """When a pace lets the next PDU go. Only while there is one."""
        return max(pace.next_at() for pace in self.paces)

    def answered(self, answers: list[SubmitAnswered], now: float) -> None:
        """The answers of one read."""
        brake = self._brake
        was_on = brake.is_on
        brake.answered(now, len(answers))
        if was_on and not brake.is_on:
            self.paces = self._agreed
        if self._adaptive is not None:
            self._adaptive.answered(answers, now)

    def throttled(self, now: float) -> bool:
        """The carrier said to slow down; whether a pause begins now."""
        if not self._pause.throttled(now):
            return False
        self._brake.throttled(now, self._pause.until)
        self.paces = (*self._agreed, self._brake)
        if self._adaptive is not None:
            self._adaptive.throttled()
        return True

    def lost(self, now: float) -> None:
        """The connection ended, and with it whatever it had not written."""
        self._away_since = now
        for taken in self._unwritten:
            for went in taken:
                went.unwritten = 0
        self._unwritten.clear()

    def regained(self, window: Window, now: float) -> None:
        """A connection goes on with this window, and with what was learned on the one before, if there was one."""
        away_since, self._window = self._away_since, window
        if self._adaptive is not None:
            self._adaptive.regained(window, away_since, now)
        if away_since is not None:
            self._brake.regained(away_since, now)
            self.paces = (*self._agreed, self._brake) if self._brake.is_on else self._agreed

    def succeeded(self, now: float) -> None:
        """The carrier took something: the next throttle pauses shortly again."""
        self._pause.succeeded(now)


def _rate_of(settings: CarrierSettings) -> float:
    """PDU/s of one bind; infinite without a limit."""
    rates = [rate for rate in (settings.submit_rate / settings.binds, settings.submit_rate_per_bind) if rate]
    return min(rates, default=float("inf"))
