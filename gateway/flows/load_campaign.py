"""A campaign's recipients, as they are read -> checked and on disk, in slices: from an upload to a sealed campaign.

What the octets of an upload mean is the api's matter, the checks are gateway/rules'; flows/campaign makes messages of
recipients.
"""

import logging
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, Protocol

import msgspec
import trio

from gateway.flows.account_checks import NetworksKnown, checks_of, look_up_networks
from gateway.flows.templates import TemplatesOfAll
from gateway.identifiers import CAMPAIGN, Identifiers, now_ms, public
from gateway.rules.campaign_checks import CampaignCheck, Defined, RecipientCheck
from gateway.rules.campaigns import to_json
from gateway.rules.faults import ItemErrors
from gateway.settings import Settings
from gateway.store.campaigns.interface import (
    CampaignRow,
    KnownCampaign,
    NewCampaign,
    NewRecipient,
    OpenedCampaign,
    RecipientErrors,
    SliceKept,
)
from gateway.store.interface import KeyReused, StoreBusy, StoreFull

SLICE = 500
"""Recipients in one transaction."""
PER_TURN = 20
"""Checked without a pause: less than 1 ms of good ones. Whatever else is under way takes some ten turns, each of which
waits for one of these."""
COST_OF_ERRORS = 4
"""A wrong one costs up to so many good ones, in sentences."""
_CHARACTERS_PER_ITEM = 160
"""A longer text costs as many good ones more."""
_BUSY_WAITS = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds before a slice is added again, when the store did not answer; the time of a load is long already."""

log = logging.getLogger("sluice.campaigns")


class LoadingStore(Protocol):
    """What loading asks of a store: part of gateway.store.campaigns.interface.CampaignStore."""

    async def open_campaign(self, campaign: NewCampaign) -> OpenedCampaign | KnownCampaign | KeyReused: ...
    async def add_recipients(
        self, campaign: int, recipients: Sequence[NewRecipient], errors: Sequence[RecipientErrors]
    ) -> SliceKept: ...
    async def seal_campaign(self, campaign: int, fingerprint: bytes) -> CampaignRow: ...
    async def fail_campaign(self, campaign: int, failure: str) -> None: ...


class Order(NamedTuple):
    """A campaign to be loaded."""

    account: str
    defined: Defined
    key: str | None
    request_id: int
    most: int
    """Recipients."""


class Loaded(NamedTuple):
    row: CampaignRow


class UnderWay(Enum):
    """The same key is being loaded at this moment."""

    UNDER_WAY = "under_way"


class TooManyRecipients(Exception):  # noqa: N818 - what ends the loading, told by the api
    """More came than may; the campaign has failed."""


LoadOutcome = Loaded | KnownCampaign | KeyReused | UnderWay


class LoadCampaign:
    """Loads campaigns. `account` is an account's name in the settings."""

    def __init__(
        self,
        settings: Settings,
        store: LoadingStore,
        ids: Identifiers,
        templates: TemplatesOfAll,
        clock: Callable[[], int] = now_ms,
        networks: NetworksKnown | None = None,
    ) -> None:
        self._store = store
        self._ids = ids
        self._clock = clock
        self._networks = networks
        self._templates = templates
        self._checks: Mapping[str, CampaignCheck] = checks_of(
            settings, CampaignCheck, settings.limits.campaign_schedule_ahead, templates, networks
        )
        self._under_way: set[tuple[str, str]] = set()

    def prepare(self, settings: Settings) -> Callable[[], None]:
        """The checks of other settings, which take long to make; what is given brings them in force.

        An upload under way ends by those that it began with; so does a call of an account that has gone.
        """
        ahead = settings.limits.campaign_schedule_ahead
        checks = checks_of(settings, CampaignCheck, ahead, self._templates, self._networks)

        def swap() -> None:
            self._checks = {**self._checks, **checks}

        return swap

    def define(self, account: str, fields: Mapping[str, Any]) -> Defined | ItemErrors:
        """The campaign that these fields ask for, or all that is wrong with them."""
        return self._checks[account].define(fields, self._clock())

    async def load(
        self, order: Order, recipients: AsyncIterable[list[Any]], fingerprint: Callable[[], Awaitable[bytes]]
    ) -> LoadOutcome:
        """Load all that comes, and seal the campaign with the digest of what came.

        Whatever ends it before that leaves a failed campaign, which the same key begins again. Raises StoreFull,
        StoreBusy, TooManyRecipients, and what reading the recipients raises.
        """
        if order.key is None:
            return await self._load(order, recipients, fingerprint)
        name = (order.account, order.key)
        if name in self._under_way:
            return UnderWay.UNDER_WAY
        self._under_way.add(name)
        try:
            return await self._load(order, recipients, fingerprint)
        finally:
            self._under_way.discard(name)

    async def _load(
        self, order: Order, recipients: AsyncIterable[list[Any]], fingerprint: Callable[[], Awaitable[bytes]]
    ) -> LoadOutcome:
        now = self._clock()
        definition = order.defined.definition
        kept, starts = to_json(definition), order.defined.scheduled_at
        campaign = NewCampaign(self._ids.next(now), order.account, order.request_id, kept, starts, now, order.key)
        try:
            opened = await self._store.open_campaign(campaign)
        except trio.Cancelled as ended:
            # What was asked for is done all the same.
            await self._fail(campaign.id, _reason(ended))
            raise
        if isinstance(opened, KnownCampaign | KeyReused):
            return opened
        try:
            rules = self._checks[order.account]
            check = rules.recipients(order.defined)
            cost = 1 + len(definition.message) // _CHARACTERS_PER_ITEM
            slices = _Slices(self._store, campaign.id, check, self._clock, cost)
            async for some in recipients:
                if slices.received + len(some) > order.most:
                    raise TooManyRecipients
                for start in range(0, len(some), SLICE):
                    few = some[start : start + SLICE]
                    await look_up_networks(self._networks, rules, few)
                    await slices.take(few)
            await slices.add()
            row = await self._store.seal_campaign(campaign.id, await fingerprint())
        except BaseException as ended:
            await self._fail(campaign.id, _reason(ended))
            raise
        log.info(
            "a campaign was loaded campaign=%s account=%s received=%d accepted=%d rejected=%d duplicates=%d",
            public(CAMPAIGN, row.id),
            row.account,
            row.received,
            row.accepted,
            row.rejected,
            row.duplicates,
        )
        return Loaded(row)

    async def _fail(self, campaign: int, reason: str) -> None:
        """Whoever called may be gone, and its task with it."""
        with trio.CancelScope(shield=True):
            try:
                await self._store.fail_campaign(campaign, reason)
            except (StoreFull, StoreBusy) as error:
                # Retention ends it later, and its key begins it again before that.
                shown = public(CAMPAIGN, campaign)
                log.warning("a campaign that was cut off stays as it is campaign=%s reason=%s", shown, error)
                return
        log.info("a campaign was not loaded to its end campaign=%s reason=%s", public(CAMPAIGN, campaign), reason)


class _Slices:
    """Recipients on their way to disk."""

    def __init__(
        self, store: LoadingStore, campaign: int, check: RecipientCheck, clock: Callable[[], int], cost: int
    ) -> None:
        self._store = store
        self._campaign = campaign
        self._check = check
        self._clock = clock
        self._cost = cost
        self._good: list[NewRecipient] = []
        self._bad: list[RecipientErrors] = []
        self._budget = PER_TURN
        self.received = 0

    async def take(self, some: list[Any]) -> None:
        """Check these, with others served in between; full slices go to disk before more are looked at."""
        now = self._clock()
        for given in some:
            checked = self._check.check(given, now)
            if isinstance(checked, ItemErrors):
                self._bad.append(RecipientErrors(self.received, _encode(checked)))
                self._budget -= COST_OF_ERRORS
            else:
                self._good.append(NewRecipient(self.received, *checked))
                self._budget -= self._cost + len(checked.fields) // _CHARACTERS_PER_ITEM
            self.received += 1
            if len(self._good) + len(self._bad) >= SLICE:
                await self.add()
            elif self._budget <= 0:
                await trio.lowlevel.checkpoint()
                self._budget = PER_TURN

    async def add(self) -> None:
        """What is left."""
        if not self._good and not self._bad:
            return
        for wait in _BUSY_WAITS:
            try:
                await self._store.add_recipients(self._campaign, self._good, self._bad)
                break
            except StoreBusy:
                await trio.sleep(wait)
        else:
            await self._store.add_recipients(self._campaign, self._good, self._bad)
        self._good, self._bad, self._budget = [], [], PER_TURN


_encode = msgspec.json.Encoder().encode


def _reason(ended: BaseException) -> str:
    """Why a campaign was not loaded: a closed list, shown to its account."""
    match ended:
        case TooManyRecipients():
            return "too_many_recipients"
        case StoreFull() | StoreBusy():
            return "store_unavailable"
        case trio.Cancelled():
            return "upload_cut_off"
    return "upload_not_valid"
