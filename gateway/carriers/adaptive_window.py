"""How much of its window a bind uses: all of it, less after a cut, and more again while answers come quickly. Pure.

Slots are the window's (protocol.window), pauses and pace after a throttle braking.py's. `now` in seconds.
"""

from protocol.session_events import SubmitAnswered
from protocol.window import Window

SLOWER = 4.0
SLOWER_SECONDS = 0.5
"""Answers that take this many times what they took, and this much longer, wait in a queue that our window fills."""
NEAR = 2.0
NEAR_SECONDS = 0.25
"""Up to here latency counts as flat, and a window that was cut grows."""
BASELINE_SECONDS = 60.0
BASELINE_ROUNDS = 10
"""What answers take is the least of the last one to two periods of at least so long and so many rounds: carriers are
slower at noon than at night."""
HELPED = 0.75
"""A cut by half that leaves more than this of the latency has shown that the queue is not ours."""
UNSAFE_SHARE = 0.25
"""Of the response_timeout. Slower answers are met with a small window whoever fills the queue, for all that is in
flight is in doubt once they take four times longer."""
OPTIMUM = 80
CONGESTED = 90
"""congestion_state (SMPP 5.0 §4.8.4.18): from 80 to 89 the carrier has its best load, above it nears its limit."""

_NEVER = float("inf")


class AdaptiveWindow:
    """Sets `Window.limit` between 1 and the window's capacity, where it starts.

    It looks once a round, that is a limit's worth of answers, and judges by the quickest of them: one that was held up
    says nothing. The answers to what was in flight at a cut belong to no round.
    """

    __slots__ = (
        "_baseline",
        "_baseline_before",
        "_congestion",
        "_cut_from",
        "_is_full",
        "_is_settling",
        "_left",
        "_period_from",
        "_quickest",
        "_response_timeout",
        "_rounds",
        "_window",
    )

    def __init__(self, window: Window, response_timeout: float) -> None:
        """`response_timeout`: the carrier's, in seconds."""
        self._window = window
        self._response_timeout = response_timeout
        self._baseline = self._baseline_before = _NEVER
        self._period_from = 0.0
        self._rounds = 0
        # Limit and latency before the cut whose effect is being watched.
        self._cut_from: tuple[int, float] | None = None
        self._left = window.limit
        self._is_settling = False
        self._is_full = True
        self._quickest = _NEVER
        self._congestion = 0

    def answered(self, answers: list[SubmitAnswered], now: float) -> None:
        """The answers of one read, which the window has settled already. At least one."""
        count, last, window = len(answers), answers[-1], self._window
        if last.latency_seconds < self._quickest:
            self._quickest = last.latency_seconds
        if window.in_flight + count < window.limit:
            self._is_full = False
        if last.tlvs:
            self._congestion = max(self._congestion, last.congestion or 0)
        self._left -= count
        if self._left <= 0:
            self._end_round(last.latency_seconds, now)

    def throttled(self) -> None:
        """The carrier said to slow down."""
        self._cut_from = None
        self._cut()

    def regained(self, window: Window, away_since: float | None, now: float) -> None:
        """A connection goes on with this window: cut as the last one's was, unless that is long ago or there was none
        (None). What answers take is learned anew, since the next host may be farther away."""
        if away_since is not None and now - away_since < BASELINE_SECONDS:
            window.limit = min(self._window.limit, window.capacity)
        self._baseline = self._baseline_before = _NEVER
        self._window = window
        self._cut_from = None
        self._begin(window.limit)

    def _end_round(self, latest: float, now: float) -> None:
        if self._is_settling:
            if self._cut_from is not None:
                # The last that was sent before the cut has waited longest in what our window filled.
                limit, seconds = self._cut_from
                self._cut_from = (limit, max(seconds, latest))
            self._begin(self._window.limit)
            return
        self._learn(now)
        if self._congestion >= CONGESTED:
            self._cut_from = None
            self._cut()
        elif self._was_cut_in_vain():
            self._baseline = self._baseline_before = self._quickest
            self._begin(self._window.limit)
        elif self._is_full and self._is_slower(SLOWER, SLOWER_SECONDS):
            self._cut_from = (self._window.limit, self._quickest)
            self._cut()
        else:
            self._grow()

    def _learn(self, now: float) -> None:
        """Keep in mind what answers take."""
        self._rounds += 1
        if now - self._period_from >= BASELINE_SECONDS and self._rounds >= BASELINE_ROUNDS:
            self._baseline_before = self._baseline
            self._baseline = self._quickest
            self._period_from = now
            self._rounds = 0
        else:
            self._baseline = min(self._baseline, self._quickest)

    def _is_slower(self, times: float, seconds: float) -> bool:
        baseline = min(self._baseline, self._baseline_before)
        return self._quickest >= max(baseline * times, baseline + seconds)

    def _was_cut_in_vain(self) -> bool:
        """Whether the carrier is as slow as before the last cut for latency; such a cut is taken back."""
        if self._cut_from is None:
            return False
        (limit, seconds), self._cut_from = self._cut_from, None
        if self._quickest <= HELPED * seconds or self._quickest >= UNSAFE_SHARE * self._response_timeout:
            return False
        self._window.limit = limit
        return True

    def _grow(self) -> None:
        window = self._window
        if window.limit < window.capacity and self._congestion < OPTIMUM and not self._is_slower(NEAR, NEAR_SECONDS):
            window.limit += 1
        self._begin(window.limit)

    def _cut(self) -> None:
        window = self._window
        window.limit = max(1, window.limit // 2)
        self._begin(window.in_flight, is_settling=window.in_flight > 0)
        self._left = self._left or window.limit

    def _begin(self, answers: int, *, is_settling: bool = False) -> None:
        """Begin a round of so many answers, or wait out those that belong to none."""
        self._left = answers
        self._is_settling = is_settling
        self._is_full = True
        self._quickest = _NEVER
        self._congestion = 0
