"""Recipients become messages: the next slice is read by a look-up, rendered outside, and filed here exactly once.

`expanded_to` moves in the transaction that inserts the messages, guarded by where it was when the slice was read.
"""

import sqlite3
from collections.abc import Mapping, Sequence

from gateway.messages import ErrorCode, MessageState
from gateway.store import accepts
from gateway.store.campaigns import counts
from gateway.store.campaigns.interface import CampaignState, Expansion, NewRecipient
from gateway.store.interface import NewMessage, Submission
from gateway.store.work import NOTHING_SAID, OutOfStep, Work

_CAMPAIGN = (
    f"SELECT account, definition, expanded_to FROM campaigns WHERE id = ? AND state = {int(CampaignState.RUNNING)}"
)
_NEXT = (
    "SELECT position, recipient, route, sender, country, fields FROM campaign_recipients "
    "WHERE campaign = ? AND position > ? ORDER BY position LIMIT ?"
)
_AT = "SELECT account, request_id FROM campaigns WHERE id = ?"
_EXPAND = (
    "UPDATE campaigns SET expanded_to = ?, waiting = waiting - ? "
    f"WHERE id = ? AND expanded_to = ? AND state = {int(CampaignState.RUNNING)}"
)


def expansion(connection: sqlite3.Connection, campaign: int, most: int) -> Expansion | None:
    """The next recipients of a running campaign; None: it is not running, or none waits."""
    row = connection.execute(_CAMPAIGN, (campaign,)).fetchone()
    if row is None:
        return None
    account, definition, after = row
    rows = connection.execute(_NEXT, (campaign, after, most)).fetchall()
    recipients = [NewRecipient._make(recipient) for recipient in rows]
    return Expansion(campaign, account, definition, after, recipients) if recipients else None


def expand(work: Work, expansion: Expansion, messages: Sequence[NewMessage], failed: Mapping[int, ErrorCode]) -> bool:
    """File a message for each of the first recipients, unless the campaign is not where it was."""
    campaign, count = expansion.campaign, len(messages)
    standing = work.campaigns.get(campaign)
    row = work.execute(_AT, (campaign,)).fetchone()
    if not count or standing is None or row is None:
        return False
    account, request_id = row
    last = expansion.recipients[count - 1].position
    if work.execute(_EXPAND, (last, count, campaign, expansion.after)).rowcount != 1:
        return False
    accepts.file(work, Submission(campaign, account, request_id, messages), campaign)
    counts.filed(work, campaign, messages)
    work.campaigns.put(campaign, standing._replace(waiting=standing.waiting - count))
    for index, error in failed.items():
        found = work.find(messages[index].id)
        if found is None:
            raise OutOfStep("a message that was filed just now is not there")
        work.end(found, MessageState.FAILED, NOTHING_SAID._replace(error=error))
    return True
