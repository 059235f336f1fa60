"""When to try again, and when to give up: after a carrier's answer, and after a webhook POST that was not taken.

Pauses before reconnecting are the carriers'. Times are wall-clock milliseconds. `rng` yields 0 <= x < 1 and spreads
what failed together, so that it does not come back together.
"""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from gateway.messages import ErrorCode
from gateway.rules.causes import cause_of_status
from gateway.rules.failures import Action
from protocol.command_status import CommandStatus, StatusClass, classify

THROTTLE_FIRST_MS = 500
THROTTLE_MOST_MS = 8_000
RETRY_FLOOR_MS = 5_000
RETRY_CEILING_MS = 300_000
"""Of lanes that say nothing else."""
WEBHOOK_FIRST_MS = 5_000
WEBHOOK_MOST_MS = 3_600_000
WEBHOOK_LEAST_MS = 1_000
"""Full jitter alone would let some come back at once."""

_MOST_DOUBLINGS = 20
_LONGER_EACH_TIME = 3


class Verdict(Enum):
    """What an answer means for its part; decided here, applied by the store."""

    SENT = "sent"
    POSTPONED = "postponed"
    """Throttled, or the carrier had lost the bind: waits until retry_at, costs no try."""
    RETRY = "retry"
    """An error that may pass, or that another carrier may not have: waits until retry_at, costs a try."""
    REFUSED = "refused"
    """Final, or tries used up: the message fails."""


class AfterAnswer(NamedTuple):
    verdict: Verdict
    retry_at: int
    """0 where nothing is tried again."""
    error: ErrorCode | None
    """Why, when refused."""


def after_answer(
    status: int,
    action: Action,
    *,
    tries: int,
    throttles: int,
    max_tries: int,
    now_ms: int,
    expires_at: int,
    rng: Callable[[], float],
    floor_ms: int = RETRY_FLOOR_MS,
    ceiling_ms: int = RETRY_CEILING_MS,
) -> AfterAnswer:
    """What becomes of a part whose submit_sm was answered with `status`, other than ESME_ROK, of which the carrier's
    failure table says `action`.

    `tries` counts the temporary errors before this one, `throttles` how often it was put off without a try before;
    `max_tries` is the lane's, and so are `floor_ms` and `ceiling_ms`, the first and the longest pause after a temporary
    error.
    Nothing waits beyond `expires_at`: the sweep ends it there.
    """
    match action:
        case Action.FAIL:
            return AfterAnswer(Verdict.REFUSED, 0, cause_of_status(status))
        case Action.SLOW | Action.REBIND:
            # Neither says anything against the message.
            pause = _doubled(THROTTLE_FIRST_MS, throttles, THROTTLE_MOST_MS) * (0.5 + 0.5 * rng())
            return AfterAnswer(Verdict.POSTPONED, min(now_ms + int(pause), expires_at), None)
        case Action.RETRY_HERE | Action.RETRY_ELSEWHERE | Action.STOP:
            if tries + 1 >= max_tries:
                return AfterAnswer(Verdict.REFUSED, 0, ErrorCode.CARRIER_UNAVAILABLE)
            longer = _LONGER_EACH_TIME ** min(tries, _MOST_DOUBLINGS)
            pause = min(floor_ms * longer, ceiling_ms) * (0.8 + 0.4 * rng())
            return AfterAnswer(Verdict.RETRY, min(now_ms + int(pause), expires_at), None)


def before_its_time(after: AfterAnswer, status: int, *, deliver_at: int, now_ms: int) -> AfterAnswer:
    """The same of a part that the carrier was to hold until `deliver_at`.

    What it can't hold, or not now, waits here and is sent at its time. Throttles say nothing of that.
    """
    can_wait = status == CommandStatus.ESME_RINVSCHED or classify(status) is StatusClass.TEMPORARY
    return AfterAnswer(Verdict.POSTPONED, deliver_at, None) if can_wait and deliver_at > now_ms else after


def webhook_retry(
    tries: int, *, first_at: int, now_ms: int, retry_after_ms: float | None, horizon_ms: int, rng: Callable[[], float]
) -> int | None:
    """When to POST again after `tries` POSTs that were not taken; None once that is beyond the horizon from `first_at`.

    Exponential with full jitter; a Retry-After is kept to.
    """
    pause = int(_doubled(WEBHOOK_FIRST_MS, max(tries - 1, 0), WEBHOOK_MOST_MS) * rng())
    at = now_ms + max(pause, webhook_pause_ms(retry_after_ms), WEBHOOK_LEAST_MS)
    return at if at <= first_at + horizon_ms else None


def webhook_pause_ms(retry_after_ms: float | None) -> int:
    """How long an endpoint is left alone that answered this Retry-After, or none: as long as it asks, up to the longest
    pause, since a slip of the receiver's must not silence it for days.
    """
    return int(min(max(retry_after_ms or 0, 0), WEBHOOK_MOST_MS))


def _doubled(first: int, times: int, most: int) -> int:
    return int(min(first << min(times, _MOST_DOUBLINGS), most))
