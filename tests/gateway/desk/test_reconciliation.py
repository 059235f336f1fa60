"""A reconciliation as CSV: what each segment counts as, sums that agree with the lines, cells that stay text."""

import csv
import io
from collections import Counter
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.desk.masks import Sight
from gateway.desk.reconciliation import details, totals
from gateway.desk.reconciliation.billed import Billed, billed
from gateway.desk.reconciliation.csv_text import line
from gateway.desk.reconciliation.desk import Detail, ReconciliationDesk, Wanted
from gateway.desk.reconciliation.details import Details
from gateway.desk.reconciliation.periods import begin_of, end_of, times_of
from gateway.desk.reconciliation.totals import Totals
from gateway.messages import AttemptState
from gateway.settings.time_zones import zone_named
from gateway.store.reconciliation.interface import HandedPage, HandedRow, Mark, Period, Walk

UTC, MADRID = ZoneInfo("UTC"), ZoneInfo("Europe/Madrid")
AT = 1_793_487_600_000
"""2026-10-31T23:00:00Z: the first of November in Madrid."""
ROW = HandedRow(
    AT << 20, 1, 2, 1, AttemptState.DELIVERED, AT, "5F3A", 0, "DELIVRD", "000", AT + 3_600_000,
    "shop", "order-8841", 0, "promotional", "SHOP", "+34600000001", "ES", False,
)  # fmt: skip


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def one(row: HandedRow, zone: ZoneInfo = UTC, sight: Sight = Sight.WHOLE) -> dict[str, str]:
    (found,) = read(details.HEAD + Details(zone, sight).line(row))
    return found


def test_a_line_names_all_that_a_bill_does() -> None:
    assert one(ROW) == {
        "submitted_at": "2026-10-31T23:00:00.000Z", "message_id": one(ROW)["message_id"], "client_id": "order-8841",
        "account": "shop", "campaign_id": "", "part": "1", "parts": "2", "attempt": "1", "carrier_message_id": "5F3A",
        "command_status": "ESME_ROK", "billed_as": "delivered", "receipt_state": "DELIVRD", "err": "000",
        "done_at": "2026-11-01T00:00:00.000Z", "possible_duplicate": "false", "number": "34600000001",
        "country": "ES", "sender": "SHOP", "lane": "promotional",
    }  # fmt: skip
    assert one(ROW)["message_id"].startswith("msg_")
    assert one(ROW._replace(campaign=AT << 20))["campaign_id"].startswith("cmp_")
    assert one(ROW._replace(command_status=None))["command_status"] == ""


def test_times_are_those_of_the_zone() -> None:
    assert one(ROW, MADRID)["submitted_at"] == "2026-11-01T00:00:00.000+01:00"
    assert times_of(MADRID)(AT - 10 * 86_400_000 + 7) == "2026-10-22T01:00:00.007+02:00"


def test_a_viewer_sees_masked_numbers_and_an_operator_whole_ones() -> None:
    row = ROW._replace(sender="+34600111222")
    assert one(row, sight=Sight.MASKED)["number"] == "34•••••••01"
    assert one(row, sight=Sight.MASKED)["sender"] == "34•••••••22"
    assert one(row)["sender"] == "34600111222"


@pytest.mark.parametrize("opener", ["=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"])
def test_no_cell_is_a_formula(opener: str) -> None:
    cells = one(ROW._replace(client_id=opener, sender=opener, carrier_message_id=opener, err=opener))
    for name in ("client_id", "sender", "carrier_message_id", "err"):
        told = cells[name]
        assert told.startswith("'") or told[0].isdecimal(), told


@given(st.lists(st.text(min_size=1), min_size=1))
def test_cells_come_back_as_they_were_by_rfc_4180(cells: list[str]) -> None:
    text = line(cells)
    assert text.endswith("\r\n")
    (found,) = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert [told.removeprefix("'") for told in found] == [cell.removeprefix("'") for cell in cells]


def test_every_state_of_an_attempt_counts_as_something_but_what_never_went_out() -> None:
    for state in AttemptState:
        if state is not AttemptState.RELEASED:
            assert billed(state, 0) in Billed
            assert billed(state, None) in Billed


@pytest.mark.parametrize(
    ("state", "status", "told"),
    [
        (AttemptState.UNKNOWN, 0, Billed.UNREPORTED),
        (AttemptState.UNKNOWN, None, Billed.IN_DOUBT),
        (AttemptState.RESENT, None, Billed.IN_DOUBT),
        (AttemptState.POSTPONED, 0x58, Billed.FAILED),
        (AttemptState.REROUTED, 0, Billed.UNDELIVERED),
        (AttemptState.EXPIRED, 0, Billed.UNDELIVERED),
    ],
)
def test_what_carriers_bill_is_told_apart(state: AttemptState, status: int | None, told: Billed) -> None:
    assert billed(state, status) is told


ROWS = st.lists(
    st.builds(
        lambda state, status, at, account, country, again: ROW._replace(
            state=state, command_status=status, claimed_at=AT + at, account=account, country=country,
            possible_duplicate=again,
        ),
        st.sampled_from([state for state in AttemptState if state is not AttemptState.RELEASED]),
        st.sampled_from([None, 0, 0x58]),
        st.integers(-3 * 86_400_000, 3 * 86_400_000),
        st.sampled_from(["shop", "mall", "=x"]),
        st.sampled_from([None, "ES", "FR"]),
        st.booleans(),
    )
)  # fmt: skip


@given(ROWS, st.sampled_from([UTC, MADRID]))
def test_sums_agree_with_the_lines(rows: list[HandedRow], zone: ZoneInfo) -> None:
    """Counted independently: from the lines as their readers see them."""
    shown = Details(zone, Sight.WHOLE)
    lines = read(details.HEAD + "".join(map(shown.line, rows)))
    expected: dict[tuple[str, str, str], Counter[str]] = {}
    for cells in lines:
        counts = expected.setdefault((cells["submitted_at"][:10], cells["country"], cells["account"]), Counter())
        end = cells["billed_as"]
        counts.update(["submitted", end])
        counts["accepted"] += end in ("delivered", "undelivered", "unreported")
        counts["possible_duplicates"] += cells["possible_duplicate"] == "true"
    counted = Totals(zone)
    for row in rows:
        counted.add(row)
    *days, every = read(totals.HEAD + "".join(counted.lines()))
    assert {(d["day"], d["country"], d["account"]): {n: int(d[n]) for n in totals.COUNTS} for d in days} == {
        key: {name: counts[name] for name in totals.COUNTS} for key, counts in expected.items()
    }
    assert every["day"] == "total"
    for name in totals.COUNTS:
        assert int(every[name]) == sum(int(day[name]) for day in days)
    for day in [*days, every]:
        assert int(day["submitted"]) == int(day["accepted"]) + int(day["failed"]) + int(day["in_doubt"])
        ends = ("delivered", "undelivered", "unreported")
        assert int(day["accepted"]) == sum(int(day[name]) for name in ends)


def test_a_day_is_that_of_the_zone_and_the_last_one_is_whole() -> None:
    assert begin_of("2026-11-01", MADRID) == AT
    assert end_of("2026-10-31", MADRID) == AT
    assert end_of("2026-10-25", MADRID) - begin_of("2026-10-25", MADRID) == 25 * 3_600_000  # type: ignore[operator]
    assert begin_of("2026-11-01T00:00:00+01:00", UTC) == end_of("2026-10-31T23:00:00Z", UTC) == AT


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-11-01T00:00:00", "9999-12-31", "0000-01-01"])
def test_what_is_no_day_is_none(text: str) -> None:
    assert end_of(text, UTC) is None


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "", "x" * 100, "\0"])
def test_what_is_no_zone_is_none(name: str) -> None:
    assert zone_named(name) is None


class Paged:
    """A store that gives these pages."""

    def __init__(self, pages: Iterable[tuple[Walk, list[HandedRow]]]) -> None:
        self.pages = list(pages)
        self.asked: list[Period] = []

    async def handed(self, period: Period, mark: Mark) -> HandedPage:
        self.asked.append(period)
        at = mark.key[0] if mark.key else 0
        following = Mark(self.pages[at + 1][0], (at + 1,)) if at + 1 < len(self.pages) else None
        return HandedPage(self.pages[at][1], following)


async def csv_of(store: Any, detail: Detail = Detail.MESSAGES, before: int = AT + 1) -> list[dict[str, str]]:
    desk = ReconciliationDesk(Any, store)  # type: ignore[arg-type]
    wanted = Wanted(Period("telco", AT - 1, before), UTC, detail, Sight.WHOLE)
    pieces = [piece async for piece in desk.pieces(wanted)]
    return read(b"".join(pieces).decode())


async def test_what_is_answered_while_it_is_read_comes_once(autojump_clock: Any) -> None:
    waiting = ROW._replace(message=7, state=AttemptState.SUBMITTING, command_status=None)
    answered = ROW._replace(message=7)
    again = answered._replace(attempt=2)
    store = Paged([(Walk.IN_HAND, [waiting]), (Walk.LATE, []), (Walk.USUAL, [ROW, answered, again])])
    lines = await csv_of(store)
    assert [(cells["billed_as"], cells["attempt"]) for cells in lines] == [
        ("in_doubt", "1"),
        ("delivered", "1"),
        ("delivered", "2"),
    ]
    (total,) = [cells for cells in await csv_of(store, Detail.TOTALS) if cells["day"] == "total"]
    assert total["submitted"] == "3"


async def test_what_is_handed_over_from_now_on_is_left_for_the_next_time(autojump_clock: Any) -> None:
    store = Paged([(Walk.IN_HAND, [])])
    await csv_of(store, before=1 << 50)
    assert store.asked[0].before < 1 << 50


async def test_nothing_at_all_is_a_head_and_sums_of_nothing(autojump_clock: Any) -> None:
    store = Paged([(Walk.IN_HAND, []), (Walk.USUAL, [])])
    assert await csv_of(store) == []
    (total,) = await csv_of(store, Detail.TOTALS)
    assert (total["day"], total["submitted"]) == ("total", "0")
