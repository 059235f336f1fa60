"""One item of a request, as decoded JSON -> a message ready to be filed, or every field that is wrong with it.

Each field's own rule lives elsewhere (numbers, senders, texts, routing); here stands which fields there are and how
they go together. Ids, and what the store alone can know, are the flow's.
"""

from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from gateway.rules import times
from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.rules.numbers import Number, Numbers
from gateway.rules.options import (
    NOTHING_ASKED,
    MessageOptions,
    check_flag,
    check_max_parts,
    check_tlvs,
    to_json,
    untaken,
)
from gateway.rules.routing import Router
from gateway.rules.senders import Senders
from gateway.rules.texts import ReadyText, prepare
from gateway.rules.values import read_label, type_fault, unstorable
from gateway.settings import Account, Lane, UnicodePolicy

WHOLE_ITEM = "item"
"""Stands as the field where an item is no object at all."""
MOST_CLIENT_ID = 40
MOST_TAG = 100

ALIASES = {"message": "text", "clientId": "client_id", "allowUnicode": "allow_unicode"}
FIELDS = frozenset({
    "to", "text", "from", "client_id", "allow_unicode", "lane", "schedule", "validity", "webhook_url", "tag",
    "transliterate", "max_parts", "flash", "tlvs",
})  # fmt: skip
NOT_OFFERED = frozenset({"template", "variables", "spintax"})
"""Fields of the contract that later versions bring, so that nobody believes they had an effect."""

OTHER_NAMES = {
    "body": "text", "content": "text", "msg": "text", "phone": "to", "number": "to", "recipient": "to",
    "destination": "to", "sender": "from", "source": "from", "ttl": "validity", "callback_url": "webhook_url",
}  # fmt: skip
"""What other gateways call our fields."""

_PLAIN_FIELDS = frozenset({"to", "text", "from", "lane", "client_id", "tag"})
_MOST_UNKNOWN_TOLD = 50
_MOST_GUESSED = 3
_MOST_NAME_SHOWN = 40


class Checked(NamedTuple):
    """gateway.store.interface.NewMessage without its id, in its order."""

    route: str
    lane: str
    recipient: str
    sender: str
    text: str
    encoding: str
    segments: int
    country: str | None
    expires_at: int
    scheduled_at: int | None
    client_id: str | None
    tag: str | None
    webhook_url: str | None
    allow_unicode: bool
    options: str | None = None


class ItemCheck:
    """Checks items for one account."""

    __slots__ = (
        "_account", "_ahead_ms", "_allows_unicode", "_default_lane", "_lanes", "_longest_ms", "_numbers", "_router",
        "_senders", "_signs", "_taken", "_transliterates", "_url_refusal",
    )  # fmt: skip

    def __init__(
        self,
        account: Account,
        *,
        lanes: Mapping[str, Lane],
        router: Router,
        schedule_ahead: float,
        longest_validity: float,
        url_refusal: Callable[[str], str | None],
        message_tlvs: Mapping[str, Collection[frozenset[str]]],
    ) -> None:
        """Durations are seconds. `url_refusal` tells in words why an address may not be a webhook's, or None;
        `message_tlvs` by route: the tags that each of its carriers takes of messages.
        """
        self._account = account.name
        self._numbers = Numbers(account.number_check, account.bare_digits, account.default_region)
        self._senders = Senders(account.senders, account.default_sender)
        self._allows_unicode = account.unicode is UnicodePolicy.ALLOW
        self._transliterates = account.unicode is UnicodePolicy.TRANSLITERATE
        self._default_lane = account.default_lane
        self._lanes = {name: int(lane.validity * 1000) for name, lane in lanes.items()}
        self._router = router
        self._ahead_ms = int(schedule_ahead * 1000)
        self._longest_ms = int(longest_validity * 1000)
        self._url_refusal = url_refusal
        self._taken = message_tlvs
        self._signs = account.webhook is not None

    def check(self, item: Any, now_ms: int) -> Checked | ItemErrors:
        """The message that the item asks for, or all that is wrong with it."""
        if type(item) is dict and item.keys() <= _PLAIN_FIELDS:
            plain = self._check_plain(item, now_ms)
            if plain is not None:
                return plain
        return self._check_closely(item, now_ms)

    def _check_plain(self, item: Mapping[str, Any], now_ms: int) -> Checked | None:
        """The message of an item as most are, at half the cost; None says nothing: then look closely."""
        get = item.get
        to, text, lane = get("to"), get("text"), get("lane")
        if lane is None:
            lane = self._default_lane
        if type(to) is not str or type(text) is not str or type(lane) is not str or not text:
            return None
        number = self._numbers.assigned(to)
        validity_ms = self._lanes.get(lane)
        if number is None or validity_ms is None:
            return None
        ready = prepare(text, allow_unicode=self._allows_unicode, transliterate=self._transliterates)
        sender, client_id, tag = self._sender(get("from")), get("client_id"), get("tag")
        if (
            isinstance(ready, Fault)
            or isinstance(sender, Fault)
            or isinstance(_label(client_id, MOST_CLIENT_ID), Fault)
            or isinstance(_label(tag, MOST_TAG), Fault)
        ):
            return None
        country = number.lastgroup
        route = self._router.route_for(country, to, lane, self._account, sender)
        if route is None:
            return None
        # Not Checked(...), which costs three times as much.
        return tuple.__new__(Checked, (
            route, lane, to, sender, *ready, country,
            now_ms + validity_ms, None, client_id, tag, None, self._allows_unicode, None,
        ))  # fmt: skip

    def _check_closely(self, item: Any, now_ms: int) -> Checked | ItemErrors:
        errors = ItemErrors()
        if type(item) is not dict:
            errors.add(WHOLE_ITEM, type_fault(item, "an object"))
            return errors
        if item.keys() <= FIELDS:
            checked = self._check_fields(item, now_ms, errors)
        else:
            fields = _known_fields(item, errors)
            checked = self._check_fields(fields, now_ms, errors)
            for alias, name in ALIASES.items():
                if alias in item and name not in item and name in errors.fields:
                    errors.fields[alias], errors.codes[alias] = errors.fields.pop(name), errors.codes.pop(name)
        return errors if checked is None or errors.fields else checked

    def _check_fields(self, fields: Mapping[str, Any], now_ms: int, errors: ItemErrors) -> Checked | None:
        get = fields.get
        number = self._number(get("to"))
        sender = self._sender(get("from"))
        lane = self._lane(get("lane"))
        allow_unicode = self._may_be_unicode(get("allow_unicode"))
        asked = _asked(get, errors)
        text = self._text(get, allow_unicode, asked.max_parts)
        client_id = _label(get("client_id"), MOST_CLIENT_ID)
        tag = _label(get("tag"), MOST_TAG)
        url = self._url(get("webhook_url"))
        schedule, ends = self._times(get("schedule"), get("validity"), lane, now_ms)
        if (
            isinstance(number, Fault)
            or isinstance(text, Fault)
            or isinstance(sender, Fault)
            or isinstance(client_id, Fault)
            or isinstance(allow_unicode, Fault)
            or isinstance(lane, Fault)
            or isinstance(schedule, Fault)
            or isinstance(ends, Fault)
            or isinstance(url, Fault)
            or isinstance(tag, Fault)
        ):
            found = (number, text, sender, client_id, allow_unicode, lane, schedule, ends, url, tag)
            for name, value in zip(_ORDER, found, strict=True):
                if isinstance(value, Fault):
                    errors.add(name, value)
            return None
        route = self._route(number, lane, sender, asked, errors)
        if route is None:
            return None
        return Checked(
            route, lane, number.e164, sender, text.text, text.encoding, text.segments, number.country,
            ends, schedule, client_id, tag, url, allow_unicode, to_json(asked),
        )  # fmt: skip

    def _route(self, number: Number, lane: str, sender: str, asked: MessageOptions, errors: ItemErrors) -> str | None:
        """The route that takes it; what stands against it there is told."""
        route = self._router.route_for(number.country, number.e164, lane, self._account, sender)
        if route is None:
            errors.add("to", Fault("cannot be reached: no route takes it", FaultCode.NO_ROUTE))
        elif asked.tlvs and (fault := untaken(asked.tlvs, self._taken[route])) is not None:
            errors.add("tlvs", fault)
        return route

    def _number(self, value: Any) -> Number | Fault:
        if type(value) is str:
            return self._numbers.check(value)
        return _MISSING if value is None else type_fault(value, "a string")

    def _sender(self, value: Any) -> str | Fault:
        if value is None or type(value) is str:
            return self._senders.choose(value)
        return type_fault(value, "a string")

    def _lane(self, value: Any) -> str | Fault:
        if value is None:
            return self._default_lane
        if type(value) is not str:
            return type_fault(value, "a string")
        if value in self._lanes:
            return value
        return Fault(f"is not a lane: use one of {', '.join(self._lanes)}", FaultCode.UNKNOWN_LANE)

    def _may_be_unicode(self, value: Any) -> bool | Fault:
        if value is None:
            return self._allows_unicode
        return value if type(value) is bool else type_fault(value, "true or false")

    def _text(self, get: Callable[[str], Any], allow_unicode: bool | Fault, max_parts: int) -> ReadyText | Fault:
        value, asked = get("text"), get("transliterate")
        if value is None:
            return _MISSING
        if type(value) is not str:
            return type_fault(value, "a string")
        if not value:
            return Fault("is empty", FaultCode.EMPTY)
        # A permission given with the message goes before the account's habit of changing texts.
        is_habit = self._transliterates and get("allow_unicode") is not True
        transliterate = is_habit if type(asked) is not bool else asked
        ready = prepare(value, allow_unicode=allow_unicode is True, transliterate=transliterate)
        if isinstance(ready, ReadyText) and ready.segments > max_parts:
            return Fault(f"is too long: {ready.segments} parts, max_parts is {max_parts}", FaultCode.TOO_MANY_SEGMENTS)
        return ready

    def _url(self, value: Any) -> str | Fault | None:
        if value is None:
            return None
        if type(value) is not str:
            return type_fault(value, "a string")
        fault = unstorable(value)
        if fault is not None:
            return fault
        if not self._signs:
            return Fault("needs a webhook of the account, whose secret signs it", FaultCode.NO_WEBHOOK)
        refusal = self._url_refusal(value)
        return value if refusal is None else Fault(refusal, FaultCode.URL_NOT_ALLOWED)

    def _times(
        self, schedule: Any, validity: Any, lane: str | Fault, now_ms: int
    ) -> tuple[int | Fault | None, int | Fault]:
        """The schedule and the end of the validity, which counts from it."""
        starts: int | Fault = now_ms
        if schedule is not None:
            starts = schedule = times.scheduled_at(schedule, now_ms=now_ms, ahead_ms=self._ahead_ms)
        counts_from = now_ms if isinstance(starts, Fault) else starts
        if validity is None:
            # Without a lane there is no validity either; the lane's fault is told, and that is enough.
            return schedule, counts_from + self._lanes.get(lane, 0) if isinstance(lane, str) else counts_from
        ends = times.expires_at(
            validity, starts_ms=counts_from, scheduled=schedule is not None, longest_ms=self._longest_ms
        )
        return schedule, ends


_MISSING = Fault("is missing", FaultCode.MISSING)
_ORDER = ("to", "text", "from", "client_id", "allow_unicode", "lane", "schedule", "validity", "webhook_url", "tag")


def _asked(get: Callable[[str], Any], errors: ItemErrors) -> MessageOptions:
    """What is asked of the text; what is wrong with it is told, and is as if it were not asked for."""
    max_parts, flash, tlvs = check_max_parts(get("max_parts")), check_flag(get("flash")), check_tlvs(get("tlvs"))
    found = {"max_parts": max_parts, "flash": flash, "tlvs": tlvs, "transliterate": check_flag(get("transliterate"))}
    for name, value in found.items():
        if isinstance(value, Fault):
            errors.add(name, value)
    if isinstance(max_parts, Fault) or isinstance(flash, Fault) or isinstance(tlvs, Fault):
        return NOTHING_ASKED
    return MessageOptions(max_parts, flash, tlvs)


def _label(value: Any, most: int) -> str | Fault | None:
    return None if value is None else read_label(value, most)


def _known_fields(item: Mapping[Any, Any], errors: ItemErrors) -> dict[str, Any]:
    """The item under the fields' first names, its aliases read; what is no field is told."""
    fields: dict[str, Any] = {}
    unknown: list[str] = []
    for key, value in item.items():
        name = ALIASES.get(key, key)
        if name not in FIELDS:
            if name in NOT_OFFERED:
                if value is not None:
                    errors.add(name, Fault("is not offered yet; leave it out", FaultCode.NOT_OFFERED))
            else:
                unknown.append(key)
        elif fields.get(name) is None:
            fields[name] = value
        elif value is not None:
            other = next(alias for alias in (name, *ALIASES) if alias != key and ALIASES.get(alias, alias) == name)
            errors.add(key, Fault(f"says the same as {other}: give one of them", FaultCode.GIVEN_TWICE))
    for count, key in enumerate(unknown[:_MOST_UNKNOWN_TOLD]):
        meant = OTHER_NAMES.get(key) or (_nearest(key) if count < _MOST_GUESSED else None)
        hint = f"did you mean {meant}?" if meant else "leave it out"
        errors.add(_shown(key), Fault(f"is not a field: {hint}", FaultCode.UNKNOWN_FIELD))
    return fields


def _nearest(key: str) -> str | None:
    """The field that a slip of the hand meant. It takes 100 µs, so few are looked for."""
    close = get_close_matches(key, FIELDS, n=1, cutoff=0.6) if len(key) <= _MOST_NAME_SHOWN else []
    return close[0] if close else None


def _shown(key: str) -> str:
    """A caller's own name for a field, as it can stand in an answer."""
    return key[:_MOST_NAME_SHOWN].encode("utf-8", "replace").decode()
