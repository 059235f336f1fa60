"""Which sender a message may have in its recipient's country: the one asked for, the fallback in its place, or a fault.

The rules are data: `[countries.XX]` of the settings over config/countries.toml. Who may use a sender at all, senders.py
tells; numbers as senders pass everywhere.
"""

from collections.abc import Mapping

from gateway.rules.country_names import COUNTRY_NAMES
from gateway.rules.faults import Fault, FaultCode
from gateway.rules.senders import SenderKind, kind_of
from gateway.settings import Account
from gateway.settings.countries import CountryRules, SenderRule
from gateway.settings.patterns import SenderPatterns

_REMEMBERED = 1024
"""Senders of one country and account whose outcome is kept."""
_MOST_SHOWN = 5


class CountrySenders:
    """The countries' rules for the senders of one account."""

    __slots__ = ("_account", "_known", "_patterns", "_rules", "countries")

    def __init__(self, rules: Mapping[str, CountryRules], account: Account) -> None:
        self._rules = {code: rule for code, rule in rules.items() if rule.alphanumeric is not SenderRule.ALLOWED}
        self._account = account
        self._patterns = {code: SenderPatterns(self._registered(code)) for code in self._rules}
        self._known: dict[str, dict[str, str | Fault]] = {code: {} for code in self._rules}
        self.countries = frozenset(self._rules)
        """Those with a rule at all: nothing is asked of the others."""

    def sender_for(self, country: str | None, sender: str) -> str | Fault:
        """The sender that a message to this country has."""
        known = None if country is None else self._known.get(country)
        if known is None or country is None:
            return sender
        found = known.get(sender)
        if found is None:
            found = self._decide(country, sender)
            if len(known) < _REMEMBERED:
                known[sender] = found
        return found

    def _decide(self, country: str, sender: str) -> str | Fault:
        if kind_of(sender) is not SenderKind.ALPHANUMERIC:
            return sender
        rule = self._rules[country]
        needs_registration = rule.alphanumeric is SenderRule.REGISTERED
        if needs_registration and self._patterns[country].match(sender):
            return sender
        fallback = self._account.fallback_senders.get(country) or rule.fallback_sender
        if fallback is not None:
            return fallback
        return self._unregistered(country) if needs_registration else _numbers_alone(country)

    def _registered(self, country: str) -> list[str]:
        return [*self._account.registered_senders.get(country, ()), *self._rules[country].registered_senders]

    def _unregistered(self, country: str) -> Fault:
        own = self._account.registered_senders.get(country, ())
        use = f"use one of {', '.join(own[:_MOST_SHOWN])}" if own else "send from a number"
        told = (
            f"is a name that is not registered for {_name(country)}, which takes registered names alone: {use}, "
            f"or have registered_senders or fallback_senders set for {country}"
        )
        return Fault(told, FaultCode.SENDER_NOT_REGISTERED)


def _numbers_alone(country: str) -> Fault:
    told = (
        f"is a name, and {_name(country)} takes numbers alone as senders: send from a number, "
        f"or have fallback_senders set for {country}"
    )
    return Fault(told, FaultCode.SENDER_NOT_FOR_COUNTRY)


def _name(country: str) -> str:
    return COUNTRY_NAMES.get(country, country)
