"""What becomes of each submit_sm, its answer and its receipts: by the number it is sent to, or by the shares asked for.

Pure but for the random numbers, which come from outside. Who is throttled by rate is the Smsc's to know.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from random import Random
from typing import TypeVar

from gateway.simulator.options import Options
from gateway.simulator.receipt_stat import ReceiptStat
from gateway.simulator.recent import Recent
from protocol.command_status import CommandStatus

T = TypeVar("T")


class Course(IntEnum):
    """How the answer to a submit_sm goes."""

    ANSWERED = 0
    SWALLOWED = 1
    """Taken, but its answer is never sent."""
    LATE = 2
    """Taken; its answer comes after the ESME has given up on it."""
    DROPPED = 3
    """The connection is cut in place of the answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The first half of an outcome."""

    status: int = 0
    """command_status; anything but ESME_ROK means that the message is not taken."""
    course: Course = Course.ANSWERED
    once: bool = False
    """Only the first time for that message: a retry is taken."""


@dataclass(frozen=True, slots=True)
class Report:
    """The second half: the receipts of a message that was taken."""

    states: tuple[ReceiptStat, ...] = (ReceiptStat.DELIVRD,)
    """In the order they are sent; none at all for a carrier that stays silent."""
    copies: int = 1
    before_answer: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that happens to one submit_sm."""

    answer: Answer = Answer()
    report: Report = Report()


_S = ReceiptStat

BY_NUMBER: dict[str, Outcome] = {
    "000100": Outcome(report=Report(states=(_S.ENROUTE, _S.DELIVRD))),
    "000204": Outcome(report=Report(states=())),
    "000208": Outcome(report=Report(copies=2)),
    "000400": Outcome(Answer(CommandStatus.ESME_RINVDSTADR)),
    "000401": Outcome(Answer(CommandStatus.ESME_RINVSRCADR)),
    "000403": Outcome(report=Report(states=(_S.REJECTD,))),
    "000404": Outcome(report=Report(states=(_S.UNDELIV,))),
    "000408": Outcome(report=Report(states=(_S.EXPIRED,))),
    "000409": Outcome(report=Report(before_answer=True)),
    "000410": Outcome(report=Report(states=(_S.DELETED,))),
    "000418": Outcome(report=Report(states=(_S.UNKNOWN,))),
    "000429": Outcome(Answer(CommandStatus.ESME_RTHROTTLED, once=True)),
    "000444": Outcome(Answer(course=Course.SWALLOWED)),
    "000499": Outcome(Answer(course=Course.DROPPED, once=True)),
    "000500": Outcome(Answer(CommandStatus.ESME_RSYSERR)),
    "000503": Outcome(Answer(CommandStatus.ESME_RMSGQFUL, once=True)),
    "000504": Outcome(Answer(course=Course.LATE)),
}
"""What a message to a number with this ending meets. Codes borrowed from HTTP where one comes to mind."""

ENDING_DIGITS = 6

PLAIN = Outcome()

_SEEN_LIMIT = 10_000


class Outcomes:
    """Draws outcomes by the options; the same seed and the same messages give the same outcomes."""

    def __init__(self, options: Options, random: Random) -> None:
        self._random = random
        self._by_number = BY_NUMBER if options.number_outcomes else {}
        self._answers = _thresholds(
            [(options.throttle_share, Answer(CommandStatus.ESME_RTHROTTLED))]
            + [(share, Answer(status)) for status, share in options.errors]
            + [(options.drop_share, Answer(course=Course.DROPPED))]
            + [(options.swallow_share, Answer(course=Course.SWALLOWED))]
        )
        self._states = _thresholds([(share, (state,)) for state, share in options.receipt_states])
        self._receipt_share = options.receipt_share
        self._duplicate_share = options.duplicate_receipts
        self._first_share = options.receipt_first
        self._plain = not self._answers and not self._states and self._usual_reports
        self._seen: Recent[int, bool] = Recent(_SEEN_LIMIT)

    @property
    def _usual_reports(self) -> bool:
        return self._receipt_share >= 1 and not self._duplicate_share and not self._first_share

    def decide(self, destination: str, key: int) -> Outcome:
        """The outcome of one submit_sm; `key` stands for the message, the same when it is sent again."""
        outcome = self._by_number.get(destination[-ENDING_DIGITS:])
        if outcome is None:
            return PLAIN if self._plain else Outcome(self._draw_answer(), self._draw_report())
        if outcome.answer.once:
            if key in self._seen:
                return PLAIN
            self._seen.put(key, True)
        return outcome

    def _draw_answer(self) -> Answer:
        if self._answers:
            drawn = self._random.random()
            for upper, answer in self._answers:
                if drawn < upper:
                    return answer
        return PLAIN.answer

    def _draw_report(self) -> Report:
        draw = self._random.random
        if self._receipt_share < 1 and draw() >= self._receipt_share:
            return Report(states=())
        states = PLAIN.report.states
        if self._states:
            drawn = draw()
            states = next((choice for upper, choice in self._states if drawn < upper), states)
        copies = 2 if self._duplicate_share and draw() < self._duplicate_share else 1
        return Report(states, copies, bool(self._first_share) and draw() < self._first_share)


def _thresholds(shares: Iterable[tuple[float, T]]) -> list[tuple[float, T]]:
    """Shares summed up, so that one random number picks among them; what nobody asked for is left out."""
    upper = 0.0
    thresholds = []
    for share, choice in shares:
        if share > 0:
            upper += share
            thresholds.append((upper, choice))
    return thresholds
