from pathlib import Path

import pytest

from gateway.messages import ErrorCode
from gateway.rules.causes import cause_of_status
from gateway.rules.failures import USUAL, Action, FailureTable, failures_of
from gateway.rules.retrying import AfterAnswer, Verdict, after_answer
from gateway.settings import Carrier, Settings
from gateway.settings.causes import ReceiptCause
from gateway.settings.types import format_duration
from protocol.command_status import CommandStatus

PAGE = (Path(__file__).parents[3] / "docs" / "failures.md").read_text()
NOW = 1_700_000_000_000
VENDORS = 0x0400


def rows_of(heading: str) -> dict[str, str]:
    """First cell to action, of the first table under a heading of the page."""
    lines = PAGE.partition(f"\n{heading}\n")[2].lstrip().splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("| ---"))
    rows = {}
    for line in lines[start + 1 :]:
        if not line.startswith("|"):
            break
        first, action, *_ = (cell.strip() for cell in line.strip("|").split("|"))
        rows[first] = action.strip("`")
    return rows


def a_carrier(**given: object) -> Carrier:
    return Carrier.model_validate({"name": "telco", "hosts": ["h:1"], "system_id": "a", "password": "b", **given})


def after(status: int, action: Action, tries: int = 0) -> AfterAnswer:
    return after_answer(
        status, action, tries=tries, throttles=0, max_tries=10, now_ms=NOW, expires_at=NOW + 10**9, rng=lambda: 0.5
    )


def test_each_status_means_what_the_page_says() -> None:
    rows = rows_of("## From a command_status")
    told = {name: action for names, action in rows.items() for name in names.split(", ") if name.startswith("ESME_")}
    others = next(action for names, action in rows.items() if names.startswith("all others"))
    assert len(told) == 9
    for status in {*CommandStatus, *range(VENDORS, VENDORS + 0x100)} - {0}:
        name = CommandStatus(status).name if status in CommandStatus._value2member_map_ else ""
        assert USUAL.of_status(int(status)) == told.get(name, others), name or hex(status)


def test_each_cause_of_a_receipt_means_what_the_page_says() -> None:
    rows = rows_of("## From a receipt")
    told = {cause.strip("`"): action for causes, action in rows.items() for cause in causes.split(", ")}
    assert set(told) == {cause.value for cause in ReceiptCause} | {"unmapped"}
    for cause, action in told.items():
        assert USUAL.of_receipt("001", cause) == action, cause


def test_the_lanes_pauses_are_those_of_the_page() -> None:
    for name, lane in Settings().lanes.items():
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
        first, longest = row.strip("|").split("|")[1].strip(), row.strip("|").split("|")[3].strip()
        assert first.replace(" ", "").replace("min", "m") == format_duration(lane.retry_floor)
        assert longest.replace(" ", "").replace("min", "m") == format_duration(lane.retry_ceiling)


def test_a_carrier_may_call_its_own_status_a_reason_to_stop() -> None:
    table = failures_of(a_carrier(on_status={"0x0400": "stop", "ESME_RTHROTTLED": "fail"}))
    assert table.of_status(0x0400) is Action.STOP
    assert table.of_status(0x58) is Action.FAIL
    assert table.of_status(0x0401) is Action.FAIL
    assert table.of_status(0x14) is Action.SLOW


def test_the_carriers_own_err_goes_before_our_cause() -> None:
    table = failures_of(a_carrier(on_receipt={"0B1": "fail", "unmapped": "stop", "inbox_full": "retry_elsewhere"}))
    assert table.of_receipt("0B1", ErrorCode.UNMAPPED) is Action.FAIL
    assert table.of_receipt("0B2", ErrorCode.UNMAPPED) is Action.STOP
    assert table.of_receipt(None, ErrorCode.INBOX_FULL) is Action.RETRY_ELSEWHERE
    assert table.of_receipt(None, ErrorCode.HANDSET_ERROR) is Action.FAIL


def test_carriers_that_say_nothing_share_one_table() -> None:
    assert failures_of(a_carrier()) is USUAL
    assert FailureTable().of_status(0x08) is Action.RETRY_ELSEWHERE


@pytest.mark.parametrize(
    ("action", "verdict", "pause_ms"),
    [
        (Action.RETRY_HERE, Verdict.RETRY, 5_000),
        (Action.RETRY_ELSEWHERE, Verdict.RETRY, 5_000),
        (Action.STOP, Verdict.RETRY, 5_000),
        (Action.SLOW, Verdict.POSTPONED, 375),
        (Action.REBIND, Verdict.POSTPONED, 375),
        (Action.FAIL, Verdict.REFUSED, -NOW),
    ],
)
def test_an_action_decides_whatever_the_status_is(action: Action, verdict: Verdict, pause_ms: int) -> None:
    for status in (0x08, 0x58, VENDORS):
        told = after(status, action)
        assert (told.verdict, told.retry_at - NOW) == (verdict, pause_ms)


def test_tries_that_are_used_up_fail_whichever_action_asked_for_them() -> None:
    for action in (Action.RETRY_HERE, Action.RETRY_ELSEWHERE, Action.STOP):
        assert after(VENDORS, action, tries=9) == AfterAnswer(Verdict.REFUSED, 0, ErrorCode.CARRIER_UNAVAILABLE)


def test_a_throttle_that_is_made_final_is_told_as_one() -> None:
    assert cause_of_status(0x58) is cause_of_status(0x14) is ErrorCode.THROTTLED
