from collections.abc import Callable

import pytest

from gateway.messages import ErrorCode
from gateway.rules.failures import USUAL, Action
from gateway.rules.retrying import AfterAnswer, Verdict, after_answer, before_its_time, webhook_pause_ms, webhook_retry
from gateway.settings import Lane, Settings
from protocol.command_status import CommandStatus

NOW = 1_700_000_000_000
FAR = NOW + 86_400_000
NEAR_ONE = 0.999999


def answer(
    status: int, tries: int = 0, throttles: int = 0, expires_at: int = FAR, rng: Callable[[], float] = lambda: NEAR_ONE
) -> AfterAnswer:
    return after_answer(
        int(status),
        USUAL.of_status(int(status)),
        tries=tries,
        throttles=throttles,
        max_tries=10,
        now_ms=NOW,
        expires_at=expires_at,
        rng=rng,
    )


@pytest.mark.parametrize("status", [CommandStatus.ESME_RTHROTTLED, CommandStatus.ESME_RMSGQFUL])
def test_a_throttle_pauses_longer_each_time_up_to_a_limit_and_never_ends_a_message(status: int) -> None:
    pauses = [answer(status, throttles=count).retry_at - NOW for count in range(8)]
    assert [round(pause, -1) for pause in pauses] == [500, 1000, 2000, 4000, 8000, 8000, 8000, 8000]
    assert answer(status, tries=9, throttles=100_000).verdict is Verdict.POSTPONED
    assert answer(status, rng=lambda: 0.0).retry_at == NOW + 250


def test_a_temporary_error_is_tried_again_until_the_tries_are_used_up() -> None:
    status = CommandStatus.ESME_RSYSERR
    for tries in range(9):
        after = answer(status, tries=tries, rng=lambda: 0.5)
        assert (after.verdict, after.error) == (Verdict.RETRY, None)
        assert after.retry_at - NOW == [5_000, 15_000, 45_000, 135_000, 300_000][min(tries, 4)]
    assert answer(status, tries=9) == AfterAnswer(Verdict.REFUSED, 0, ErrorCode.CARRIER_UNAVAILABLE)


def test_a_lane_says_how_soon_it_tries_again_and_how_long_it_pauses_at_most() -> None:
    def pauses(lane: Lane) -> list[int]:
        floor, ceiling = round(lane.retry_floor * 1000), round(lane.retry_ceiling * 1000)
        return [
            after_answer(
                int(CommandStatus.ESME_RSYSERR),
                Action.RETRY_ELSEWHERE,
                tries=tries,
                throttles=0,
                max_tries=100,
                now_ms=NOW,
                expires_at=FAR,
                rng=lambda: 0.5,
                floor_ms=floor,
                ceiling_ms=ceiling,
            ).retry_at
            - NOW
            for tries in (0, 1, 2, 3, 50)
        ]

    settings = Settings()
    assert pauses(settings.lanes["otp"]) == [1_000, 3_000, 9_000, 10_000, 10_000]
    assert pauses(settings.lanes["promotional"]) == [60_000, 180_000, 540_000, 900_000, 900_000]


def test_retries_are_spread() -> None:
    earliest = answer(CommandStatus.ESME_RX_T_APPN, rng=lambda: 0.0).retry_at
    latest = answer(CommandStatus.ESME_RX_T_APPN, rng=lambda: NEAR_ONE).retry_at
    assert (earliest - NOW, latest - NOW) == (4000, 5999)


@pytest.mark.parametrize("status", [CommandStatus.ESME_RINVBNDSTS, CommandStatus.ESME_RBINDFAIL])
def test_a_lost_bind_is_no_fault_of_the_message_and_costs_no_try(status: int) -> None:
    assert answer(status, tries=9).verdict is Verdict.POSTPONED
    assert answer(status, throttles=1, rng=lambda: 0.0).retry_at == NOW + 500


@pytest.mark.parametrize("status", [CommandStatus.ESME_RTHROTTLED, CommandStatus.ESME_RSYSERR])
def test_nothing_waits_beyond_its_validity(status: int) -> None:
    assert answer(status, expires_at=NOW + 100).retry_at == NOW + 100


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (CommandStatus.ESME_RINVDSTADR, ErrorCode.DESTINATION_NOT_SERVED),
        (CommandStatus.ESME_RINVSRCADR, ErrorCode.SENDER_NOT_ALLOWED),
        (CommandStatus.ESME_RINVMSGLEN, ErrorCode.TEXT_REJECTED),
        (CommandStatus.ESME_RX_R_APPN, ErrorCode.UNMAPPED),
        (0x0400, ErrorCode.UNMAPPED),
    ],
)
def test_a_permanent_error_fails_the_message_with_its_cause(status: int, error: ErrorCode) -> None:
    assert answer(status) == AfterAnswer(Verdict.REFUSED, 0, error)


def retry(
    tries: int, after: float | None = None, now: int = NOW, rng: Callable[[], float] = lambda: NEAR_ONE
) -> int | None:
    return webhook_retry(tries, first_at=NOW, now_ms=now, retry_after_ms=after, horizon_ms=72 * 3_600_000, rng=rng)


def test_a_webhook_is_tried_again_at_doubling_pauses_up_to_an_hour() -> None:
    pauses = [(retry(tries) or 0) - NOW for tries in range(1, 13)]
    assert [round(pause / 1000) for pause in pauses] == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]
    assert retry(10_000) == NOW + 3_599_996


def test_webhook_retries_are_spread_over_the_whole_pause_but_never_at_once() -> None:
    assert retry(8, rng=lambda: 0.0) == NOW + 1000
    assert retry(8, rng=lambda: 0.5) == NOW + 320_000


def test_retry_after_is_kept_to_up_to_an_hour() -> None:
    assert retry(1, after=60_000) == NOW + 60_000
    assert retry(1, after=10 * 86_400_000) == NOW + 3_600_000
    assert retry(12, after=1_000) == NOW + 3_599_996


@pytest.mark.parametrize(
    ("asked", "kept"), [(None, 0), (0, 0), (-5_000, 0), (60_000, 60_000), (10 * 86_400_000, 3_600_000)]
)
def test_an_endpoint_is_left_alone_as_long_as_it_asks_up_to_an_hour(asked: float | None, kept: int) -> None:
    assert webhook_pause_ms(asked) == kept


def test_a_webhook_is_given_up_at_the_horizon() -> None:
    assert retry(20, now=NOW + 72 * 3_600_000 - 500) is None
    assert retry(20, now=NOW + 71 * 3_600_000 - 1000) is not None


@pytest.mark.parametrize("status", [CommandStatus.ESME_RINVSCHED, CommandStatus.ESME_RSYSERR])
def test_what_a_carrier_does_not_take_to_hold_waits_here_for_its_time(status: int) -> None:
    after = before_its_time(answer(status), status, deliver_at=NOW + 90_000, now_ms=NOW)
    assert after == AfterAnswer(Verdict.POSTPONED, NOW + 90_000, None)


@pytest.mark.parametrize("status", [CommandStatus.ESME_RINVDSTADR, CommandStatus.ESME_RTHROTTLED])
def test_any_other_answer_means_the_same_before_its_time(status: int) -> None:
    after = answer(status)
    assert before_its_time(after, status, deliver_at=NOW + 90_000, now_ms=NOW) == after


def test_at_its_time_a_message_is_as_any_other() -> None:
    status = CommandStatus.ESME_RINVSCHED
    assert before_its_time(answer(status), status, deliver_at=NOW, now_ms=NOW) == answer(status)
