import pytest

from gateway.rules.breaker import PROBES, Breaker
from gateway.rules.breaker_terms import BreakerState, BreakerTerms, Cause, Change, Waiting
from gateway.rules.taking import Standing
from gateway.settings import Settings

NOTHING = Waiting()
CLOSED, OPEN, HALF_OPEN, RETURNING = BreakerState
TERMS = BreakerTerms()


def answers(breaker: Breaker, now: float, taken: int = 0, errors: int = 0, seconds: float = 0.05) -> None:
    breaker.answered(taken, errors, seconds, seconds, now)


def opened(terms: BreakerTerms = TERMS, now: float = 100.0) -> Breaker:
    """One that errors have opened."""
    breaker = Breaker(terms)
    answers(breaker, now, errors=20)
    assert breaker.tick(NOTHING, now) == Change(OPEN, Cause.ERRORS, "errors 1.00 of 20")
    return breaker


def silent(terms: BreakerTerms = TERMS, now: float = 1_000.0) -> Breaker:
    """One that missing receipts have opened."""
    breaker = Breaker(terms)
    answers(breaker, now - terms.silence, taken=20)
    change = breaker.tick(NOTHING, now)
    assert change is not None
    assert (change.state, change.cause) == (OPEN, Cause.SILENCE)
    return breaker


def half_open(now: float = 130.0) -> Breaker:
    breaker = opened(now=now - 30)
    assert breaker.tick(NOTHING, now - 0.1) is None
    change = breaker.tick(NOTHING, now)
    assert change is not None
    assert change.state is HALF_OPEN
    return breaker


def returning(now: float = 131.0) -> Breaker:
    breaker = half_open(now - 1)
    answers(breaker, now, taken=PROBES)
    change = breaker.tick(NOTHING, now)
    assert change is not None
    assert change.state is RETURNING
    return breaker


# --- closed


def test_it_opens_when_half_of_what_counts_are_errors_and_they_are_twenty() -> None:
    breaker = Breaker(TERMS)
    answers(breaker, 100.0, taken=20, errors=19)
    assert breaker.tick(NOTHING, 100.0) is None
    answers(breaker, 101.0, errors=1)
    assert breaker.tick(NOTHING, 101.0) == Change(OPEN, Cause.ERRORS, "errors 0.50 of 40")


def test_below_the_share_any_number_of_errors_leaves_it_closed() -> None:
    breaker = Breaker(TERMS)
    for second in range(60):
        answers(breaker, 100.0 + second, taken=60, errors=40)
        assert breaker.tick(NOTHING, 100.0 + second) is None


def test_errors_are_forgotten_after_thirty_seconds() -> None:
    breaker = Breaker(TERMS)
    answers(breaker, 100.0, errors=19)
    answers(breaker, 131.0, errors=19)
    assert breaker.tick(NOTHING, 131.0) is None


def test_answers_that_never_come_are_errors() -> None:
    breaker = Breaker(TERMS)
    breaker.unanswered(20, 100.0, waited=60.0)
    change = breaker.tick(NOTHING, 100.0)
    assert change is not None
    assert change.cause is Cause.ERRORS


def test_throttles_and_wrong_numbers_open_no_breaker() -> None:
    breaker = Breaker(TERMS)
    for second in range(60):
        breaker.answered(0, 0, 0.05, 0.05, 100.0 + second, others=100)
        assert breaker.tick(NOTHING, 100.0 + second) is None
    # Nor do they make errors look fewer.
    answers(breaker, 160.0, errors=20)
    assert breaker.tick(NOTHING, 160.0) == Change(OPEN, Cause.ERRORS, "errors 1.00 of 20")


def test_it_opens_when_even_the_quickest_answers_are_too_slow() -> None:
    breaker = Breaker(TERMS)
    breaker.answered(9, 0, 90.0, 20.0, 100.0)
    assert breaker.tick(NOTHING, 100.0) is None
    breaker.answered(1, 0, 25.0, 25.0, 101.0)
    assert breaker.tick(NOTHING, 101.0) == Change(OPEN, Cause.LATENCY, "the quickest answer took 20 s")


def test_one_slow_answer_says_nothing() -> None:
    breaker = Breaker(TERMS)
    breaker.answered(30, 0, 90.0, 0.1, 100.0)
    assert breaker.tick(NOTHING, 100.0) is None


def test_it_opens_when_nothing_is_answered_any_more() -> None:
    breaker = Breaker(TERMS)
    answers(breaker, 100.0, taken=50)
    assert breaker.tick(Waiting(30.0, 10), 119.9) is None
    change = breaker.tick(Waiting(30.1, 10), 120.0)
    assert change == Change(OPEN, Cause.LATENCY, "10 are unanswered, for up to 30 s")


def test_one_lost_answer_in_a_quiet_hour_opens_nothing_unless_it_fills_the_window() -> None:
    breaker = Breaker(TERMS)
    answers(breaker, 100.0, taken=1)
    assert breaker.tick(Waiting(59.0, 1), 159.0) is None
    assert breaker.tick(Waiting(59.0, 1, is_full=True), 159.0) is not None


@pytest.mark.parametrize("every", [10.0, 60.0, 1_800.0])
def test_it_opens_after_five_in_a_row_without_an_answer_however_slowly_they_came(every: float) -> None:
    breaker, now = Breaker(BreakerTerms(latency=10.0)), 100.0
    answers(breaker, now, taken=1)
    for _ in range(4):
        now += every
        breaker.unanswered(1, now, waited=10.0)
        assert breaker.tick(NOTHING, now) is None
    breaker.unanswered(1, now + every, waited=10.0)
    change = breaker.tick(NOTHING, now + every)
    assert change == Change(OPEN, Cause.LATENCY, "5 in a row were not answered")


def test_any_answer_ends_the_row_of_those_that_never_came() -> None:
    breaker = Breaker(TERMS)
    for minute in range(20):
        breaker.unanswered(4, 100.0 + 60 * minute, waited=60.0)
        breaker.answered(0, 0, 0.1, 0.1, 101.0 + 60 * minute, others=1)
        assert breaker.tick(NOTHING, 159.0 + 60 * minute) is None


def test_a_few_lost_at_once_say_nothing_while_others_are_answered() -> None:
    breaker = Breaker(TERMS)
    answers(breaker, 100.0, taken=100)
    breaker.unanswered(5, 100.1, waited=60.0)
    assert breaker.tick(NOTHING, 100.2) is None


def test_it_opens_when_receipts_stay_away() -> None:
    breaker = Breaker(TERMS)
    answers(breaker, 100.0, taken=30)
    assert breaker.tick(NOTHING, 699.9) is None
    change = breaker.tick(NOTHING, 700.0)
    assert change == Change(OPEN, Cause.SILENCE, "no receipt for 600 s, 30 wait for one")


def test_a_status_can_stop_it_at_once_and_once() -> None:
    breaker = Breaker(TERMS)
    assert breaker.stopped("0x00000400", 100.0) == Change(OPEN, Cause.STOPPED, "it answered 0x00000400")
    assert breaker.stopped("0x00000400", 100.1) is None


# --- open


def test_an_open_one_gets_nothing_and_holds_nobody_back() -> None:
    assert opened().standing(100.0) == Standing(slots=0, holds_back=False)


def test_a_silent_one_is_the_last_resort() -> None:
    assert silent().standing(1_000.0) == Standing(slots=0, holds_back=False, last_resort=True)


def test_a_receipt_lets_a_silent_one_be_tried_at_once() -> None:
    breaker = silent(now=1_000.0)
    breaker.receipts(1, 1_001.0)
    assert breaker.tick(NOTHING, 1_001.0) == Change(HALF_OPEN, Cause.SILENCE, "a receipt came")


def test_an_operator_can_have_an_open_one_tried_at_once() -> None:
    breaker = opened(now=100.0)
    assert breaker.probe(101.0) == Change(HALF_OPEN, Cause.ERRORS, "an operator asked for it")
    assert breaker.probe(102.0) is None
    assert Breaker(TERMS).probe(1.0) is None


def test_a_new_connection_is_tried_at_once() -> None:
    breaker = opened(now=100.0)
    breaker.regained(100.0)
    breaker.lost(101.0)
    assert breaker.regained(102.0) == Change(HALF_OPEN, Cause.ERRORS, "it was bound anew")


def test_a_new_connection_is_not_tried_again_at_once_after_one_that_failed() -> None:
    breaker = opened(now=100.0)
    breaker.regained(100.0)
    for now in (102.0, 104.0):
        breaker.lost(now - 1)
        breaker.regained(now)
        breaker.unanswered(5, now + 0.1)
        breaker.tick(NOTHING, now + 0.1)
    assert breaker.state is OPEN
    assert breaker.retry_at == 102.1 + 60.0


@pytest.mark.parametrize("cause", ["silence", "stopped"])
def test_a_new_connection_does_not_undo_a_stop_or_a_silence(cause: str) -> None:
    breaker = silent(now=1_000.0)
    if cause == "stopped":
        breaker = Breaker(TERMS)
        breaker.stopped("ESME_RSYSERR", 1_000.0)
    breaker.regained(1_000.0)
    breaker.lost(1_001.0)
    assert breaker.regained(1_005.0) is None
    assert breaker.state is OPEN


# --- half open


def test_half_open_lets_five_go_and_no_more() -> None:
    breaker = half_open(130.0)
    assert breaker.standing(130.0) == Standing(slots=5, holds_back=False)
    waiting = Waiting(0.1, 5)
    assert not breaker.wants_telling(waiting, 140.0)
    answers(breaker, 141.0, taken=4)
    assert breaker.tick(Waiting(0.2, 1), 141.0) is None
    # What was dealt and came to nothing is dealt again, in its place.
    assert breaker.wants_telling(NOTHING, 141.0)
    assert breaker.standing(141.0) == Standing(slots=1, holds_back=False)
    assert not breaker.wants_telling(NOTHING, 141.5)


def test_half_open_without_messages_waits() -> None:
    breaker = half_open(130.0)
    assert breaker.tick(NOTHING, 10_000.0) is None
    assert breaker.state is HALF_OPEN


def test_answered_probes_bring_its_return_though_some_are_refused_for_good() -> None:
    breaker = half_open(130.0)
    breaker.answered(2, 0, 0.1, 0.1, 131.0, others=3)
    assert breaker.tick(NOTHING, 131.0) == Change(RETURNING, Cause.ERRORS, "5 probes were answered")


@pytest.mark.parametrize("fault", ["error", "slow", "unanswered", "unanswered yet", "stopped"])
def test_a_failed_probe_opens_it_again_for_twice_as_long(fault: str) -> None:
    breaker, waiting = half_open(130.0), NOTHING
    match fault:
        case "error":
            answers(breaker, 151.0, taken=4, errors=1)
        case "slow":
            answers(breaker, 151.0, taken=5, seconds=20.5)
        case "unanswered":
            breaker.unanswered(1, 151.0, waited=20.0)
        case "unanswered yet":
            waiting = Waiting(20.5, 1)
    change = breaker.stopped("0x00000400", 151.0) if fault == "stopped" else breaker.tick(waiting, 151.0)
    assert change is not None
    assert change.state is OPEN
    assert breaker.retry_at == 151.0 + 60.0


def test_what_was_written_before_it_opened_fails_no_probe() -> None:
    breaker = half_open(130.0)
    breaker.unanswered(10, 131.0, waited=60.0)
    breaker.answered(1, 1, 40.0, 40.0, 131.0)
    assert breaker.tick(Waiting(59.0, 10), 131.0) is None


def test_the_pause_doubles_up_to_five_minutes_and_is_short_again_once_it_has_closed() -> None:
    breaker, now, pauses = opened(now=100.0), 100.0, []
    for _ in range(6):
        assert breaker.retry_at is not None
        pauses.append(breaker.retry_at - now)
        now = breaker.retry_at
        breaker.tick(NOTHING, now)
        answers(breaker, now, errors=1)
        breaker.tick(NOTHING, now)
    now += 1
    assert pauses == [30, 60, 120, 240, 300, 300]
    breaker.probe(now)
    answers(breaker, now, taken=5)
    breaker.tick(NOTHING, now)
    breaker.tick(NOTHING, now + 30)
    assert breaker.state is CLOSED
    answers(breaker, now + 40, errors=20)
    breaker.tick(NOTHING, now + 40)
    assert breaker.retry_at == now + 70


def test_a_silent_one_needs_a_receipt_of_its_probes() -> None:
    breaker = silent(BreakerTerms(silence=10.0), now=1_000.0)
    breaker.tick(NOTHING, 1_030.0)
    assert breaker.standing(1_030.0) == Standing(slots=5, holds_back=False, last_resort=True)
    answers(breaker, 1_031.0, taken=5)
    assert breaker.tick(NOTHING, 1_040.9) is None
    breaker.receipts(1, 1_040.9)
    assert breaker.tick(NOTHING, 1_041.0) == Change(RETURNING, Cause.SILENCE, "5 probes were answered")


def test_a_silent_one_without_a_receipt_of_its_probes_is_open_again() -> None:
    breaker = silent(BreakerTerms(silence=10.0), now=1_000.0)
    breaker.tick(NOTHING, 1_030.0)
    answers(breaker, 1_031.0, taken=5)
    assert breaker.tick(NOTHING, 1_041.0) == Change(OPEN, Cause.SILENCE, "no receipt of a probe within 10 s")
    assert breaker.retry_at == 1_041.0 + 60.0


# --- the return


def test_a_return_is_gradual_and_ends() -> None:
    breaker = returning(200.0)
    slots: list[int] = []
    for tick in range(120):
        standing = breaker.standing(200.0 + tick / 4)
        assert standing is not None
        assert standing.slots is not None
        assert (standing.holds_back, standing.last_resort) == (False, True)
        slots.append(standing.slots)
        assert breaker.tick(NOTHING, 200.0 + tick / 4) is None
    by_second = [sum(slots[at : at + 4]) for at in range(0, 120, 4)]
    assert by_second == sorted(by_second)
    assert by_second[0] <= 13
    assert 18 <= by_second[3] <= 26
    assert by_second[29] > 7_500
    assert breaker.tick(NOTHING, 230.0) == Change(CLOSED, Cause.ERRORS, "it has its whole share again")
    assert breaker.standing(230.0) is None


def test_a_return_that_fails_opens_it_again_for_longer() -> None:
    breaker = returning(131.0)
    answers(breaker, 135.0, taken=5, errors=20)
    change = breaker.tick(NOTHING, 135.0)
    assert change is not None
    assert (change.state, change.cause) == (OPEN, Cause.ERRORS)
    assert breaker.retry_at == 135.0 + 60.0


def test_a_return_in_no_time_closes_it_at_once() -> None:
    breaker = opened(BreakerTerms(back_within=0.0), now=100.0)
    breaker.tick(NOTHING, 130.0)
    answers(breaker, 131.0, taken=5)
    assert breaker.tick(NOTHING, 131.0) == Change(CLOSED, Cause.ERRORS, "5 probes were answered")


def test_who_was_away_comes_back_bit_by_bit_and_no_breaker_is_told_of() -> None:
    breaker = Breaker(TERMS)
    assert breaker.regained(100.0) is None
    breaker.lost(200.0)
    assert breaker.regained(200.9) is None
    breaker.lost(300.0)
    assert breaker.regained(301.0) == Change(RETURNING, None, "it was away for 1.0 s")
    # Away again: it begins anew.
    breaker.lost(320.0)
    assert breaker.regained(330.0) == Change(RETURNING, None, "it was away for 10 s")
    assert breaker.tick(NOTHING, 359.9) is None
    assert breaker.tick(NOTHING, 360.0) == Change(CLOSED, None, "it has its whole share again")


def test_a_first_bind_has_its_whole_share_at_once() -> None:
    breaker = Breaker(TERMS)
    breaker.lost(0.0)
    assert breaker.regained(500.0) is None


def test_time_away_is_no_silence() -> None:
    breaker = Breaker(TERMS)
    breaker.regained(0.0)
    answers(breaker, 1.0, taken=100)
    breaker.lost(2.0)
    breaker.regained(900.0)
    assert breaker.tick(NOTHING, 940.0) == Change(CLOSED, None, "it has its whole share again")


# --- its terms


def test_a_carrier_without_a_breaker_has_no_terms() -> None:
    def terms(**keys: object) -> BreakerTerms | None:
        telco = {"hosts": ["127.0.0.1:1"], "system_id": "a", "password": "b", "name": "telco", **keys}
        return BreakerTerms.of(Settings.model_validate({"carriers": {"telco": telco}}).carriers["telco"])

    assert terms() == BreakerTerms()
    assert terms(breaker=False) is None
    short = terms(response_timeout="5s")
    assert short is not None
    assert short.latency == 5.0


def test_new_terms_hold_from_then_on() -> None:
    breaker = opened(now=100.0)
    breaker.retune(BreakerTerms(pause=1.0))
    change = breaker.tick(NOTHING, 101.0)
    assert change is not None
    assert change.state is HALF_OPEN


def test_it_shows_how_it_stands() -> None:
    breaker = opened(now=100.0)
    assert breaker.view(110.0) == (OPEN, Cause.ERRORS, "errors 1.00 of 20", 10.0, 20.0)
    assert Breaker(TERMS, 5.0).view(10.0) == (CLOSED, None, "", 5.0, None)
