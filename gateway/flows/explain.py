"""Where a message would go and why, for operators and previews: asked of a number and what little else decides.

Nothing is filed. What decides are the same router, tiers and facts as of a message; the words are rules/explanations'.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import NamedTuple

import trio

from gateway.flows.number_facts import NumberFacts
from gateway.rules.branches import facts_of, route_of
from gateway.rules.checks import Checked
from gateway.rules.countries import CountrySenders
from gateway.rules.explanations import (
    CarrierSaid,
    is_anothers,
    outcome_lines,
    route_lines,
    subject_lines,
    tier_lines,
)
from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.rules.networks import NetworkKnown
from gateway.rules.numbers import Numbers
from gateway.rules.prices import Prices
from gateway.rules.routing import Facts, router_of
from gateway.rules.senders import Senders
from gateway.rules.tiers import Tierings
from gateway.settings import Account, Settings

States = Callable[[Collection[str]], Mapping[str, CarrierSaid]]
"""How carriers stand now, by name."""


def all_able(carriers: Collection[str]) -> Mapping[str, CarrierSaid]:
    """Where nobody knows: by the settings alone."""
    return dict.fromkeys(carriers, CarrierSaid(True, "taken as able to send"))


class RouteQuestion(NamedTuple):
    """A message that might be sent; None where the account's own is meant."""

    number: str
    account: str | None = None
    lane: str | None = None
    sender: str | None = None
    tag: str | None = None
    campaign: str | None = None


class Explained(NamedTuple):
    route: str | None
    """None: no route takes it."""
    lines: list[str]


class Explainer:
    """Explains by the settings. `states`: see States."""

    def __init__(
        self,
        settings: Settings,
        facts: NumberFacts,
        states: States,
        tierings: Tierings | None = None,
    ) -> None:
        """`tierings`: those that the deal goes by; made of the settings where not given."""
        self._facts = facts
        self._states = states
        self.reconfigure(settings, tierings)

    def reconfigure(self, settings: Settings, tierings: Tierings | None = None) -> None:
        self._settings = settings
        self._router = router_of(settings.routes)
        self._tierings = Tierings(settings.routes) if tierings is None else tierings

    async def explain(self, asked: RouteQuestion) -> Explained | ItemErrors:
        """The whole of it, prices too, or what is wrong with the question."""
        read = self._read(asked)
        if isinstance(read, ItemErrors):
            return read
        if self._router.needs_networks:
            await self._facts.warm([read.number])
        network = self._facts.network_of(read.number)
        facts = read._replace(mccmnc=None if network is None else network.mccmnc)
        # In a thread of its own: to tell of ten thousand routes takes a tenth of a second.
        tell = partial(self._told, facts, network, self.carriers_now(), prices=True)
        return await trio.to_thread.run_sync(tell)

    def carriers_now(self) -> Mapping[str, CarrierSaid]:
        """How all carriers stand; to be asked where they run."""
        return self._states(self._settings.carriers)

    def tiers_of(self, branch: str) -> list[tuple[str, ...]]:
        """The carriers of a branch, in the order in which they are asked."""
        return [tier.carriers for tier in self._tierings.of(branch).tiers]

    def told_of(
        self, account: str, checked: Checked, carriers: Mapping[str, CarrierSaid]
    ) -> tuple[str | None, list[str]]:
        """Of a message as it was checked: MCC and MNC where a route minds them, and the lines for its account.

        `carriers`: how they stood just before; this is called in any thread.
        """
        facts = Facts(checked.country, checked.recipient, checked.lane, account, checked.sender, checked.tag)
        network = self._facts.network_of(facts.number) if self._router.needs_networks else None
        facts = facts._replace(mccmnc=None if network is None else network.mccmnc)
        return facts.mccmnc, self._told(facts, network, carriers, prices=False, of_account=True).lines

    def _told(
        self,
        facts: Facts,
        network: NetworkKnown | None,
        carriers: Mapping[str, CarrierSaid],
        *,
        prices: bool,
        of_account: bool = False,
    ) -> Explained:
        """The lines about a message of these facts. `of_account`: for its account, which is told nothing of routes that
        ask for another account."""
        considered = list(self._router.considered(facts))
        branch = considered[-1].branch if considered else None
        shown = [one for one in considered if not of_account or not is_anothers(one)]
        lines = [*subject_lines(facts, network), *route_lines(shown)]
        if branch is None:
            return Explained(None, [*lines, "no route takes it: it is refused as no_route"])
        tiering = self._tierings.of(branch)
        charged = self._prices(branch, facts) if prices else None
        lines += tier_lines(tiering, charged)
        return Explained(route_of(branch), [*lines, *outcome_lines(tiering, carriers, of_account=of_account)])

    def _prices(self, branch: str, facts: Facts) -> dict[str, float]:
        route = self._tierings.route(branch)
        if route is None:
            return {}
        prices = Prices(route)
        place = facts_of(prices.branch_of(facts.country, facts.number))
        found = {name: prices.of(name, *place) for name in route.carriers}
        return {name: price for name, price in found.items() if price is not None}

    def _read(self, asked: RouteQuestion) -> Facts | ItemErrors:
        errors = ItemErrors()
        account = self._account(asked.account, errors)
        if account is None:
            return errors
        number = Numbers(account.number_check, account.bare_digits, account.default_region).check(asked.number)
        lane = account.default_lane if asked.lane is None else asked.lane
        if lane not in self._settings.lanes:
            lanes = ", ".join(self._settings.lanes)
            errors.add("lane", Fault(f"is not a lane: use one of {lanes}", FaultCode.UNKNOWN_LANE))
        sender = Senders(account.senders, account.default_sender).choose(asked.sender)
        if not isinstance(number, Fault) and not isinstance(sender, Fault):
            sender = CountrySenders(self._settings.countries, account).sender_for(number.country, sender)
        errors.add_faults((("number", number), ("sender", sender)))
        if isinstance(number, Fault) or isinstance(sender, Fault) or errors.fields:
            return errors
        return Facts(number.country, number.e164, lane, account.name, sender, asked.tag, asked.campaign)

    def _account(self, name: str | None, errors: ItemErrors) -> Account | None:
        accounts = self._settings.accounts
        if name is None and len(accounts) == 1:
            return next(iter(accounts.values()))
        if name in accounts:
            return accounts[name]
        known = ", ".join(accounts)
        if name is None:
            errors.add("account", Fault(f"is missing: give one of {known}", FaultCode.MISSING))
        else:
            errors.add("account", Fault(f"is not in the settings, which have {known}", FaultCode.UNKNOWN_FIELD))
        return None
