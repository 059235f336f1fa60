"""What a carrier's answers mean for their messages and for the bind that they came on, by the carrier's failure table.

When a part is tried again is gateway.rules.retrying's; what follows from an action is done here.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gateway.carriers.bind import Bind
from gateway.messages import ErrorCode
from gateway.rules.causes import cause_of_status
from gateway.rules.failures import GOES_ELSEWHERE, Action, failures_of
from gateway.rules.retrying import RETRY_CEILING_MS, RETRY_FLOOR_MS, AfterAnswer, after_answer, before_its_time
from gateway.store.interface import Claim
from protocol.command_status import name_of
from protocol.session_events import SubmitAnswered

if TYPE_CHECKING:
    from gateway.flows.send import Send

REBIND_LIMIT_SECONDS = 5.0
"""For the answers in flight once a carrier has said that it does not know the bind."""
TRIES_WITHOUT_LANE = 10
"""For messages whose lane was taken out of the settings while they waited."""
_ERRORS = GOES_ELSEWHERE | {Action.RETRY_HERE}


class Judging:
    """Judges the answers of one bind."""

    def __init__(self, send: "Send", bind: Bind) -> None:
        self._send = send
        self._bind = bind
        self._settings = bind.settings
        self._failures = failures_of(bind.settings)

    def _action_of(self, status: int) -> Action:
        """By the settings of now: a reload gives the bind others."""
        if self._bind.settings is not self._settings:
            self._settings = self._bind.settings
            self._failures = failures_of(self._settings)
        return self._failures.of_status(status)

    def judge(self, claim: Claim, status: int, now: int) -> AfterAnswer:
        """What becomes of a part whose submit_sm was answered with this status, other than ESME_ROK. `now` in ms."""
        lane = self._send.lanes.get(claim.lane)
        after = after_answer(
            status,
            self._action_of(status),
            tries=claim.tries,
            throttles=claim.throttles,
            max_tries=TRIES_WITHOUT_LANE if lane is None else lane.max_tries,
            now_ms=now,
            expires_at=claim.expires_at,
            rng=self._send.rng,
            floor_ms=RETRY_FLOOR_MS if lane is None else int(lane.retry_floor * 1000),
            ceiling_ms=RETRY_CEILING_MS if lane is None else int(lane.retry_ceiling * 1000),
        )
        if claim.options is None or claim.options.deliver_at is None:
            return after
        return before_its_time(after, status, deliver_at=claim.options.deliver_at, now_ms=now)

    def heed(self, answers: Sequence[SubmitAnswered], refused: Sequence[int]) -> bool:
        """Do what the answers of one read ask of the bind and of its carrier; whether the feed is to be halted.

        `refused`: the statuses among them that are not ESME_ROK.
        """
        bind, hearing = self._bind, self._send.hearing
        seconds = [answer.latency_seconds for answer in answers]
        actions = {status: self._action_of(status) for status in set(refused)}
        faults = {status for status, action in actions.items() if _is_fault(status, action)}
        errors = sum([status in faults for status in refused])
        taken, others = len(answers) - len(refused), len(refused) - errors
        hearing.heard(bind.carrier, taken, errors, max(seconds, default=0.0), min(seconds, default=0.0), others)
        if not actions:
            return False
        for status, action in actions.items():
            if action is Action.STOP:
                hearing.stop(bind.carrier, name_of(status))
        asked = set(actions.values())
        if Action.REBIND in asked:
            bind.leave(REBIND_LIMIT_SECONDS)
            return False
        return Action.SLOW in asked and bind.throttled()


def _is_fault(status: int, action: Action) -> bool:
    """Whether it speaks against the carrier. A refusal for what the message is does not, though others may take it."""
    return action in _ERRORS and cause_of_status(status) is ErrorCode.UNMAPPED
