from collections import Counter
from random import Random

import pytest

from gateway.simulator.options import Options
from gateway.simulator.outcomes import BY_NUMBER, ENDING_DIGITS, PLAIN, Course, Outcome, Outcomes
from gateway.simulator.receipt_stat import ReceiptStat
from protocol.command_status import CommandStatus

ORDINARY = "34600111222"


def decide_many(options: Options, count: int = 4000) -> list[Outcome]:
    outcomes = Outcomes(options, Random(7))
    return [outcomes.decide(ORDINARY, number) for number in range(count)]


def test_without_faults_every_message_is_taken_and_delivered() -> None:
    assert set(decide_many(Options())) == {PLAIN}


@pytest.mark.parametrize("ending", BY_NUMBER)
def test_an_ending_chooses_its_outcome_with_or_without_a_plus(ending: str) -> None:
    assert len(ending) == ENDING_DIGITS
    outcomes = Outcomes(Options(), Random(1))
    assert outcomes.decide(f"34600{ending}", 1) == BY_NUMBER[ending]
    assert outcomes.decide(f"+34600{ending}", 2) == BY_NUMBER[ending]


def test_endings_mean_nothing_when_switched_off() -> None:
    outcomes = Outcomes(Options(number_outcomes=False), Random(1))
    assert outcomes.decide("34600000404", 1) == PLAIN


def test_endings_go_before_shares() -> None:
    outcomes = Outcomes(Options(throttle_share=1), Random(1))
    assert outcomes.decide("34600000404", 1).report.states == (ReceiptStat.UNDELIV,)


def test_a_throttled_number_takes_the_same_message_the_second_time() -> None:
    outcomes = Outcomes(Options(), Random(1))
    assert outcomes.decide("34600000429", 1).answer.status == CommandStatus.ESME_RTHROTTLED
    assert outcomes.decide("34600000429", 2).answer.status == CommandStatus.ESME_RTHROTTLED
    assert outcomes.decide("34600000429", 1) == PLAIN


def test_shares_come_out_as_asked_for() -> None:
    options = Options(
        throttle_share=0.2, errors=((CommandStatus.ESME_RSYSERR, 0.1),), drop_share=0.05, swallow_share=0.15
    )
    drawn = Counter((outcome.answer.status, outcome.answer.course) for outcome in decide_many(options))
    assert drawn[CommandStatus.ESME_RTHROTTLED, Course.ANSWERED] == pytest.approx(800, rel=0.15)
    assert drawn[CommandStatus.ESME_RSYSERR, Course.ANSWERED] == pytest.approx(400, rel=0.2)
    assert drawn[0, Course.DROPPED] == pytest.approx(200, rel=0.3)
    assert drawn[0, Course.SWALLOWED] == pytest.approx(600, rel=0.15)
    assert drawn[0, Course.ANSWERED] == pytest.approx(2000, rel=0.1)


def test_shares_of_receipts_come_out_as_asked_for() -> None:
    options = Options(
        receipt_share=0.5,
        receipt_states=((ReceiptStat.UNDELIV, 0.25),),
        duplicate_receipts=0.1,
        receipt_first=0.3,
    )
    reports = [outcome.report for outcome in decide_many(options)]
    spoken = [report for report in reports if report.states]
    assert len(spoken) == pytest.approx(2000, rel=0.1)
    assert sum(report.states == (ReceiptStat.UNDELIV,) for report in spoken) == pytest.approx(500, rel=0.15)
    assert sum(report.copies == 2 for report in spoken) == pytest.approx(200, rel=0.25)
    assert sum(report.before_answer for report in spoken) == pytest.approx(600, rel=0.15)


def test_the_same_seed_gives_the_same_outcomes() -> None:
    options = Options(throttle_share=0.3, receipt_share=0.5)
    assert decide_many(options, 200) == decide_many(options, 200)
