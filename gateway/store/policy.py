"""What the store has to know of the settings: priorities, policies, tiers, endpoints and limits, in its own units."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.rules.ways import NO_TAGS, USUAL, mark_of, way_of
from gateway.settings import DEFAULT_EVENTS, InDoubt, Settings
from gateway.settings.types import ReceiptsOf
from protocol.writing import TextWay


@dataclass(slots=True, frozen=True)
class LanePolicy:
    priority: int
    in_doubt: InDoubt
    grace_ms: int
    """How long a doubt waits for a late answer or a receipt before the policy settles it."""
    text_kept_ms: int
    max_tries: int = 10
    """Sendings of a segment that no answer follows, before it is not sent again whatever `in_doubt` says."""


@dataclass(slots=True, frozen=True)
class CarrierPolicy:
    receipt_horizon_ms: int
    answer_deadline_ms: int
    """After a claim; only a safety net behind the window's own deadline."""
    id_base: str = "auto"
    """Of the ids in receipts, where answers give the other: `decimal`, `hex`, or `auto` for either."""
    receipts_of: ReceiptsOf = ReceiptsOf.EVERY
    """Which parts of a long message have a receipt to come."""
    user_message_reference: bool = False
    """Receipts may name an attempt by the reference that was told in its submit_sm."""
    query_sm: bool = False
    """It can be asked what became of a message."""
    cancel_sm: bool = False
    """It can be asked not to deliver a message."""
    way: TextWay = USUAL
    """How it takes texts, and gives those of handsets."""
    knows_zone: bool = False
    """The time zone of its receipts' dates is the operator's word, and not only what is usual."""
    message_tlvs: frozenset[str] = NO_TAGS
    """Tags of the TLVs of messages that it takes."""


@dataclass(slots=True, frozen=True)
class EndpointPolicy:
    url: str | None
    batch: int
    events: frozenset[str]


@dataclass(slots=True, frozen=True)
class Policy:
    lanes: Mapping[str, LanePolicy]
    carriers: Mapping[str, CarrierPolicy]
    tiers: Mapping[str, tuple[tuple[str, ...], ...]]
    accounts: Mapping[str, EndpointPolicy]
    guaranteed_share: int
    backlog_limit: int
    disk_reserve: int
    idempotency_ms: int
    posts_per_endpoint: int
    messages_ms: int
    events_ms: int
    horizon_ms: int = 72 * 3_600_000
    """How long an event is tried; what an endpoint that takes nothing was not told by then is given up."""
    linger_ms: int = 50
    """How long a batched endpoint's events wait for company."""
    inbound_text_ms: int = 24 * 3_600_000
    """How long the text of an inbound message is kept, if it was told by then."""
    inbound_parts_ms: int = 15 * 60_000
    """How long a long inbound message waits for its next part; and how long a part that comes again is then known.
    Carriers try again within minutes what was not answered."""
    parked_ms: int = 72 * 3_600_000
    """How long an unmatched receipt is kept and tried."""

    def way_of(self, carrier: str) -> TextWay:
        policy = self.carriers.get(carrier)
        return policy.way if policy else USUAL

    def tags_of(self, carrier: str) -> frozenset[str]:
        """The TLVs of messages that a carrier takes."""
        policy = self.carriers.get(carrier)
        return policy.message_tlvs if policy else NO_TAGS

    def mark_of(self, carrier: str) -> str:
        """See gateway.rules.ways.mark_of."""
        return mark_of(carrier, self.way_of(carrier), self.tags_of(carrier))


def policy_of(settings: Settings) -> Policy:
    """The store's view of the settings."""
    return Policy(
        lanes={
            name: LanePolicy(lane.priority, lane.in_doubt, _ms(lane.doubt_grace), _ms(lane.text_kept), lane.max_tries)
            for name, lane in settings.lanes.items()
        },
        carriers={
            name: CarrierPolicy(
                _ms(carrier.receipt_horizon),
                2 * _ms(carrier.response_timeout) + 60_000,
                carrier.message_id.value,
                carrier.receipts_of,
                carrier.user_message_reference,
                carrier.query_sm,
                carrier.cancel_sm,
                way_of(carrier),
                "receipt_timezone" in carrier.model_fields_set,
                frozenset(carrier.message_tlvs),
            )
            for name, carrier in settings.carriers.items()
        },
        tiers={route.name: route.carriers_by_tier for route in settings.routes},
        accounts={
            name: EndpointPolicy(
                account.webhook.url if account.webhook else None,
                account.webhook.batch if account.webhook else 1,
                frozenset(account.webhook.events) if account.webhook else frozenset(DEFAULT_EVENTS),
            )
            for name, account in settings.accounts.items()
        },
        guaranteed_share=settings.limits.guaranteed_share,
        backlog_limit=settings.store.backlog_limit,
        disk_reserve=settings.store.disk_reserve,
        idempotency_ms=_ms(settings.retention.idempotency),
        posts_per_endpoint=settings.webhooks.connections,
        messages_ms=_ms(settings.retention.messages),
        events_ms=_ms(settings.retention.events),
        horizon_ms=_ms(settings.webhooks.horizon),
        inbound_text_ms=_ms(settings.retention.text),
    )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
