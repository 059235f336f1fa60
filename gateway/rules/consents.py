"""An opt-out or opt-in as an account gives it, by hand or in an import -> ready to be kept, or what is wrong with it.

Numbers are read as those of the account's messages, so that they meet. One that could not be written to may well be on
a list of those who must not be: it is kept by its shape.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.rules.numbers import Number, Numbers
from gateway.rules.times import read_time
from gateway.rules.values import read_label, shown, type_fault, unstorable
from gateway.settings import Account, NumberCheck
from gateway.settings.patterns import bare

NUMBER_NAMES = ("number", "phone", "to")
"""In an import; the first that is given."""
FIELDS = ("sender", "source", "evidence", "at")
MOST_SENDER = 21
MOST_SOURCE = 100
MOST_EVIDENCE = 1_000
_MOST_UNKNOWN_TOLD = 50
_CLOCKS_MS = 5 * 60_000
"""A caller's clock may be so far ahead of ours."""


class CheckedConsent(NamedTuple):
    """gateway.store.consents.interface.NewConsent, in its order."""

    recipient: str
    sender: str
    at: int
    source: str
    evidence: str | None


class ConsentCheck:
    """Checks opt-outs and opt-ins for one account."""

    __slots__ = ("_by_shape", "_numbers")

    def __init__(self, account: Account) -> None:
        self._numbers = Numbers(account.number_check, account.bare_digits, account.default_region)
        self._by_shape = Numbers(NumberCheck.SHAPE, account.bare_digits, account.default_region)

    def number(self, text: str) -> str | Fault:
        """A number in E.164."""
        found = self._numbers.check(text)
        if not isinstance(found, Number):
            found = self._by_shape.check(text)
        return found.e164 if isinstance(found, Number) else found

    def one(self, number: str, fields: Mapping[str, Any], now_ms: int) -> CheckedConsent | ItemErrors:
        """What is to be kept of this number; fields that are none are told."""
        errors = ItemErrors()
        for name in [name for name in fields if name not in FIELDS][:_MOST_UNKNOWN_TOLD]:
            errors.add(shown(name), Fault(f"is not a field: use {', '.join(FIELDS)}", FaultCode.UNKNOWN_FIELD))
        return self._checked(number, fields, now_ms, "api", errors)

    def imported(self, item: Any, now_ms: int) -> CheckedConsent | ItemErrors:
        """The same of an item of a list, that may be a number alone; what else a list holds is passed over."""
        if isinstance(item, ItemErrors):
            return item
        fields: Mapping[str, Any] = {"number": item} if type(item) is str else item
        if not isinstance(fields, dict):
            return ItemErrors.of("item", type_fault(item, "a number or an object"))
        number = next((fields[name] for name in NUMBER_NAMES if fields.get(name) is not None), None)
        return self._checked(number, fields, now_ms, "import", ItemErrors())

    def _checked(
        self, given: Any, fields: Mapping[str, Any], now_ms: int, default_source: str, errors: ItemErrors
    ) -> CheckedConsent | ItemErrors:
        number = self.number(given) if type(given) is str else _missing_or(given)
        sender, evidence = read_sender(fields.get("sender")), _evidence(fields.get("evidence"))
        source = fields.get("source")
        source = default_source if source is None else read_label(source, MOST_SOURCE)
        at = _at(fields.get("at"), now_ms)
        if not (
            isinstance(number, Fault)
            or isinstance(sender, Fault)
            or isinstance(source, Fault)
            or isinstance(evidence, Fault)
            or isinstance(at, Fault)
            or errors.fields
        ):
            return CheckedConsent(number, sender, at, source, evidence)
        found = {"number": number, "sender": sender, "source": source, "evidence": evidence, "at": at}
        errors.add_faults(found.items())
        return errors


def read_sender(value: Any) -> str | Fault:
    """As it is kept; '' where none is named."""
    if value is None or value == "":
        return ""
    label = read_label(value, MOST_SENDER)
    return label if isinstance(label, Fault) else bare(label)


def _missing_or(value: Any) -> Fault:
    return Fault("is missing", FaultCode.MISSING) if value is None else type_fault(value, "a string")


def _evidence(value: Any) -> str | Fault | None:
    if value is None or value == "":
        return None
    if type(value) is not str:
        return type_fault(value, "a string")
    if len(value) > MOST_EVIDENCE:
        words = f"is too long: {len(value)} characters, {MOST_EVIDENCE:,} are the most"
        return Fault(words, FaultCode.TOO_LONG)
    return unstorable(value) or value


def _at(value: Any, now_ms: int) -> int | Fault:
    if value is None:
        return now_ms
    at = read_time(value)
    if isinstance(at, Fault):
        return at
    if at > now_ms + _CLOCKS_MS:
        return Fault("is in the future", FaultCode.TOO_FAR_AHEAD)
    if at < 0:
        return Fault("is before 1970", FaultCode.TOO_SMALL)
    return at
