"""Campaigns as they are loaded: begun, filled slice by slice, sealed or failed; and as a row and its counts read.

A slice costs the same however many came before it: what came twice is found by a unique index.
"""

import sqlite3
from collections.abc import Container, Mapping, Sequence
from typing import Any

from gateway.identifiers import CAMPAIGN, public
from gateway.rules.campaigns import from_json
from gateway.store.campaigns.interface import (
    CampaignRow,
    CampaignState,
    KnownCampaign,
    NewCampaign,
    NewRecipient,
    NotLoading,
    OpenedCampaign,
    RecipientErrors,
    SliceKept,
)
from gateway.store.campaigns.mirror import OPT_OUT, Standing
from gateway.store.consents.opt_outs import suppressed
from gateway.store.interface import KeyReused
from gateway.store.keys import is_of_no_campaign
from gateway.store.many_rows import Insert
from gateway.store.work import Work

BEGUN_AGAIN = "begun_again"
COLUMNS = (
    "id, account, state, definition, accepted, rejected, duplicates, opted_out, waiting, canceled_waiting, "
    "scheduled_at, started_at, finished_at, created_at, failure"
)
_BY_ID = f"SELECT {COLUMNS} FROM campaigns WHERE id = ?"
_COUNTS = "SELECT status, variant, messages FROM campaign_counts WHERE campaign = ? AND messages <> 0"
_BY_KEY = f"SELECT fingerprint, {COLUMNS} FROM campaigns WHERE account = ? AND key = ?"
_OPEN = (
    "INSERT INTO campaigns (id, account, request_id, state, definition, key, scheduled_at, created_at) "
    f"VALUES (?, ?, ?, {int(CampaignState.LOADING)}, ?, ?, ?, ?)"
)
_RECIPIENTS = Insert(
    "campaign_recipients",
    "campaign, position, recipient, route, sender, country, fields",
    otherwise="ON CONFLICT (campaign, recipient) DO NOTHING",
)
_ERRORS = Insert("campaign_errors", "campaign, position, errors")
_ADD = (
    "UPDATE campaigns SET accepted = accepted + ?1, waiting = waiting + ?1, rejected = rejected + ?2, "
    "duplicates = duplicates + ?3, opted_out = opted_out + ?4 WHERE id = ?5"
)
_DEFINITION = "SELECT definition FROM campaigns WHERE id = ?"
_SEAL = "UPDATE campaigns SET fingerprint = ? WHERE id = ?"
_FAIL = (
    f"UPDATE campaigns SET state = {int(CampaignState.FAILED)}, failure = ?, finished_at = ?, settled = 1, "
    "canceled_waiting = waiting, waiting = 0 WHERE id = ?"
)
_TAKE_ITS_KEY = "UPDATE campaigns SET key = NULL WHERE id = ?"


def open_campaign(work: Work, campaign: NewCampaign) -> OpenedCampaign | KnownCampaign | KeyReused:
    """Begin a campaign; or the one of the same key, if all of it was read."""
    if campaign.key is not None:
        earlier = _earlier(work, campaign.account, campaign.key)
        if earlier is not None:
            return earlier
    id_, account, request_id, definition, scheduled_at, created_at, key = campaign
    work.execute(_OPEN, (id_, account, request_id, definition, key, scheduled_at, created_at))
    rate = from_json(definition).rate
    standing = Standing(account, CampaignState.LOADING, False, 0, scheduled_at, created_at, rate, 0)
    work.campaigns.put(id_, standing)
    return OpenedCampaign()


def _earlier(work: Work, account: str, key: str) -> KnownCampaign | KeyReused | None:
    """What came under the key; None: nothing but a campaign of which not all was read, and which is given up."""
    found = work.execute(_BY_KEY, (account, key)).fetchone()
    if found is not None and found[0] is not None:
        return KnownCampaign(row_of(work.connection, found[1:]), bytes(found[0]))
    if is_of_no_campaign(work, account, key):
        return KeyReused()
    if found is not None:
        row = row_of(work.connection, found[1:])
        if row.state is CampaignState.LOADING:
            fail(work, row.id, BEGUN_AGAIN)
        work.execute(_TAKE_ITS_KEY, (row.id,))
    return None


def add_recipients(
    work: Work, campaign: int, recipients: Sequence[NewRecipient], errors: Sequence[RecipientErrors]
) -> SliceKept | NotLoading:
    """Keep a slice of recipients, and what is wrong with others."""
    standing = _loading(work, campaign)
    if isinstance(standing, NotLoading):
        return standing
    opted_out = _opted_out(work, standing.account, campaign, recipients)
    rows = [(campaign, *recipient) for index, recipient in enumerate(recipients) if index not in opted_out]
    accepted = _RECIPIENTS.rows(work, rows)
    _ERRORS.rows(work, [(campaign, position, bytearray(told)) for position, told in errors])
    kept = SliceKept(accepted, len(rows) - accepted, len(recipients) - len(rows))
    work.execute(_ADD, (accepted, len(errors), kept.duplicates, kept.opted_out, campaign))
    work.campaigns.put(campaign, standing._replace(waiting=standing.waiting + accepted))
    return kept


def _opted_out(work: Work, account: str, campaign: int, recipients: Sequence[NewRecipient]) -> Container[int]:
    """Indexes of recipients that may not be written to. Who opts out later is found when the message is claimed."""
    (definition,) = work.execute(_DEFINITION, (campaign,)).fetchone()
    pairs = [(recipient.recipient, recipient.sender) for recipient in recipients]
    return suppressed(work, account, from_json(definition).lane, pairs)


def seal_campaign(work: Work, campaign: int, fingerprint: bytes) -> CampaignRow | NotLoading:
    """All was read; the row as it stood at that moment, before the same transaction moves it on."""
    standing = _loading(work, campaign)
    if isinstance(standing, NotLoading):
        return standing
    work.execute(_SEAL, (fingerprint, campaign))
    work.campaigns.put(campaign, standing._replace(sealed=True))
    return row_of(work.connection, work.execute(_BY_ID, (campaign,)).fetchone())


def fail_campaign(work: Work, campaign: int, failure: str) -> None:
    """Its upload has ended before its end; one that is not being loaded stays as it is."""
    if not isinstance(_loading(work, campaign), NotLoading):
        fail(work, campaign, failure)


def fail(work: Work, campaign: int, failure: str) -> None:
    """Give a campaign up that is loading and not sealed."""
    work.campaigns.put(campaign, None)
    work.execute(_FAIL, (failure, work.now, campaign))


def _loading(work: Work, campaign: int) -> Standing | NotLoading:
    standing = work.campaigns.get(campaign)
    if standing is None or standing.state is not CampaignState.LOADING or standing.sealed:
        return NotLoading(f"{public(CAMPAIGN, campaign)} is not being loaded any more")
    return standing


# --- reading


def campaign_row(connection: sqlite3.Connection, account: str | None, campaign: int) -> CampaignRow | None:
    """One campaign; `account` None: whosever it is."""
    found = connection.execute(_BY_ID, (campaign,)).fetchone()
    return None if found is None or account not in (None, found[1]) else row_of(connection, found)


def campaign_of_key(connection: sqlite3.Connection, account: str, key: str) -> KnownCampaign | None:
    found = connection.execute(_BY_KEY, (account, key)).fetchone()
    if found is None or found[0] is None:
        return None
    return KnownCampaign(row_of(connection, found[1:]), bytes(found[0]))


def row_of(connection: sqlite3.Connection, found: Sequence[Any]) -> CampaignRow:
    """The campaign of a row of COLUMNS; how fast it goes only the writer knows."""
    (id_, account, state, definition, accepted, rejected, duplicates, opted_out, waiting, canceled_waiting,
     scheduled_at, started_at, finished_at, created_at, failure) = found  # fmt: skip
    counts, opt_outs = _counts_of(connection, id_)
    received = accepted + rejected + duplicates + opted_out
    return CampaignRow(
        id_, account, CampaignState(state), definition, received, accepted, rejected, duplicates, opted_out, waiting,
        canceled_waiting, scheduled_at, started_at, finished_at, created_at, failure, counts, opt_outs, 0.0,
    )  # fmt: skip


def _counts_of(
    connection: sqlite3.Connection, campaign: int
) -> tuple[Mapping[tuple[str | None, str], int], Mapping[str | None, int]]:
    counts: dict[tuple[str | None, str], int] = {}
    opt_outs: dict[str | None, int] = {}
    for status, variant, messages in connection.execute(_COUNTS, (campaign,)).fetchall():
        if status == OPT_OUT:
            opt_outs[variant] = messages
        else:
            counts[variant, status] = messages
    return counts, opt_outs
