"""The sums of what a carrier was handed, by day, country and account. Pure.

As large as there are days, countries and accounts, however many segments there were.
"""

from collections.abc import Callable, Iterator
from operator import add
from zoneinfo import ZoneInfo

from gateway.desk.reconciliation.billed import Billed, billed
from gateway.desk.reconciliation.csv_text import line
from gateway.desk.reconciliation.periods import times_of
from gateway.store.reconciliation.interface import HandedRow

COUNTS = (
    "submitted", "accepted", "delivered", "undelivered", "unreported", "failed", "in_doubt", "possible_duplicates",
)  # fmt: skip
HEAD = line(("day", "country", "account", *COUNTS))
ALL_DAYS = "total"
"""In the place of the day, in the last line."""
_ENDS = (Billed.DELIVERED, Billed.UNDELIVERED, Billed.UNREPORTED, Billed.FAILED, Billed.IN_DOUBT)


class Totals:
    """Counts segment by segment; submitted is accepted and failed and in_doubt, accepted is what it ended as."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._time: Callable[[int], str] = times_of(zone)
        self._counts: dict[tuple[str, str, str], list[int]] = {}

    def add(self, row: HandedRow) -> None:
        key = (self._time(row.claimed_at)[:10], row.country or "", row.account)
        counts = self._counts.setdefault(key, [0] * len(COUNTS))
        end = billed(row.state, row.command_status)
        counts[0] += 1
        counts[1] += end.is_accepted
        counts[2 + _ENDS.index(end)] += 1
        counts[-1] += row.possible_duplicate

    def lines(self) -> Iterator[str]:
        """By day, country and account; the sum of all is the last."""
        every = [0] * len(COUNTS)
        for key in sorted(self._counts):
            counts = self._counts[key]
            every = list(map(add, every, counts))
            yield line((*key, *map(str, counts)))
        yield line((ALL_DAYS, "", "", *map(str, every)))
