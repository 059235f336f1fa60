"""What the store has to know of the settings: priorities, policies, tiers, endpoints and limits, in its own units."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from gateway.rules.checks import Checked
from gateway.rules.failures import USUAL as USUAL_FAILURES
from gateway.rules.failures import FailureTable, failures_of
from gateway.rules.keywords import KeywordKind, Keywords
from gateway.rules.numbers import Numbers
from gateway.rules.quiet_hours import NO_QUIET_HOURS, QuietHours
from gateway.rules.routing import Router, router_of
from gateway.rules.tiers import Tierings
from gateway.rules.ways import NO_TAGS, USUAL, mark_of, way_of
from gateway.settings import DEFAULT_EVENTS, Account, AccountLimits, InDoubt, Settings
from gateway.settings.opt_outs import OptOuts
from gateway.settings.types import NumberCheck, OptInRule, OptOutRule, OptOutScope, ReceiptsOf
from protocol.writing import TextWay

BUILT_IN_KEYWORDS = Keywords(OptOuts())


_POSTS_PER_CONNECTION = 8
OPERATOR = ""
"""The account of what operators are told; no account can have this name."""


def shown(account: str) -> str:
    """As metrics and logs call it."""
    return account or "operator"


def no_reply(account: str, number: str, handset: str, kind: KeywordKind, now: int) -> Checked | None:
    """Where nobody said what is to be answered."""
    return None


NO_ROUTES = Router(())
Reroute: TypeAlias = Callable[[str | None, str, str, str, str, str | None, str | None], str | None]
"""Of country, number, lane, account, sender, tag and campaign's name: a branch, or None where no route takes it."""


def no_route(
    country: str | None, number: str, lane: str, account: str, sender: str, tag: str | None, campaign: str | None
) -> str | None:
    """Where there are no routes."""
    return None


def no_network(number: str) -> str | None:
    """Where no network is known."""
    return None


@dataclass(slots=True, frozen=True)
class LanePolicy:
    priority: int
    in_doubt: InDoubt
    grace_ms: int
    """How long a doubt waits for a late answer or a receipt before the policy settles it."""
    text_kept_ms: int
    max_tries: int = 10
    """Sendings of a segment that no answer follows, before it is not sent again whatever `in_doubt` says."""
    minds_opt_outs: bool = True
    needs_opt_in: bool = False
    rate: int = 0
    """Messages a second over all; 0: no limit."""
    duplicate_window_ms: int = 0
    """For so long the same text to the same number is refused; 0: never."""
    retry_undelivered: bool = False
    """What a carrier did not deliver goes by another once, where its failure table says so."""


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
    holds_schedules: bool = False
    """It is told when a message is to be delivered, and holds it until then."""
    failures: FailureTable = USUAL_FAILURES
    """What its statuses and receipts of failure mean."""


_NO_CARRIER = CarrierPolicy(0, 0)
"""Of one that was taken out of the settings."""


@dataclass(slots=True, frozen=True)
class EndpointPolicy:
    url: str | None
    batch: int
    events: frozenset[str]
    opts_out_of_sender: bool = False
    """Who says STOP opts out of the number that it was said to, and not of the whole account."""
    numbers: Numbers | None = None
    """How handsets' numbers are read that come without a country code."""


@dataclass(slots=True, frozen=True)
class Policy:
    lanes: Mapping[str, LanePolicy]
    carriers: Mapping[str, CarrierPolicy]
    tierings: Tierings
    accounts: Mapping[str, EndpointPolicy]
    guaranteed_share: int
    backlog_limit: int
    disk_reserve: int
    idempotency_ms: int
    posts_per_endpoint: int
    messages_ms: int
    events_ms: int
    posts_per_connection: int = 1
    """Single events handed out for each connection to an endpoint: the next are at hand when one is told."""
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

    keywords: Keywords = BUILT_IN_KEYWORDS
    reply: Callable[[str, str, str, KeywordKind, int], Checked | None] = no_reply
    """What an account answers a keyword, ready to be filed: of account, number written to, handset, kind and now in
    milliseconds. None: nothing."""

    limits: Mapping[str, AccountLimits] = field(default_factory=dict)
    """By account."""
    digest_keys: Mapping[str, bytes] = field(default_factory=dict)
    """By account: under which its recent texts are digested."""

    quiet_hours: QuietHours = NO_QUIET_HOURS

    router: Router = NO_ROUTES
    """By which a message is filed anew whose route is no longer in the settings."""
    network_of: Callable[[str], str | None] = no_network
    """The network of a number as far as a table tells, for routes that ask for it; called in any thread."""
    departed: frozenset[str] = frozenset()
    """Carriers that are known for what they were given, and are not in the settings any more."""

    def has_route(self, branch: str) -> bool:
        """Whether the branch's route is in the settings."""
        return branch in self.tierings

    def reroute(
        self,
        country: str | None,
        number: str,
        lane: str,
        account: str,
        sender: str,
        tag: str | None,
        campaign: str | None,
    ) -> str | None:
        """The branch that a message is filed under whose route is no longer in the settings; see Reroute."""
        mccmnc = self.network_of(number) if self.router.needs_networks else None
        return self.router.route_for(country, number, lane, account, sender, tag, campaign, mccmnc)

    def way_of(self, carrier: str) -> TextWay:
        return self.carriers.get(carrier, _NO_CARRIER).way

    def tags_of(self, carrier: str) -> frozenset[str]:
        """The TLVs of messages that a carrier takes."""
        return self.carriers.get(carrier, _NO_CARRIER).message_tlvs

    def failures_of(self, carrier: str) -> FailureTable:
        """What a carrier's failures mean."""
        return self.carriers.get(carrier, _NO_CARRIER).failures

    def holds_schedules(self, carrier: str) -> bool:
        """Whether a carrier may have a message before its time."""
        return self.carriers.get(carrier, _NO_CARRIER).holds_schedules

    def mark_of(self, carrier: str) -> str:
        """See gateway.rules.ways.mark_of."""
        return mark_of(carrier, self.way_of(carrier), self.tags_of(carrier))


def policy_of(settings: Settings) -> Policy:
    """The store's view of the settings."""
    return Policy(
        lanes={
            name: LanePolicy(
                lane.priority,
                lane.in_doubt,
                _ms(lane.doubt_grace),
                _ms(lane.text_kept),
                lane.max_tries,
                lane.opt_out is OptOutRule.RESPECT,
                lane.opt_in is OptInRule.REQUIRED,
                lane.rate,
                _ms(lane.duplicate_window),
                lane.retry_undelivered,
            )
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
                carrier.holds_schedules,
                failures_of(carrier),
            )
            for name, carrier in settings.carriers.items()
        },
        tierings=Tierings(settings.routes),
        accounts={
            **_operator(settings),
            **{
                name: EndpointPolicy(
                    account.webhook.url if account.webhook else None,
                    account.webhook.batch if account.webhook else 1,
                    frozenset(account.webhook.events) if account.webhook else frozenset(DEFAULT_EVENTS),
                    account.opt_out_scope is OptOutScope.SENDER,
                    Numbers(NumberCheck.SHAPE, account.bare_digits, account.default_region),
                )
                for name, account in settings.accounts.items()
            },
        },
        guaranteed_share=settings.limits.guaranteed_share,
        backlog_limit=settings.store.backlog_limit,
        disk_reserve=settings.store.disk_reserve,
        idempotency_ms=_ms(settings.retention.idempotency),
        posts_per_endpoint=settings.webhooks.connections,
        posts_per_connection=_POSTS_PER_CONNECTION,
        messages_ms=_ms(settings.retention.messages),
        events_ms=_ms(settings.retention.events),
        horizon_ms=_ms(settings.webhooks.horizon),
        inbound_text_ms=_ms(settings.retention.text),
        keywords=Keywords(settings.opt_outs),
        quiet_hours=QuietHours(settings.countries, settings.lanes.values()),
        limits={name: account.limits for name, account in settings.accounts.items()},
        digest_keys={name: _digest_key(account) for name, account in settings.accounts.items()},
        router=router_of(settings.routes),
    )


def _operator(settings: Settings) -> dict[str, EndpointPolicy]:
    """The endpoint of operators, as if it were one more account's; one event a POST, as each may call somebody out."""
    webhook = settings.operator.webhook
    return {} if webhook is None else {OPERATOR: EndpointPolicy(webhook.url, 1, frozenset(webhook.events))}


def _digest_key(account: Account) -> bytes:
    """Of what stands in the configuration alone: who has only the store can't try out what a text was.

    It changes with the account's tokens, and what is refused as a duplicate begins anew then.
    """
    return hashlib.sha256("".join(sorted(token.sha256 for token in account.tokens)).encode()).digest()


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
