"""Series that begin at 0: Prometheus sees no increase in one whose first value is that of its first event."""

from collections.abc import Iterable

from gateway.metrics import POSTS
from gateway.metrics.ends import EVENTS_ENDED, MESSAGES_ENDED, OUTCOMES, RECEIPTS_UNMATCHED, STATUSES


def begin_series(accounts: Iterable[str], lanes: Iterable[str], carriers: Iterable[str]) -> None:
    """For what the settings name, at a start or a reload; what was counted already stays."""
    for account in accounts:
        POSTS.labels(account, "taken")
        for outcome in OUTCOMES:
            EVENTS_ENDED.add(account, outcome, times=0)
    for lane in lanes:
        for status in STATUSES.values():
            MESSAGES_ENDED.add(lane, status, times=0)
    for carrier in carriers:
        RECEIPTS_UNMATCHED.add(carrier, times=0)
