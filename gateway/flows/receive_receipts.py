"""Receipts as they are handed to the store: dates in UTC, causes in our words, and what each is if it is none."""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from gateway.carriers.bind import Bind
from gateway.messages import ErrorCode
from gateway.rules.causes import cause_of_receipt
from gateway.store.interface import InboundIn, ReceiptIn
from protocol.receipts import Receipt
from protocol.times import to_utc_ms

_CLOCK_SLACK_MS = 5 * 60_000
_cause_of = lru_cache(maxsize=4096)(cause_of_receipt)


def receipt_in(bind: Bind, receipt: Receipt, at: int, zone: ZoneInfo, otherwise: InboundIn | None) -> ReceiptIn:
    """`at`: when it came, ms; `otherwise`: the message that a handset may have written to look like this receipt."""
    submitted_at, done_at = receipt.submitted_at, receipt.done_at
    return ReceiptIn(
        bind.carrier,
        bind.name,
        receipt,
        at,
        None if submitted_at is None else utc_ms(submitted_at, zone, at),
        None if done_at is None else utc_ms(done_at, zone, at),
        _cause(bind, receipt),
        otherwise,
    )


def _cause(bind: Bind, receipt: Receipt) -> ErrorCode | None:
    """The operator's word of the carrier's codes goes before what a number means by its network."""
    cause = _cause_of(receipt.state, receipt.network_error)
    if cause is None or receipt.error is None or not (named := bind.settings.receipt_errors):
        return cause
    told = named.get(receipt.error)
    return cause if told is None else ErrorCode(told.value)


def utc_ms(moment: datetime, zone: ZoneInfo, at: int) -> int:
    """Milliseconds UTC. Of an hour that comes twice, when clocks go back, the later unless it is still to come."""
    earlier, later = _both(moment, zone)
    return later if later <= at + _CLOCK_SLACK_MS else earlier


# The dates of receipts that come together are mostly the same few.
@lru_cache(maxsize=4096)
def _both(moment: datetime, zone: ZoneInfo) -> tuple[int, int]:
    first, second = to_utc_ms(moment, zone), to_utc_ms(moment.replace(fold=1), zone)
    return min(first, second), max(first, second)
