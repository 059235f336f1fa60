"""Look-ups of campaigns: plain functions of a connection (see gateway.store.readers)."""

import sqlite3
from collections.abc import Sequence
from functools import partial

from gateway.store.campaigns.interface import CampaignState, RecipientErrors
from gateway.store.campaigns.loading import COLUMNS, row_of
from gateway.store.views import NO_CURSOR, Page, page_of

_OF_ACCOUNT = f"SELECT {COLUMNS} FROM campaigns WHERE account = ? AND id < ? {{}}ORDER BY id DESC LIMIT ?"
_OF_ALL = f"SELECT {COLUMNS} FROM campaigns WHERE id < ? {{}}ORDER BY id DESC LIMIT ?"
_ACCOUNT_OF = "SELECT account FROM campaigns WHERE id = ?"
_ERRORS = "SELECT position, errors FROM campaign_errors WHERE campaign = ? AND position > ? ORDER BY position LIMIT ?"


def campaigns(
    connection: sqlite3.Connection, account: str | None, statuses: Sequence[str], limit: int, cursor: int | None
) -> Page:
    """Newest first; no statuses: of all; account None: of all accounts."""
    states = [int(CampaignState[status.upper()]) for status in statuses]
    wanted = f"AND state IN ({', '.join('?' * len(states))}) " if states else ""
    before = NO_CURSOR if cursor is None else cursor
    if account is None:
        rows = connection.execute(_OF_ALL.format(wanted), (before, *states, limit + 1)).fetchall()
    else:
        rows = connection.execute(_OF_ACCOUNT.format(wanted), (account, before, *states, limit + 1)).fetchall()
    return page_of(rows, limit, partial(row_of, connection))


def errors(
    connection: sqlite3.Connection, account: str | None, campaign: int, limit: int, cursor: int | None
) -> Page | None:
    """What is wrong with recipients, by their position; the cursor is the last position that was given."""
    found = connection.execute(_ACCOUNT_OF, (campaign,)).fetchone()
    if found is None or account not in (None, found[0]):
        return None
    after = -1 if cursor is None else cursor
    rows = connection.execute(_ERRORS, (campaign, after, limit + 1)).fetchall()
    return page_of(rows, limit, lambda row: RecipientErrors(row[0], bytes(row[1])))
