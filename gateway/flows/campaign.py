"""Campaigns out: recipients become messages as their queue runs low, rendered here and filed by the store exactly once.

The store tells of a campaign that runs low; a slice of its recipients is read, rendered and given back. A campaign that
is paused or canceled is not told of, so it costs nothing; one that fails is put off and logged, and the others go on.
"""

import logging
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Protocol

import msgspec
import trio

from gateway.flows.quiet_campaigns import QuietCampaigns
from gateway.identifiers import CAMPAIGN, Identifiers, now_ms, public
from gateway.logs import quoted
from gateway.messages import ErrorCode
from gateway.rules.branches import route_of
from gateway.rules.campaigns import Definition, from_json
from gateway.rules.faults import Fault, ItemErrors
from gateway.rules.options import NOTHING_ASKED
from gateway.rules.options import from_json as options_from_json
from gateway.rules.paces import Pace
from gateway.rules.quiet_hours import NO_QUIET_HOURS, QuietHours
from gateway.rules.templates import Template, parse_template
from gateway.rules.texts import ReadyText, prepare
from gateway.store.allowances.interface import AllowanceStore
from gateway.store.campaigns.interface import CampaignStore, Expansion, NewRecipient
from gateway.store.faults import described
from gateway.store.interface import NewMessage, StoreBusy, StoreFull
from gateway.store.policy import Reroute, no_route

SLICE = 500
"""Recipients that become messages in one transaction."""
AT_A_TIME = 50
"""Rendered before others have their turn: some 2 ms."""
AGAIN_SECONDS = 1.0
"""Before a store that could not write is asked again, and at first after a fault; then twice as long each time."""
LONGEST_SECONDS = 60.0
DAY_AGAIN_SECONDS = 30.0
"""Before it is looked again whether an account that has sent all of its day may send more."""
NO_LIMIT: Mapping[str, float] = {}
_log = logging.getLogger("sluice.campaign")
_values = msgspec.json.Decoder(dict[str, object]).decode
_NO_TEXT = ReadyText("", "gsm7", 1)


class ExpandingStore(CampaignStore, AllowanceStore, Protocol):
    """What expanding asks of a store."""


class Expand:
    """Makes messages of the recipients of running campaigns."""

    def __init__(
        self,
        store: ExpandingStore,
        ids: Identifiers,
        routes: Container[str],
        *,
        clock: Callable[[], int] = now_ms,
        fastest: Mapping[str, float] = NO_LIMIT,
        quiet: QuietHours = NO_QUIET_HOURS,
        reroute: Reroute = no_route,
    ) -> None:
        """`routes`: the names of those in the settings; `fastest`: messages a second of an account, 0: no limit;
        `reroute`: by which branch goes what was accepted for a route that is no more."""
        self._store = store
        self._ids = ids
        self._routes = routes
        self._clock = clock
        self._fastest = fastest
        self._quiet = QuietCampaigns(quiet)
        self._reroute = reroute
        self._told: set[int] = set()
        self._under_way: set[int] = set()
        self._stirred = trio.Event()
        self._slot = trio.CapacityLimiter(1)
        """One slice is in memory at a time, however many campaigns run."""
        self._paces: dict[int, Pace] = {}

    def reconfigure(
        self, routes: Container[str], fastest: Mapping[str, float], quiet: QuietHours, reroute: Reroute
    ) -> None:
        """Other settings, for the slices from now on."""
        self._routes = routes
        self._fastest = fastest
        self._quiet.reconfigure(quiet)
        self._reroute = reroute

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Runs until cancelled."""
        async with trio.open_nursery() as nursery:
            self._store.tell_expansions(self._tell)
            task_status.started()
            while True:
                await self._stirred.wait()
                self._stirred = trio.Event()
                for campaign in self._told - self._under_way:
                    self._under_way.add(campaign)
                    nursery.start_soon(self._keep_expanding, campaign)

    def _tell(self, campaign: int) -> None:
        self._told.add(campaign)
        self._stirred.set()

    async def _keep_expanding(self, campaign: int) -> None:
        """Slice after slice for as long as it is told that the queue runs low."""
        again = AGAIN_SECONDS
        try:
            while campaign in self._told:
                try:
                    await trio.sleep(await self._expand_once(campaign))
                    again = AGAIN_SECONDS
                except (StoreBusy, StoreFull):
                    self._told.add(campaign)
                    await trio.sleep(AGAIN_SECONDS)
                except Exception as error:  # noqa: BLE001 a campaign that fails is put off, and the others go on
                    _log.error(
                        "failed and is put off campaign=%s seconds=%d fault=%s",
                        public(CAMPAIGN, campaign),
                        again,
                        quoted(described(error)),
                    )
                    self._told.add(campaign)
                    await trio.sleep(again)
                    again = min(2 * again, LONGEST_SECONDS)
        finally:
            self._under_way.discard(campaign)

    async def _expand_once(self, campaign: int) -> float:
        """One slice, as large as the campaign's own rate lets it be; what it made may bring it to be told of again.

        Seconds to wait before it is looked at again, if it is told of.
        """
        pace = self._paces.get(campaign)
        if pace is not None and not pace.allowed(trio.current_time()):
            await trio.sleep(pace.wait(trio.current_time()))
        async with self._slot:
            # From here on it is told of anew, also by the commit of this slice.
            self._told.discard(campaign)
            most = SLICE if pace is None else max(1, pace.allowed(trio.current_time()))
            expansion = await self._store.expansion(campaign, most)
            if expansion is None:
                self._paces.pop(campaign, None)
                self._quiet.ended(campaign)
                return 0
            definition = from_json(expansion.definition)
            now = trio.current_time()
            rate = self._rate(expansion.account, definition)
            if pace is None or pace.rate != rate:
                pace = self._paces[campaign] = Pace(rate, SLICE, now)
            today = self._store.may_send_today(expansion.account)
            recipients = expansion.recipients[: pace.allowed(now) if today is None else min(today, pace.allowed(now))]
            if not recipients:
                self._told.add(campaign)
                return DAY_AGAIN_SECONDS if today == 0 else 0
            openings = await self._quiet.openings(definition.lane, recipients, self._clock())
            if hold := self._quiet.hold_ms(campaign, openings, self._clock()):
                self._told.add(campaign)
                return hold / 1000
            messages, failed = await Renderer(definition, expansion, self._routes, self._reroute).render(
                recipients, openings, self._ids.next_many(len(recipients), self._clock()), self._clock()
            )
            if await self._store.expand(expansion, messages, failed):
                pace.made(len(messages))
        _log.debug("expanded campaign=%s messages=%d failed=%d", public(CAMPAIGN, campaign), len(messages), len(failed))
        return 0

    def _rate(self, account: str, definition: Definition) -> float:
        """Its own, and no faster than its account may send."""
        return min((rate for rate in (definition.rate, self._fastest.get(account, 0)) if rate), default=0)


class Renderer:
    """Recipients of one slice -> messages."""

    def __init__(
        self,
        definition: Definition,
        expansion: Expansion,
        routes: Container[str],
        reroute: Reroute = no_route,
    ) -> None:
        self._definition = definition
        self._campaign = expansion.campaign
        self._account = expansion.account
        self._routes = routes
        self._reroute = reroute
        self._template = parse_template(definition.message, spintax=definition.spintax)
        options = NOTHING_ASKED if definition.options is None else options_from_json(definition.options)
        self._most_parts = options.max_parts

    async def render(
        self, recipients: Sequence[NewRecipient], openings: Sequence[int | None], ids: range, now: int
    ) -> tuple[list[NewMessage], dict[int, ErrorCode]]:
        """A message for each; and by their index, why some of them can't be sent any more.

        `openings`: when each may be written to; None: now. `now`: wall-clock ms.
        """
        messages: list[NewMessage] = []
        failed: dict[int, ErrorCode] = {}
        for index, (recipient, opens, id_) in enumerate(zip(recipients, openings, ids, strict=True)):
            if index % AT_A_TIME == AT_A_TIME - 1:
                await trio.lowlevel.checkpoint()
            route = self._route_for(recipient)
            found = ErrorCode.NO_ROUTE if route is None else self._text_for(recipient)
            if isinstance(found, ErrorCode):
                failed[index] = found
                found = _NO_TEXT, None
            messages.append(self._message(recipient, route or recipient.route, id_, now, opens, *found))
        if failed:
            _log.warning(
                "recipients can't be sent to any more campaign=%s recipients=%d",
                public(CAMPAIGN, self._campaign),
                len(failed),
            )
        return messages, failed

    def _route_for(self, recipient: NewRecipient) -> str | None:
        """The branch that it was accepted for, or that takes it now that its route is no more; None: none does."""
        if route_of(recipient.route) in self._routes:
            return recipient.route
        definition = self._definition
        return self._reroute(
            recipient.country,
            recipient.recipient,
            definition.lane,
            self._account,
            recipient.sender,
            definition.tag,
            definition.campaign_name,
        )

    def _text_for(self, recipient: NewRecipient) -> tuple[ReadyText, str | None] | ErrorCode:
        """The text and its variant; it could be sent when the campaign was accepted, but settings change."""
        definition = self._definition
        if not isinstance(self._template, Template):
            return ErrorCode.TEXT_REJECTED
        rendered = self._template.render(_values(recipient.fields), recipient.recipient)
        if isinstance(rendered, ItemErrors):
            return ErrorCode.TEXT_REJECTED
        ready = prepare(rendered.text, allow_unicode=definition.allow_unicode, transliterate=definition.transliterate)
        if isinstance(ready, Fault) or ready.segments > self._most_parts:
            return ErrorCode.TEXT_REJECTED
        return ready, rendered.variant

    def _message(
        self,
        recipient: NewRecipient,
        route: str,
        id_: int,
        now: int,
        opens: int | None,
        ready: ReadyText,
        variant: str | None,
    ) -> NewMessage:
        definition = self._definition
        return NewMessage(
            id=id_,
            route=route,
            lane=definition.lane,
            recipient=recipient.recipient,
            sender=recipient.sender,
            text=ready.text,
            encoding=ready.encoding,
            segments=ready.segments,
            country=recipient.country,
            expires_at=(now if opens is None else opens) + definition.validity_ms,
            scheduled_at=opens,
            client_id=None,
            tag=definition.tag,
            webhook_url=definition.webhook_url,
            allow_unicode=definition.allow_unicode,
            options=definition.options,
            variant=variant,
        )
