"""Receipts as they are handed to the store: dates in UTC, causes in our words, and what each is if it is none."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from gateway.carriers.bind import Bind
from gateway.messages import ErrorCode
from gateway.rules.causes import cause_of_receipt
from gateway.rules.failures import Action, FailureTable
from gateway.rules.receipt_words import word_of
from gateway.store.interface import InboundIn, ReceiptIn
from protocol.receipts import Receipt
from protocol.times import to_utc_ms

_CLOCK_SLACK_MS = 5 * 60_000
_cause_of = lru_cache(maxsize=4096)(cause_of_receipt)


def receipt_in(bind: Bind, receipt: Receipt, at: int, zone: ZoneInfo, otherwise: InboundIn) -> ReceiptIn:
    """As `receipts_in`; `otherwise`: the message that a handset may have written to look like this receipt."""
    (found,) = receipts_in(bind, [receipt], at, zone)
    found.otherwise = otherwise
    return found


def receipts_in(bind: Bind, receipts: Sequence[Receipt], at: int, zone: ZoneInfo) -> list[ReceiptIn]:
    """Those of one read; `at`: when they came, ms."""
    carrier, name, moments, cause_of = bind.carrier, bind.name, _Moments(zone, at), _cause_of
    return [
        ReceiptIn(
            carrier,
            name,
            receipt,
            at,
            moments[receipt.submitted_at],
            moments[receipt.done_at],
            None if (cause := cause_of(receipt.state, receipt.network_error)) is None else _named(bind, receipt, cause),
        )
        for receipt in receipts
    ]


class _Moments(dict[datetime | None, int | None]):
    """Milliseconds UTC by dates as they were written: those of receipts that come together are mostly the same."""

    def __init__(self, zone: ZoneInfo, at: int) -> None:
        super().__init__({None: None})
        self._zone = zone
        self._at = at

    def __missing__(self, moment: datetime) -> int:
        found = self[moment] = utc_ms(moment, self._zone, self._at)
        return found


def _named(bind: Bind, receipt: Receipt, cause: ErrorCode) -> ErrorCode:
    """The operator's word of the carrier's codes goes before what a number means by its network."""
    told = None if receipt.error is None else bind.settings.receipt_errors.get(receipt.error)
    return cause if told is None else ErrorCode(told.value)


def reason_to_stop(table: FailureTable, told: ReceiptIn) -> str | None:
    """What a receipt says after which, by the carrier's table, nothing more goes there; None: it may go on."""
    said = told.receipt
    if told.error is None or table.of_receipt(said.error, told.error) is not Action.STOP:
        return None
    return f"by receipt {word_of(said)} {said.error or told.error}"


def utc_ms(moment: datetime, zone: ZoneInfo, at: int) -> int:
    """Milliseconds UTC. Of an hour that comes twice, when clocks go back, the later unless it is still to come."""
    earlier, later = _both(moment, zone)
    return later if later <= at + _CLOCK_SLACK_MS else earlier


# The dates of receipts that come together are mostly the same few.
@lru_cache(maxsize=4096)
def _both(moment: datetime, zone: ZoneInfo) -> tuple[int, int]:
    first, second = to_utc_ms(moment, zone), to_utc_ms(moment.replace(fold=1), zone)
    return min(first, second), max(first, second)
