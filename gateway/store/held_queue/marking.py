"""Holding what was open in a backup, in one transaction, before anybody opens the restored store.

Nothing is moved: the queues that there are belong to the hold from now on, whatever becomes of their messages, and what
is filed later has queues of its own.
"""

import sqlite3
from typing import NamedTuple

from gateway.identifiers import SEQUENCE_BITS
from gateway.messages import MessageState
from gateway.store.campaigns.interface import CampaignState
from gateway.store.message_events import HELD, TOLD

_HOLD = "INSERT INTO holds (since, backup, backup_at) VALUES (?, ?, ?)"
_AGAIN = "UPDATE holds SET since = ?, backup = ?, backup_at = ?, released = 0"
"""What an earlier restore held, or had held, belongs to this one too."""
_QUEUES = "UPDATE queues SET held = ? WHERE held = 0"
_OPEN = (
    f"SELECT count(*) FROM messages WHERE state IN ({int(MessageState.SCHEDULED)}, {int(MessageState.QUEUED)}, "
    f"{int(MessageState.RETRYING)}, {int(MessageState.SUBMITTING)}, {int(MessageState.IN_DOUBT)})"
)
_PAUSED = (
    f"state IN ({int(CampaignState.RUNNING)}, {int(CampaignState.SCHEDULED)}, {int(CampaignState.PAUSED)}) "
    f"OR (state = {int(CampaignState.LOADING)} AND fingerprint IS NOT NULL)"
)
_CAMPAIGNS = (
    "INSERT OR IGNORE INTO held_campaigns (id, account, state) "
    f"SELECT id, account, state FROM campaigns WHERE {_PAUSED}"
)
_PAUSE = f"UPDATE campaigns SET state = {int(CampaignState.PAUSED)} WHERE {_PAUSED}"
_EVENTS = (
    "INSERT OR IGNORE INTO held_events (id, account, endpoint) "
    f"SELECT id, account, endpoint FROM events WHERE state < {TOLD}"
)
_SILENCE = f"UPDATE events SET state = {HELD} WHERE state < {TOLD}"
_AUDIT = "INSERT INTO audit (id, at, who, request_id, what, outcome) VALUES (?, ?, 'operator', NULL, 'restore', ?)"


class Open(NamedTuple):
    """What a hold is about."""

    messages: int
    campaigns: int
    events: int


def hold(connection: sqlite3.Connection, backup: str, backup_at: int, now: int) -> Open:
    """Hold all that is open in this store, which nobody uses; `backup` is the name of the file it was restored from.

    Times in milliseconds.
    """
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_AGAIN, (now, backup, backup_at))
    number = connection.execute(_HOLD, (now, backup, backup_at)).lastrowid
    connection.execute(_QUEUES, (number,))
    (messages,) = connection.execute(_OPEN).fetchone()
    connection.execute(_CAMPAIGNS)
    connection.execute(_PAUSE)
    connection.execute(_EVENTS)
    connection.execute(_SILENCE)
    # What was ordered in the backup was never meant for what is held now.
    connection.execute("DELETE FROM held_orders")
    # Each is held by itself: what was a POST under way, or a batch, is made up anew.
    connection.execute("DELETE FROM deliveries")
    connection.execute("DELETE FROM taken")
    connection.execute(_AUDIT, (now << SEQUENCE_BITS, now, backup))
    (campaigns,) = connection.execute("SELECT count(*) FROM held_campaigns").fetchone()
    (events,) = connection.execute("SELECT count(*) FROM held_events").fetchone()
    connection.execute("COMMIT")
    return Open(messages, campaigns, events)
