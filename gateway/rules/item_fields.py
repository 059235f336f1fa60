"""The fields of an item that asks for a message: names, aliases, and what was meant by those that are none. Pure."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.rules.template_syntax import shown

ALIASES = {"message": "text", "clientId": "client_id", "allowUnicode": "allow_unicode"}
FIELDS = frozenset({
    "to", "text", "from", "client_id", "allow_unicode", "lane", "schedule", "validity", "webhook_url", "tag",
    "transliterate", "max_parts", "flash", "tlvs", "template", "variables", "spintax", "locale",
})  # fmt: skip

OTHER_NAMES = {
    "body": "text", "content": "text", "msg": "text", "phone": "to", "number": "to", "recipient": "to",
    "destination": "to", "sender": "from", "source": "from", "ttl": "validity", "callback_url": "webhook_url",
}  # fmt: skip
"""What other gateways call our fields."""

_MOST_UNKNOWN_TOLD = 50
_MOST_GUESSED = 3
_LONGEST_GUESSED = 40


def known_fields(item: Mapping[Any, Any], errors: ItemErrors) -> dict[str, Any]:
    """The item under the fields' first names, its aliases read; what is no field is told."""
    fields: dict[str, Any] = {}
    unknown: list[str] = []
    for key, value in item.items():
        name = ALIASES.get(key, key)
        if name not in FIELDS:
            unknown.append(key)
        elif fields.get(name) is None:
            fields[name] = value
        elif value is not None:
            other = next(alias for alias in (name, *ALIASES) if alias != key and ALIASES.get(alias, alias) == name)
            errors.add(key, Fault(f"says the same as {other}: give one of them", FaultCode.GIVEN_TWICE))
    for count, key in enumerate(unknown[:_MOST_UNKNOWN_TOLD]):
        meant = OTHER_NAMES.get(key) or (_nearest(key) if count < _MOST_GUESSED else None)
        hint = f"did you mean {meant}?" if meant else "leave it out"
        errors.add(shown(key), Fault(f"is not a field: {hint}", FaultCode.UNKNOWN_FIELD))
    return fields


def _nearest(key: str) -> str | None:
    """The field that a slip of the hand meant. It takes 100 µs, so few are looked for."""
    close = get_close_matches(key, FIELDS, n=1, cutoff=0.6) if len(key) <= _LONGEST_GUESSED else []
    return close[0] if close else None
