"""Who a message comes from: the forms that phones can show, whose they are, and how they are told to a carrier.

A carrier that wants another address type, or no plus, says so in its profile.
"""

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import lru_cache

from gateway.rules.faults import Fault, FaultCode
from gateway.settings.patterns import SenderPatterns, bare
from protocol.text import unencodable

MOST_CHARACTERS = 11
"""Of an alphanumeric sender: ten octets of septets in TP-Originating-Address (3GPP TS 23.040 §9.1.2.5)."""
MOST_DIGITS = 15
"""E.164 §6.1."""
SHORT_CODE_DIGITS = 8
"""The longest short codes in use; an international number has more digits nearly everywhere."""

_INTERNATIONAL = re.compile(r"\+?[1-9][0-9]+", re.ASCII).fullmatch
_DIGITS = re.compile(r"[0-9]+", re.ASCII).fullmatch
# The extension table's characters take two septets and old phones show them as blanks.
_EXTENSION = frozenset("^{}\\[]~|")
_REMEMBERED = 1024


class SenderKind(Enum):
    """The value is source_addr_ton and source_addr_npi (SMPP 3.4 §5.2.5, §5.2.6)."""

    ALPHANUMERIC = (5, 0)
    INTERNATIONAL = (1, 1)
    # Network specific, as nearly all carriers ask for; abbreviated (6) is for a subscriber's own speed dialling.
    SHORT_CODE = (3, 0)


def kind_of(sender: str) -> SenderKind:
    """By its spelling. Digits alone are a short code, unless there are more of them than short codes have."""
    if _DIGITS(sender) and len(sender) <= SHORT_CODE_DIGITS:
        return SenderKind.SHORT_CODE
    if _INTERNATIONAL(sender):
        return SenderKind.INTERNATIONAL
    return SenderKind.ALPHANUMERIC


@lru_cache(maxsize=4096)
def address_type(sender: str) -> tuple[int, int]:
    """source_addr_ton and source_addr_npi of a sender."""
    return kind_of(sender).value


class Senders:
    """The senders of one account."""

    __slots__ = ("_allowed", "_default", "_known_good", "_shown")

    def __init__(self, patterns: Iterable[str], default: str | None) -> None:
        shown = list(patterns)
        self._allowed = SenderPatterns(shown)
        self._shown = ", ".join(shown)
        self._default = default
        self._known_good: set[str] = set()

    def choose(self, given: str | None) -> str | Fault:
        """The sender of a message that names `given`, or none."""
        sender = self._default if given is None else given
        if sender is None:
            return Fault(
                "is missing: name a sender, or have a default_sender set for the account", FaultCode.SENDER_MISSING
            )
        if sender in self._known_good:
            return sender
        fault = _form_fault(sender) or self._rights_fault(sender)
        if fault is not None:
            return fault
        if len(self._known_good) < _REMEMBERED:
            self._known_good.add(sender)
        return sender

    def _rights_fault(self, sender: str) -> Fault | None:
        if self._allowed.match(sender):
            return None
        remedy = f"use one of {self._shown}" if self._shown else "the account has none yet"
        return Fault(f"is not a sender of this account: {remedy}", FaultCode.SENDER_NOT_ALLOWED)


class NumberOwners:
    """Whose an inbound message is: the account whose senders hold the number that it was sent to."""

    __slots__ = ("_exact", "_stems")

    def __init__(self, senders_by_account: Mapping[str, Iterable[str]]) -> None:
        exact: dict[str, set[str]] = {}
        stems: dict[str, set[str]] = {}
        for account, patterns in senders_by_account.items():
            for pattern in map(bare, patterns):
                if pattern.endswith("*"):
                    stems.setdefault(pattern[:-1], set()).add(account)
                else:
                    exact.setdefault(pattern, set()).add(account)
        self._exact = {number: _only(accounts) for number, accounts in exact.items()}
        # "*" lets an account send from anything; it does not make it the owner of every number.
        stems.pop("", None)
        by_length = sorted(stems.items(), key=lambda item: -len(item[0]))
        self._stems = tuple((stem, _only(accounts)) for stem, accounts in by_length)

    def account_of_number(self, number: str) -> str | None:
        """The account, by the exact number before the longest beginning.

        None: nobody's; or that of several, who must not read each other's messages.
        """
        number = bare(number)
        if number in self._exact:
            return self._exact[number]
        return next((account for stem, account in self._stems if number.startswith(stem)), None)


def _only(accounts: set[str]) -> str | None:
    return next(iter(accounts)) if len(accounts) == 1 else None


def _form_fault(sender: str) -> Fault | None:
    if not sender:
        return Fault("is empty", FaultCode.SENDER_NOT_VALID)
    if _DIGITS(sender.removeprefix("+")):
        return _number_fault(sender)
    if len(sender) > MOST_CHARACTERS:
        return Fault(
            f"is too long: {len(sender)} characters, {MOST_CHARACTERS} are the most for a name",
            FaultCode.SENDER_TOO_LONG,
        )
    if not (sender.isascii() and sender.isprintable()) or _EXTENSION & set(sender) or unencodable(sender) is not None:
        # A C-Octet String is ASCII (SMPP 3.4 §3.1): carriers read anything else in as many ways as there are carriers.
        return Fault(
            "has a character that senders cannot have: use ASCII letters, digits, blanks and . - _ & and the like",
            FaultCode.SENDER_NOT_VALID,
        )
    if sender.startswith("+"):
        return Fault("begins with a plus and is no number: leave the plus out", FaultCode.SENDER_NOT_VALID)
    if sender != sender.strip():
        return Fault("begins or ends with a blank: leave it out", FaultCode.SENDER_NOT_VALID)
    return None


def _number_fault(sender: str) -> Fault | None:
    digits = len(sender.removeprefix("+"))
    if digits > MOST_DIGITS:
        return Fault(
            f"is too long: {digits} digits, {MOST_DIGITS} are the most for a number", FaultCode.SENDER_TOO_LONG
        )
    if sender.startswith("+") and not _INTERNATIONAL(sender):
        return Fault("is not an international number: a country code does not begin with 0", FaultCode.SENDER_NOT_VALID)
    if sender.startswith("0") and digits > SHORT_CODE_DIGITS:
        return Fault("is not an international number: write it with its country code", FaultCode.SENDER_NOT_VALID)
    return None
