"""Campaigns against a real store, played by hand: loaded, expanded as the flow would, and counted from outside."""

from typing import Any

from gateway.rules.campaigns import Definition, to_json
from gateway.store.by import by_account
from gateway.store.campaigns.interface import (
    CampaignRow,
    NewCampaign,
    NewRecipient,
    OpenedCampaign,
    RecipientErrors,
    SliceKept,
)
from gateway.store.interface import NewMessage

DAY = 24 * 3_600_000
COUNTED = (
    "SELECT q.campaign, m.variant, CASE WHEN m.state < 5 AND m.sent_at IS NULL THEN 'queued' WHEN m.state <= 5 THEN "
    "'sent' WHEN m.state = 10 THEN 'delivered' WHEN m.state = 11 THEN 'undelivered' WHEN m.state = 12 THEN 'expired' "
    "WHEN m.state = 13 THEN 'rejected' WHEN m.state = 14 THEN 'failed' WHEN m.state = 15 THEN 'canceled' "
    "WHEN m.state = 16 THEN 'opted_out' ELSE 'unknown' END AS status, count(*) FROM messages m "
    "JOIN queues q ON q.id = m.queue WHERE q.campaign = ? GROUP BY 1, 2, 3"
)


def a_definition(**changes: Any) -> Definition:
    given = {"campaign_name": "May", "message": "Hi {name}", "lane": "promotional", "validity_ms": 2 * DAY, **changes}
    return Definition(**given)


def some_recipients(first: int, count: int, **changes: Any) -> list[NewRecipient]:
    return [
        NewRecipient(at, f"+346{at:08d}", "rest", "SHOP", "ES", '{"name":"Ann"}')._replace(**changes)
        for at in range(first, first + count)
    ]


class PlayedCampaign:
    """One campaign on a bench (tests/gateway/store/conftest.py)."""

    def __init__(self, bench: Any, account: str = "shop", **definition: Any) -> None:
        self.bench = bench
        self.account = account
        self.id: int = bench.ids.next()
        self.definition = a_definition(**definition)
        self.messages: list[int] = []

    async def open(self, key: str | None = None, scheduled_at: int | None = None) -> Any:
        new = NewCampaign(
            self.id,
            self.account,
            self.bench.ids.next(),
            to_json(self.definition),
            scheduled_at,
            self.bench.clock(),
            key,
        )
        return await self.bench.store.open_campaign(new)

    async def add(self, recipients: list[NewRecipient], errors: list[RecipientErrors] | None = None) -> SliceKept:
        kept: SliceKept = await self.bench.store.add_recipients(self.id, recipients, errors or [])
        return kept

    async def seal(self, fingerprint: bytes = b"f") -> CampaignRow:
        row: CampaignRow = await self.bench.store.seal_campaign(self.id, fingerprint)
        await self.bench.commit()
        return row

    async def load(self, count: int, key: str | None = None, scheduled_at: int | None = None) -> "PlayedCampaign":
        """Loaded and sealed."""
        assert isinstance(await self.open(key, scheduled_at), OpenedCampaign)
        for first in range(0, count, 500):
            await self.add(some_recipients(first, min(500, count - first)))
        await self.seal()
        return self

    async def expand(self, most: int = 500, variant: str | None = None, **changes: Any) -> bool:
        """Make messages of the next recipients, as the flow does. False: there are none, or it is not running."""
        expansion = await self.bench.store.expansion(self.id, most)
        if expansion is None:
            return False
        messages = [self.a_message(recipient, variant, **changes) for recipient in expansion.recipients]
        is_done: bool = await self.bench.store.expand(expansion, messages)
        if is_done:
            self.messages += [message.id for message in messages]
        return is_done

    def a_message(self, recipient: NewRecipient, variant: str | None = None, **changes: Any) -> NewMessage:
        message: NewMessage = self.bench.a_message(
            route=recipient.route,
            lane=self.definition.lane,
            recipient=recipient.recipient,
            sender=recipient.sender,
            expires_at=self.bench.clock() + self.definition.validity_ms,
            webhook_url=self.definition.webhook_url,
            variant=variant,
            **changes,
        )
        return message

    async def row(self) -> CampaignRow:
        row: CampaignRow | None = await self.bench.store.campaign(None, self.id)
        assert row is not None
        return row

    async def status(self) -> str:
        return (await self.row()).state.name.lower()

    async def counts(self) -> dict[str, int]:
        """By status, of all variants."""
        found: dict[str, int] = {}
        for (_, status), count in (await self.row()).counts.items():
            found[status] = found.get(status, 0) + count
        return found

    async def counts_are_right(self) -> bool:
        """Whether the counts are what the messages say, and the sum is what was accepted."""
        row = await self.row()
        found = {(variant, status): count for _, variant, status, count in self.bench.sql(COUNTED, self.id)}
        total = sum(row.counts.values()) + row.waiting + row.canceled_waiting
        return dict(row.counts) == found and total == row.accepted

    async def pause(self) -> Any:
        return await self.bench.store.pause_campaign(self.account, self.id, by=by_account(self.account, 1))

    async def resume(self) -> Any:
        return await self.bench.store.resume_campaign(self.account, self.id, by=by_account(self.account, 1))

    async def cancel(self) -> Any:
        return await self.bench.store.cancel_campaign(self.account, self.id, by=by_account(self.account, 1))
