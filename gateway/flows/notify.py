"""Delivery -> signed POST -> outcome: endpoints are told of messages until they take it or the horizon ends.

The store decides what is due, in which order, and how many POSTs an endpoint may have under way; gateway.webhooks does
the POST.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache, partial
from typing import Protocol

import trio

from gateway.flows import stages
from gateway.logs import quoted
from gateway.metrics import POSTS
from gateway.rules.retrying import webhook_pause_ms, webhook_retry
from gateway.rules.timestamps import rfc3339
from gateway.settings import Settings
from gateway.store.interface import Delivery, DeliveryOutcome
from gateway.store.policy import OPERATOR, shown
from gateway.webhooks.client import PostResult
from gateway.webhooks.failures import internal_error
from gateway.webhooks.payloads import batch_body
from gateway.webhooks.signing import Header, Signer
from gateway.webhooks.turns import Turns
from gateway.webhooks.urls import host_of

log = logging.getLogger("sluice.notify")

MOST_POSTS = 256
"""POSTs, and so connections in use, for all endpoints together: a quarter of the usual 1,024 file descriptors."""
_posts_of = lru_cache(maxsize=None)(POSTS.labels)


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
    def may_begin(self, url: str) -> bool: ...
    def begin(self, url: str, body: bytes, headers: Sequence[Header], done: Callable[[PostResult], None]) -> bool: ...
    async def run(self, *, task_status: trio.TaskStatus[None] = ...) -> None: ...


@dataclass(slots=True)
class _Line:
    """What the store has dealt for one endpoint."""

    waiting: deque[Delivery] = field(default_factory=deque)
    posts: int = 0
    """Under way, or waiting for their account's turn."""


class Notify:
    """A line for each endpoint; none waits for another but for a turn when MOST_POSTS are under way.

    A POST that can be begun at once takes no task; when it ends, the next of its line is begun in the same wake-up.
    """

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
        self._posts_of_a_line = settings.webhooks.connections
        self._lines: dict[int, _Line] = {}
        """By endpoint, of those that have something."""
        self._under_way = 0
        self._idle = trio.Event()
        self._idle.set()
        self._stopping = False

    def reconfigure(self, settings: Settings) -> None:
        """Other settings, which the store goes by already; POSTs under way end by those that they began with, and what
        waits is dealt anew.
        """
        self._signers = signers_of(settings)
        self._accounts = frozenset(settings.accounts)
        self._horizon_ms = round(settings.webhooks.horizon * 1000)
        for line in self._lines.values():
            self._hand_back(line)

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
                        self._lines.setdefault(delivery.endpoint, _Line()).waiting.append(delivery)
                    for endpoint in dict.fromkeys([delivery.endpoint for delivery in deliveries]):
                        self._serve(nursery, endpoint)

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

    # --- a line

    def _serve(self, nursery: trio.Nursery, endpoint: int) -> None:
        """Begin what may be begun of an endpoint's line."""
        while (delivery := self._next(nursery, endpoint)) is not None:
            nursery.start_soon(self._work, nursery, delivery)

    def _next(self, nursery: trio.Nursery, endpoint: int) -> Delivery | None:
        """Begin what can be begun at once; the first that needs a task is given back, to be worked on."""
        line = self._lines.get(endpoint)
        if line is None:
            return None
        while line.waiting and line.posts < self._posts_of_a_line:
            delivery = line.waiting.popleft()
            line.posts += 1
            if not self._begun_at_once(nursery, delivery):
                return delivery
        if not line.posts:
            del self._lines[endpoint]
        return None

    def _begun_at_once(self, nursery: trio.Nursery, delivery: Delivery) -> bool:
        """Whether it is under way; else nothing of it has begun."""
        signer = self._signers.get(delivery.account)
        if signer is None or not self._client.may_begin(delivery.url):
            return False
        if not self._turns.take_at_once(delivery.account):
            return False
        is_begun = False
        try:
            done = partial(self._was_begun_at_once, nursery, delivery)
            is_begun = self._client.begin(delivery.url, *self._signed(delivery, signer), done)
        except Exception as error:  # noqa: BLE001 as in _work, which meets it again and says so
            log.debug("webhook not begun at once fault=%s", type(error).__name__)
        finally:
            if not is_begun:
                self._turns.give_back(delivery.account)
        return is_begun

    def _was_begun_at_once(self, nursery: trio.Nursery, delivery: Delivery, result: PostResult) -> None:
        self._turns.give_back(delivery.account)
        self._ended(delivery, self._outcome(delivery, result))
        self._serve(nursery, delivery.endpoint)

    async def _work(self, nursery: trio.Nursery, delivery: Delivery | None) -> None:
        """Deliver what can't be begun at once, one after the other while the line has such."""
        while delivery is not None:
            outcome = None
            try:
                outcome = await self._deliver(delivery)
            finally:
                # Cut off, it has no outcome and stays claimed.
                self._ended(delivery, outcome)
            endpoint = delivery.endpoint
            delivery = self._next(nursery, endpoint)
            if delivery is not None:
                self._serve(nursery, endpoint)

    async def _deliver(self, delivery: Delivery) -> DeliveryOutcome:
        signer = self._signers.get(delivery.account)
        if signer is None:
            return self._unsigned(delivery)
        await self._turns.take(delivery.account)
        try:
            result = await self._client.post(delivery.url, *self._signed(delivery, signer))
        except Exception as error:
            # The one supervisor of POSTs: our fault over one delivery must not end the others, nor the daemon.
            log.exception("webhook fault: account=%s webhook_id=%s", shown(delivery.account), delivery.webhook_id)
            result = PostResult(None, internal_error(error), None, 0)
        finally:
            self._turns.give_back(delivery.account)
        return self._outcome(delivery, result)

    def _ended(self, delivery: Delivery, outcome: DeliveryOutcome | None) -> None:
        line = self._lines[delivery.endpoint]
        line.posts -= 1
        if outcome is not None:
            self._record(delivery, outcome)
            if not outcome.taken:
                self._hand_back(line)
        self._end()

    def _hand_back(self, line: _Line) -> None:
        """What waits is the store's again: it probes an endpoint that failed by one POST at a time."""
        for delivery in line.waiting:
            self._store.delivered(self._unmade(delivery, untried=True))
            self._end()
        line.waiting.clear()

    def _signed(self, delivery: Delivery, signer: Signer) -> tuple[bytes, list[Header]]:
        """The body and its headers, of a try that is made now."""
        body = batch_body(delivery.bodies) if delivery.batched else delivery.bodies[0]
        return body, signer.headers(delivery.webhook_id, body, self._clock() // 1000)

    # --- outcomes

    def _outcome(self, delivery: Delivery, result: PostResult) -> DeliveryOutcome:
        now = self._clock()
        retry_at = not_before = None
        if not result.is_taken and not result.is_gone:
            retry_after_ms = None if result.retry_after_seconds is None else result.retry_after_seconds * 1000
            retry_at = webhook_retry(
                delivery.tries + 1,
                first_at=delivery.created_at,
                now_ms=now,
                retry_after_ms=retry_after_ms,
                horizon_ms=self._horizon_ms,
                rng=self._rng,
            )
            if pause_ms := webhook_pause_ms(retry_after_ms):
                not_before = now + pause_ms
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
            not_before=not_before,
        )

    def _unsigned(self, delivery: Delivery) -> DeliveryOutcome:
        """Without a secret nothing is sent. What goes to the settings' own URL was dealt just before they lost it and
        waits in the store for its return; the rest is given up at once, for waiting would hold up what follows.
        """
        if delivery.own:
            return self._unmade(delivery, untried=True)
        if delivery.account in self._accounts:
            error = f"the account {delivery.account} has no webhook, so no secret to sign with"
        else:
            error = f"the account {delivery.account} is no longer in the settings"
        return self._unmade(delivery, error)

    def _unmade(self, delivery: Delivery, error: str | None = None, *, untried: bool = False) -> DeliveryOutcome:
        """Of a POST that is not made: given up, or `untried` and the store's again."""
        return DeliveryOutcome(
            id=delivery.id,
            endpoint=delivery.endpoint,
            at=self._clock(),
            latency_ms=0,
            http_status=None,
            error=error,
            taken=False,
            retry_at=None,
            untried=untried,
        )

    def _record(self, delivery: Delivery, outcome: DeliveryOutcome) -> None:
        self._store.delivered(outcome)
        if outcome.untried:
            return
        end = _end_of(delivery, outcome)
        _posts_of(shown(delivery.account), end.value).inc()
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
