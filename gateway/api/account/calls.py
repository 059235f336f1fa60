"""GET /v1/account: how an account is set up, what it may ask and what it has asked. Nothing secret, nobody else's."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import json
from quart import Response

from gateway.api.account.limits import LimitsOfAll
from gateway.api.account.schemas import Account, AccountLane, AccountWebhook, Limits, Use
from gateway.api.base import json_response
from gateway.identifiers import now_ms
from gateway.rules.timestamps import rfc3339
from gateway.settings import Account as AccountSettings
from gateway.settings import AccountLimits, Settings, Webhook
from gateway.store.allowances.interface import AccountUse
from gateway.store.views import EndpointRow

_DATE = len("2026-11-21")


class AccountReads(Protocol):
    """What the call asks of a store."""

    def account_use(self, account: str) -> AccountUse: ...
    async def endpoints(self, account: str | None) -> list[EndpointRow]: ...


class AccountCall:
    def __init__(
        self, settings: Settings, store: AccountReads, limits: LimitsOfAll, clock: Callable[[], int] = now_ms
    ) -> None:
        self._store = store
        self._limits = limits
        self._clock = clock
        self._accounts: Mapping[str, AccountSettings] = {}
        self.reconfigure(settings)

    def reconfigure(self, settings: Settings) -> None:
        """Other settings; a call under way of an account that has gone ends by its own."""
        self._accounts = {**self._accounts, **settings.accounts}
        self._lanes = [
            AccountLane(lane.name, lane.priority, lane.validity, lane.duplicate_window)
            for lane in sorted(settings.lanes.values(), key=lambda lane: (lane.priority, lane.name))
        ]

    async def get_account(self, account: str) -> Response:
        own = self._accounts[account]
        webhook = None if own.webhook is None else _webhook(own.webhook, await self._store.endpoints(account))
        shown = Account(
            name=account,
            limits=_limits(own.limits),
            usage=self._use(account, own.limits),
            senders=own.senders,
            default_sender=own.default_sender,
            default_region=own.default_region,
            default_lane=own.default_lane,
            lanes=self._lanes,
            number_check=own.number_check,
            bare_digits=own.bare_digits,
            unicode=own.unicode,
            opt_out_scope=own.opt_out_scope,
            webhook=webhook,
        )
        return json_response(json.encode(shown))

    def _use(self, account: str, limits: AccountLimits) -> Use:
        use, most = self._store.account_use(account), limits.messages_per_day
        return Use(
            day=rfc3339(self._clock())[:_DATE],
            messages=use.messages_today,
            segments=use.segments_today,
            messages_left=max(0, most - use.messages_today) if most else None,
            requests_left=self._limits.requests_left(account),
            backlog=sum(use.ready.values()),
            ready=use.ready,
        )


def _limits(limits: AccountLimits) -> Limits:
    return Limits(
        limits.requests_per_second or None,
        limits.messages_per_second or None,
        limits.messages_per_day or None,
        limits.backlog or None,
    )


def _webhook(webhook: Webhook, rows: Sequence[EndpointRow]) -> AccountWebhook:
    row = next((row for row in rows if row.own), None)
    events = [event.value for event in webhook.events]
    if row is None:
        return AccountWebhook(webhook.url, events, True, 0, 0, 0)
    return AccountWebhook(row.url, events, row.enabled, row.pending, row.failed, row.consecutive_failures)
