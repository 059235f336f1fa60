"""The embedded store's face to campaigns: what is asked is interface.py's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from gateway.messages import ErrorCode
from gateway.store.by import By
from gateway.store.campaigns import expansion as campaign_expansion
from gateway.store.campaigns import loading, moves, readers
from gateway.store.campaigns.interface import (
    NOTHING_FAILED,
    CampaignMove,
    CampaignRow,
    Expansion,
    KnownCampaign,
    NewCampaign,
    NewRecipient,
    OpenedCampaign,
    RecipientErrors,
    SliceKept,
)
from gateway.store.face import SqliteFace
from gateway.store.interface import KeyReused, NewMessage, StoreBusy, StoreFull
from gateway.store.transaction import Order
from gateway.store.views import Page
from gateway.store.work import Work


class SqliteCampaigns(SqliteFace):
    """Mixed into SqliteStore."""

    # --- loading

    async def open_campaign(self, campaign: NewCampaign) -> OpenedCampaign | KnownCampaign | KeyReused:
        try:
            self._disk.check()
            return await self._order(partial(loading.open_campaign, campaign=campaign))
        except (StoreFull, StoreBusy) as refusal:
            # A repeat told that nothing was accepted would be sent elsewhere, and so twice.
            key = campaign.key
            look = None if key is None else partial(loading.campaign_of_key, account=campaign.account, key=key)
            return await self._or_found(refusal, look)

    async def add_recipients(
        self, campaign: int, recipients: Sequence[NewRecipient], errors: Sequence[RecipientErrors]
    ) -> SliceKept:
        self._disk.check()
        add = partial(loading.add_recipients, campaign=campaign, recipients=recipients, errors=errors)
        return await self._in_line(add, len(recipients) + len(errors))

    async def seal_campaign(self, campaign: int, fingerprint: bytes) -> CampaignRow:
        return await self._order(partial(loading.seal_campaign, campaign=campaign, fingerprint=fingerprint))

    async def fail_campaign(self, campaign: int, failure: str) -> None:
        await self._order(partial(loading.fail_campaign, campaign=campaign, failure=failure))

    # --- moving

    async def pause_campaign(self, account: str | None, campaign: int, *, by: By) -> CampaignMove:
        return await self._order(partial(moves.pause, account=account, campaign=campaign, by=by))

    async def resume_campaign(self, account: str | None, campaign: int, *, by: By) -> CampaignMove:
        return await self._order(partial(moves.resume, account=account, campaign=campaign, by=by))

    async def cancel_campaign(self, account: str | None, campaign: int, *, by: By) -> CampaignMove:
        return await self._order(partial(moves.cancel, account=account, campaign=campaign, by=by))

    # --- expanding

    def tell_expansions(self, tell: Callable[[int], None]) -> None:
        self._writer.telling.tell_expansions = tell

        def look_at_all(work: Work) -> None:
            work.campaigns.stirred.update(work.campaigns.all())

        self._writer.pending.by_hand.append(Order(look_at_all, 1, lambda result, error: None))
        self._writer.stir()

    async def expansion(self, campaign: int, most: int) -> Expansion | None:
        return await self._read(partial(campaign_expansion.expansion, campaign=campaign, most=most))

    async def expand(
        self, expansion: Expansion, messages: Sequence[NewMessage], failed: Mapping[int, ErrorCode] = NOTHING_FAILED
    ) -> bool:
        self._disk.check()
        expand = partial(campaign_expansion.expand, expansion=expansion, messages=messages, failed=failed)
        return await self._in_line(expand, len(messages))

    # --- look-ups

    async def campaign(self, account: str | None, campaign: int) -> CampaignRow | None:
        row = await self._read(partial(loading.campaign_row, account=account, campaign=campaign))
        return None if row is None else self._with_rate(row)

    async def campaigns(self, account: str | None, *, statuses: Sequence[str], limit: int, cursor: int | None) -> Page:
        look = partial(readers.campaigns, account=account, statuses=statuses, limit=limit, cursor=cursor)
        page = await self._read(look)
        return page._replace(rows=[self._with_rate(row) for row in page.rows])

    async def campaign_errors(
        self, account: str | None, campaign: int, *, limit: int, cursor: int | None
    ) -> Page | None:
        look = partial(readers.errors, account=account, campaign=campaign, limit=limit, cursor=cursor)
        return await self._read(look)

    async def campaign_of_key(self, account: str, key: str) -> KnownCampaign | None:
        known = await self._read(partial(loading.campaign_of_key, account=account, key=key))
        return None if known is None else known._replace(campaign=self._with_rate(known.campaign))

    # --- how

    def _with_rate(self, row: CampaignRow) -> CampaignRow:
        return row._replace(rate=self._writer.mirrors.campaigns.rates.per_second(row.id, self._clock()))
