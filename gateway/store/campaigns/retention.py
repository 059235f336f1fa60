"""What is no longer owed of campaigns: recipients from the end on, a campaign with its errors and counts much later.

A campaign stays as long as any of its messages may be there, since its queues name it: until every message is younger
than its end, by a day, as far as a clock may have been set back.
"""

from gateway.identifiers import SEQUENCE_BITS
from gateway.store.work import Work

_CLOCK_MS = 24 * 3_600_000
_ENDED = "SELECT id FROM campaigns WHERE finished_at IS NOT NULL AND recipients_kept = 1 ORDER BY id LIMIT 1"
_SOME_OF = "DELETE FROM {0} WHERE campaign = ?1 AND position IN (SELECT position FROM {0} WHERE campaign = ?1 LIMIT ?2)"
_RECIPIENTS, _ERRORS = _SOME_OF.format("campaign_recipients"), _SOME_OF.format("campaign_errors")
_NO_RECIPIENTS = "UPDATE campaigns SET recipients_kept = 0 WHERE id = ?"
_OLD = (
    "SELECT id, finished_at FROM campaigns WHERE settled = 1 AND recipients_kept = 0 AND finished_at < ? "
    "ORDER BY finished_at LIMIT 1"
)
_FIRST_MESSAGE = "SELECT id FROM messages ORDER BY id LIMIT 1"
_COUNTS = "DELETE FROM campaign_counts WHERE campaign = ?"
_QUEUE = "DELETE FROM queues WHERE id = ?"
_CAMPAIGN = "DELETE FROM campaigns WHERE id = ?"


def erase_recipients(work: Work, most: int) -> int:
    """Recipients of a campaign that has ended, some at a time; how many rows."""
    row = work.execute(_ENDED).fetchone()
    if row is None:
        return 0
    rows: int = work.execute(_RECIPIENTS, (row[0], most)).rowcount
    if rows < most:
        rows += work.execute(_NO_RECIPIENTS, row).rowcount
    return rows


def erase_campaigns(work: Work, most: int) -> int:
    """The campaign that ended first, once messages of its time are erased too: its errors some at a time, then it."""
    row = work.execute(_OLD, (work.now - work.policy.messages_ms,)).fetchone()
    if row is None:
        return 0
    campaign, finished_at = row
    first = work.execute(_FIRST_MESSAGE).fetchone()
    if first is not None and first[0] <= (finished_at + _CLOCK_MS) << SEQUENCE_BITS:
        return 0
    rows: int = work.execute(_ERRORS, (campaign, most)).rowcount
    if rows < most:
        rows += work.execute(_COUNTS, (campaign,)).rowcount
        rows += work.executemany(_QUEUE, [(queue,) for queue in work.queues.queues_of(campaign)]).rowcount
        rows += work.execute(_CAMPAIGN, (campaign,)).rowcount
        work.campaigns.erase(campaign)
    return rows
