"""An idempotency key stands for one call of its account, whichever table keeps what was answered under it.

Calls keep theirs until it expires, streams likewise by line, and campaigns as long as they are kept themselves.
"""

from gateway.store.campaigns.interface import CampaignState
from gateway.store.work import Work

_OF_CALLS = "FROM idempotency WHERE account = ?1 AND key = ?2 AND expires_at > ?3"
# What was not loaded to its end is an error, and an error uses no key up.
_OF_CAMPAIGNS = f"FROM campaigns WHERE account = ?1 AND key = ?2 AND state <> {int(CampaignState.FAILED)}"
_OF_STREAMS = "FROM stream_lines WHERE account = ?1 AND key = ?2 AND expires_at > ?3"
FIRST = (
    f"SELECT fingerprint, submission, answer {_OF_CALLS} "
    # No call has an empty fingerprint.
    f"UNION ALL SELECT x'', 0, x'' {_OF_CAMPAIGNS} UNION ALL SELECT x'', 0, x'' {_OF_STREAMS} LIMIT 1"
)
"""Of a key: what its call was answered, or that it is not a call's. Takes account, key and now."""
_ELSE_THAN_CAMPAIGN = f"SELECT 1 {_OF_CALLS} UNION ALL SELECT 1 {_OF_STREAMS} LIMIT 1"
_ELSE_THAN_STREAM = f"SELECT 1 {_OF_CALLS} UNION ALL SELECT 1 {_OF_CAMPAIGNS} LIMIT 1"


def is_of_no_campaign(work: Work, account: str, key: str) -> bool:
    """Whether it came with a call or a stream."""
    return work.execute(_ELSE_THAN_CAMPAIGN, (account, key, work.now)).fetchone() is not None


def is_of_no_stream(work: Work, account: str, key: str) -> bool:
    """Whether it came with a call or a campaign."""
    return work.execute(_ELSE_THAN_STREAM, (account, key, work.now)).fetchone() is not None
