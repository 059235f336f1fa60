"""When to try again, and when to give up: after a carrier's answer, and after a webhook POST that was not taken.

Pauses before reconnecting are the carriers'. Times are wall-clock milliseconds. `rng` yields 0 <= x < 1 and spreads
what failed together, so that it does not come back together.
"""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from gateway.messages import ErrorCode
from gateway.rules.causes import cause_of_status
from protocol.command_status import StatusClass, classify

THROTTLE_FIRST_MS = 500
THROTTLE_MOST_MS = 8_000
RETRY_PAUSES_MS = (5_000, 15_000, 45_000, 120_000, 300_000)
"""After the first temporary error, the second, and so on; the last one repeats."""
WEBHOOK_FIRST_MS = 5_000
WEBHOOK_MOST_MS = 3_600_000
WEBHOOK_LEAST_MS = 1_000
"""Full jitter alone would let some come back at once."""

_MOST_DOUBLINGS = 20


class Verdict(Enum):
    """What an answer means for its part; decided here, applied by the store."""

    SENT = "sent"
    POSTPONED = "postponed"
    """Throttled, or the carrier had lost the bind: waits until retry_at, costs no try."""
    RETRY = "retry"
    """Temporary error: waits until retry_at, costs a try."""
    REFUSED = "refused"
    """Permanent, or tries used up: the message fails."""


class AfterAnswer(NamedTuple):
    verdict: Verdict
    retry_at: int
    """0 where nothing is tried again."""
    error: ErrorCode | None
    """Why, when refused."""


_SENT = AfterAnswer(Verdict.SENT, 0, None)


def after_answer(
    status: int,
    *,
    tries: int,
    throttles: int,
    max_tries: int,
    now_ms: int,
    expires_at: int,
    rng: Callable[[], float],
) -> AfterAnswer:
    """What becomes of a part whose submit_sm was answered with `status`.

    `tries` counts the temporary errors before this one, `throttles` how often it was put off without a try before;
    `max_tries` is the lane's.
    Nothing waits beyond `expires_at`: the sweep ends it there.
    """
    match classify(status):
        case StatusClass.ACCEPTED:
            return _SENT
        case StatusClass.PERMANENT:
            return AfterAnswer(Verdict.REFUSED, 0, cause_of_status(status))
        case StatusClass.THROTTLED | StatusClass.UNBOUND:
            # Neither says anything against the message.
            pause = _doubled(THROTTLE_FIRST_MS, throttles, THROTTLE_MOST_MS) * (0.5 + 0.5 * rng())
            return AfterAnswer(Verdict.POSTPONED, min(now_ms + int(pause), expires_at), None)
        case StatusClass.TEMPORARY:
            if tries + 1 >= max_tries:
                return AfterAnswer(Verdict.REFUSED, 0, ErrorCode.CARRIER_UNAVAILABLE)
            pause = RETRY_PAUSES_MS[min(tries, len(RETRY_PAUSES_MS) - 1)] * (0.8 + 0.4 * rng())
            return AfterAnswer(Verdict.RETRY, min(now_ms + int(pause), expires_at), None)


def webhook_retry(
    tries: int, *, first_at: int, now_ms: int, retry_after_ms: float | None, horizon_ms: int, rng: Callable[[], float]
) -> int | None:
    """When to POST again after `tries` POSTs that were not taken; None once that is beyond the horizon from `first_at`.

    Exponential with full jitter. A Retry-After is kept to, up to the longest pause: a slip of the receiver's must not
    silence it for days.
    """
    pause = int(_doubled(WEBHOOK_FIRST_MS, max(tries - 1, 0), WEBHOOK_MOST_MS) * rng())
    asked = int(min(retry_after_ms or 0, WEBHOOK_MOST_MS))
    at = now_ms + max(pause, asked, WEBHOOK_LEAST_MS)
    return at if at <= first_at + horizon_ms else None


def _doubled(first: int, times: int, most: int) -> int:
    return int(min(first << min(times, _MOST_DOUBLINGS), most))
