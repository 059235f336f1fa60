"""Delivery -> signed POST -> outcome: endpoints are told of messages until they take it or the horizon ends.

The store decides what is due, in which order, and how many POSTs an endpoint may have under way; gateway.webhooks does
the POST.
"""

import logging
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Protocol

import trio

from gateway.flows import stages
from gateway.logs import quoted
from gateway.metrics import POSTS
from gateway.rules.retrying import webhook_retry
from gateway.rules.timestamps import rfc3339
from gateway.settings import Settings
from gateway.store.interface import Delivery, DeliveryOutcome
from gateway.store.policy import OPERATOR, shown
from gateway.webhooks.client import PostResult
from gateway.webhooks.payloads import batch_body
from gateway.webhooks.signing import Header, Signer
from gateway.webhooks.turns import Turns
from gateway.webhooks.urls import host_of

log = logging.getLogger("sluice.notify")

MOST_POSTS = 256
"""POSTs, and so connections in use, for all endpoints together: a quarter of the usual 1,024 file descriptors."""


class _End(Enum):
    """What one try came to, as counted and logged."""

    TAKEN = "taken"
    POSTPONED = "postponed"
    GIVEN_UP = "given_up"
    DISABLED = "endpoint_disabled"


class Outbox(Protocol):
    """What of the store is needed here."""

    def take_deliveries(self, take: Callable[[list[Delivery]], None]) -> None: ...
    def delivered(self, outcome: DeliveryOutcome) -> None: ...


class Posts(Protocol):
    """gateway.webhooks.client.Client."""

    async def post(self, url: str, body: bytes, headers: Sequence[Header]) -> PostResult: ...
    async def run(self, *, task_status: trio.TaskStatus[None] = ...) -> None: ...


class Notify:
    """A task for each POST; none waits for another but for a turn when MOST_POSTS are under way."""

    def __init__(
        self, settings: Settings, store: Outbox, client: Posts, clock: Callable[[], int], rng: Callable[[], float]
    ) -> None:
        """`clock` gives wall-clock milliseconds, `rng` 0 <= x < 1."""
        self._signers = signers_of(settings)
        self._accounts = frozenset(settings.accounts)
        self._horizon_ms = round(settings.webhooks.horizon * 1000)
        self._store = store
        self._client = client
        self._clock = clock
        self._rng = rng
        self._turns = Turns(MOST_POSTS)
        self._under_way = 0
        self._idle = trio.Event()
        self._idle.set()
        self._stopping = False

    def reconfigure(self, settings: Settings) -> None:
        """Other settings; POSTs under way end by those that they began with."""
        self._signers = signers_of(settings)
        self._accounts = frozenset(settings.accounts)
        self._horizon_ms = round(settings.webhooks.horizon * 1000)

    @property
    def under_way(self) -> int:
        """Deliveries taken from the store whose outcome it has not been told."""
        return self._under_way

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Deliver until cancelled. What is under way then stays claimed; the store deals it again when next opened."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._client.run)

            def take(deliveries: list[Delivery]) -> None:
                if not self._stopping:
                    for delivery in deliveries:
                        self._begin()
                        nursery.start_soon(self._deliver, delivery)

            self._store.take_deliveries(take)
            task_status.started()
            await trio.sleep_forever()

    async def stop(self, within_seconds: float) -> int:
        """Take nothing more and let what is under way end; how many did not in time. `run` is then to be cancelled."""
        self._stopping = True
        with trio.move_on_after(within_seconds):
            await self._idle.wait()
        return self._under_way

    def _begin(self) -> None:
        if not self._under_way:
            self._idle = trio.Event()
        self._under_way += 1

    def _end(self) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._idle.set()

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            signer = self._signers.get(delivery.account)
            if signer is None:
                self._record(delivery, self._unsigned(delivery))
                return
            await self._turns.take(delivery.account)
            try:
                result = await self._post(delivery, signer)
            except Exception as error:
                # The one supervisor of POSTs: our fault over one delivery must not end the others, nor the daemon.
                log.exception("webhook fault: account=%s webhook_id=%s", shown(delivery.account), delivery.webhook_id)
                result = PostResult(None, f"internal error ({type(error).__name__})", None, 0)
            finally:
                self._turns.give_back(delivery.account)
            self._record(delivery, self._outcome(delivery, result))
        finally:
            self._end()

    async def _post(self, delivery: Delivery, signer: Signer) -> PostResult:
        body = batch_body(delivery.bodies) if delivery.batched else delivery.bodies[0]
        headers = signer.headers(delivery.webhook_id, body, self._clock() // 1000)
        return await self._client.post(delivery.url, body, headers)

    def _outcome(self, delivery: Delivery, result: PostResult) -> DeliveryOutcome:
        now = self._clock()
        retry_at = None
        if not result.is_taken and not result.is_gone:
            retry_after = result.retry_after_seconds
            retry_at = webhook_retry(
                delivery.tries + 1,
                first_at=delivery.created_at,
                now_ms=now,
                retry_after_ms=None if retry_after is None else retry_after * 1000,
                horizon_ms=self._horizon_ms,
                rng=self._rng,
            )
        return DeliveryOutcome(
            id=delivery.id,
            endpoint=delivery.endpoint,
            at=now,
            latency_ms=result.latency_ms,
            http_status=result.http_status,
            error=result.error,
            taken=result.is_taken,
            retry_at=retry_at,
            gone=result.is_gone,
        )

    def _unsigned(self, delivery: Delivery) -> DeliveryOutcome:
        """Given up at once: without a secret nothing is sent, and waiting for one would hold up what follows."""
        if delivery.account in self._accounts:
            error = f"the account {delivery.account} has no webhook, so no secret to sign with"
        elif delivery.account == OPERATOR:
            error = "operator.webhook is no longer in the settings, so there is no secret to sign with"
        else:
            error = f"the account {delivery.account} is no longer in the settings"
        return DeliveryOutcome(
            id=delivery.id,
            endpoint=delivery.endpoint,
            at=self._clock(),
            latency_ms=0,
            http_status=None,
            error=error,
            taken=False,
            retry_at=None,
        )

    def _record(self, delivery: Delivery, outcome: DeliveryOutcome) -> None:
        self._store.delivered(outcome)
        end = _end_of(delivery, outcome)
        POSTS.labels(shown(delivery.account), end.value).inc()
        if end is _End.TAKEN:
            stages.told(delivery, host_of(delivery.url), outcome.http_status, outcome.latency_ms)
        else:
            log.warning(
                "webhook not taken: account=%s host=%s webhook_id=%s try=%d http_status=%s error=%s %s",
                shown(delivery.account),
                host_of(delivery.url),
                delivery.webhook_id,
                delivery.tries + 1,
                outcome.http_status,
                quoted(outcome.error),
                f"end={end.value}" if outcome.retry_at is None else f"next_try_at={rfc3339(outcome.retry_at)}",
            )


def signers_of(settings: Settings) -> dict[str, Signer]:
    """By account, of those that have a webhook; the operator's among them."""
    webhooks = {name: account.webhook for name, account in settings.accounts.items()}
    signers = {name: Signer(webhook.keys) for name, webhook in webhooks.items() if webhook is not None}
    if settings.operator.webhook is not None:
        signers[OPERATOR] = Signer(settings.operator.webhook.keys)
    return signers


def _end_of(delivery: Delivery, outcome: DeliveryOutcome) -> _End:
    if outcome.taken:
        return _End.TAKEN
    if outcome.gone and delivery.own:
        return _End.DISABLED
    return _End.GIVEN_UP if outcome.retry_at is None else _End.POSTPONED
