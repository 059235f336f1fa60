"""What a campaign is asked to be, and each of its recipients, checked by the account's rules as any message is.

A recipient's text is rendered here to see that it can be sent; it is rendered again when its message is made.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from gateway.rules import times
from gateway.rules.campaigns import Definition
from gateway.rules.checks import MOST_TAG, WHOLE_ITEM, ItemCheck
from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.rules.field_names import FieldNames
from gateway.rules.named_templates import Wording
from gateway.rules.options import MessageOptions, check_flag, check_max_parts, to_json
from gateway.rules.values import LARGEST_INTEGER, read_label, type_fault
from gateway.rules.wordings import read_wording

PROMOTIONAL = "promotional"
MOST_NAME = 100
LEAST_RATE = 0.0001
"""Messages a second: one in 2 h 47 min."""
MOST_RATE = 100_000
MOST_KEY = 255
PHONE_NAMES = frozenset({"phone", "to"})
ALIASES = {"text": "message", "allowUnicode": "allow_unicode"}
FIELDS = frozenset({
    "campaign_name", "message", "template", "locale", "from", "lane", "schedule", "validity", "webhook_url", "tag",
    "rate", "spintax", "allow_unicode", "transliterate", "max_parts", "idempotency_key",
})  # fmt: skip
OTHER_NAMES = {
    "name": "campaign_name", "body": "message", "content": "message", "msg": "message", "sender": "from",
    "to": "recipients", "numbers": "recipients", "phones": "recipients", "contacts": "recipients",
    "send_at": "schedule", "scheduled_at": "schedule", "callback_url": "webhook_url", "ttl": "validity",
}  # fmt: skip
"""What other gateways call our fields."""
_NAMES = FieldNames(
    FIELDS, ALIASES, OTHER_NAMES, "is not a field of a campaign", most_told=20, most_guessed=20, tells_aliases=False
)
_NO_VALUES: Mapping[str, Any] = {}
_MISSING = Fault("is missing", FaultCode.MISSING)


class Defined(NamedTuple):
    """A campaign that may be loaded."""

    definition: Definition
    wording: Wording
    scheduled_at: int | None


class CheckedRecipient(NamedTuple):
    """gateway.store.campaigns.interface.NewRecipient without its position."""

    recipient: str
    route: str
    sender: str
    country: str | None
    fields: str


class CampaignCheck(ItemCheck):
    """Checks campaigns for one account; its `schedule_ahead` is that of campaigns."""

    # Whether hours are quiet is asked when a recipient becomes a message.
    waits_for_quiet_hours = False
    __slots__ = ()

    def define(self, given: Mapping[str, Any], now_ms: int) -> Defined | ItemErrors:
        """The campaign that these fields ask for, or all that is wrong with them."""
        errors = ItemErrors()
        fields = _NAMES.read(given, errors)
        found = self._found(fields.get, now_ms)
        wording = self._read_wording(fields, given, errors)
        errors.add_faults((_NAMES.as_given(name, given), value) for name, value in found.items())
        if wording is None or errors.fields:
            return errors
        definition = Definition(
            campaign_name=found["campaign_name"],
            message=wording.text,
            lane=found["lane"],
            validity_ms=found["validity"],
            sender=found["from"],
            spintax=wording.spintax,
            allow_unicode=found["allow_unicode"],
            transliterate=found["transliterate"],
            rate=found["rate"],
            tag=found["tag"],
            webhook_url=found["webhook_url"],
            template=fields.get("template"),
            locale=fields.get("locale"),
            options=to_json(MessageOptions(found["max_parts"])),
        )
        return Defined(definition, wording, found["schedule"])

    def _found(self, get: Callable[[str], Any], now_ms: int) -> dict[str, Any]:
        """The value of each field but the text's, or its fault."""
        lane = self._lane(PROMOTIONAL if get("lane") is None else get("lane"))
        return {
            "campaign_name": _label(get("campaign_name"), MOST_NAME, _MISSING),
            "from": self._sender(get("from")),
            "lane": lane,
            "tag": _label(get("tag"), MOST_TAG, None),
            "rate": _rate(get("rate")),
            "webhook_url": self._url(get("webhook_url")),
            "allow_unicode": self._may_be_unicode(get("allow_unicode")),
            "transliterate": self._may_transliterate(get("transliterate"), get("allow_unicode")),
            "max_parts": check_max_parts(get("max_parts")),
            "schedule": self._schedule(get("schedule"), now_ms),
            "validity": self._validity(get("validity"), lane),
        }

    def recipients(self, defined: Defined) -> "RecipientCheck":
        """The check of a campaign's recipients."""
        return RecipientCheck(self, defined)

    def number_of(self, phone: Any) -> str | Fault:
        """E.164, or what is wrong with it."""
        number = self._number(phone)
        return number if isinstance(number, Fault) else number.e164

    def usual_text(self) -> dict[str, bool]:
        """What the account allows a text where nothing else is said."""
        return {"allow_unicode": self._allows_unicode, "transliterate": self._transliterates}

    def _read_wording(self, fields: Mapping[str, Any], given: Mapping[str, Any], errors: ItemErrors) -> Wording | None:
        """The text, in which choices are read as such unless that is refused. What stands against it is told."""
        asked = {**fields, "text": fields.get("message")}
        if asked.get("template") is None and asked.get("spintax") is None:
            asked["spintax"] = True
        told = ItemErrors()
        wording = read_wording(asked.get, self._templates, told)
        template = None if wording is None else wording.template()
        if isinstance(template, Fault):
            told.add("template", template)
        if asked["text"] is None and asked.get("template") is None:
            told.fields["text"] = ["is missing: give message or template"]
        for name, sentences in told.fields.items():
            shown = _NAMES.as_given("message", given) if name == "text" else name
            errors.fields[shown], errors.codes[shown] = sentences, told.codes[name]
        return wording

    def _may_transliterate(self, value: Any, allow_unicode: Any) -> bool | Fault:
        """As for a message: a permission given with it goes before the account's habit of changing texts."""
        if value is None:
            return self._transliterates and allow_unicode is not True
        return check_flag(value)

    def _schedule(self, value: Any, now_ms: int) -> int | Fault | None:
        return None if value is None else times.scheduled_at(value, now_ms=now_ms, ahead_ms=self._ahead_ms)

    def _validity(self, value: Any, lane: str | Fault) -> int | Fault:
        """Milliseconds."""
        if value is None:
            return self._lanes[lane] if isinstance(lane, str) else 0
        if type(value) is not int or abs(value) > LARGEST_INTEGER:
            return type_fault(value, "whole seconds")
        return times.expires_at(value, starts_ms=0, scheduled=False, longest_ms=self._longest_ms)


class RecipientCheck:
    """Of one campaign."""

    def __init__(self, rules: CampaignCheck, defined: Defined) -> None:
        definition, self._wording, _ = defined
        self._rules = rules
        template = self._wording.template()
        self._names = [] if isinstance(template, Fault) else sorted(template.fields)
        self._campaign = definition.campaign_name
        self._item: dict[str, Any] = {"from": definition.sender, "lane": definition.lane, "tag": definition.tag}
        asked = {"allow_unicode": definition.allow_unicode, "transliterate": definition.transliterate}
        # What is as usual is left out: an item of plain fields is checked at half the cost.
        if asked != rules.usual_text():
            self._item |= asked
        if definition.options is not None:
            self._item["max_parts"] = msgspec.json.decode(definition.options, type=MessageOptions).max_parts

    def check(self, given: Any, now_ms: int) -> CheckedRecipient | ItemErrors:
        """The recipient: an object with `phone` (or `to`) and the text's fields, or the number alone; or its faults."""
        if isinstance(given, ItemErrors):
            return given
        name, phone, values = "phone", given, _NO_VALUES
        if type(given) is str:
            pass
        elif type(given) is dict:
            phone, values = given.get("phone"), given
            if phone is None and "to" in given:
                phone, name = given["to"], "to"
            elif given.get("to") is not None:
                return ItemErrors.of("to", Fault("says the same as phone: give one of them", FaultCode.GIVEN_TWICE))
        else:
            return ItemErrors.of(WHOLE_ITEM, type_fault(given, "an object or a number as a string"))
        number = self._rules.number_of(phone.strip() if type(phone) is str else phone)
        rendered = self._wording.render(values, number if isinstance(number, str) else "", at="")
        if isinstance(number, Fault):
            errors = rendered if isinstance(rendered, ItemErrors) else ItemErrors()
            errors.add(name, number)
            return _told(errors, name)
        if isinstance(rendered, ItemErrors):
            return _told(rendered)
        item = self._item.copy()
        item["to"], item["text"] = number, rendered.text
        checked = self._rules.check(item, now_ms, self._campaign)
        if isinstance(checked, ItemErrors):
            return _told(checked, name)
        # With the template's defaults as they are now, so that a change of them changes no campaign.
        filled = self._wording.filled(values)
        used = {field: filled[field] for field in self._names if filled.get(field) is not None}
        fields = _encode(used).decode() if used else "{}"
        return CheckedRecipient(checked.recipient, checked.route, checked.sender, checked.country, fields)


_encode = msgspec.json.Encoder().encode


def _told(errors: ItemErrors, phone: str = "phone") -> ItemErrors:
    """Under the names that a recipient has."""
    told = ItemErrors()
    names = {"to": phone, "text": "message"}
    for field, codes in errors.codes.items():
        for words, code in zip(errors.fields[field], codes, strict=True):
            told.add(names.get(field, field), Fault(words, FaultCode(code)))
    return told


def _label(value: Any, most: int, without: Fault | None) -> str | Fault | None:
    return without if value is None else read_label(value, most)


def _rate(value: Any) -> float | Fault:
    if value is None:
        return 0.0
    if type(value) not in (int, float):
        return type_fault(value, "a number of messages a second")
    if not value > 0:
        return Fault("must be more than 0; leave it out for no limit of the campaign's own", FaultCode.TOO_SMALL)
    if value < LEAST_RATE:
        words = f"is less than {LEAST_RATE} messages a second; give more, or leave it out for no limit of its own"
        return Fault(words, FaultCode.TOO_SMALL)
    if value > MOST_RATE:
        return Fault(f"is more than {MOST_RATE:,}", FaultCode.TOO_LARGE)
    return float(value)


def key_fault(value: Any) -> Fault | None:
    """What is wrong with an `idempotency_key`."""
    if type(value) is not str:
        return type_fault(value, "a string")
    if 0 < len(value) <= MOST_KEY and all("!" <= character <= "~" for character in value):
        return None
    return Fault(f"must have 1 to {MOST_KEY} visible ASCII characters, without spaces", FaultCode.NOT_PRINTABLE)
