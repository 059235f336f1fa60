"""One item of a request, as decoded JSON -> a message ready to be filed, or every field that is wrong with it.

Each field's own rule lives elsewhere (numbers, senders, texts, routing), and which fields there are in item_fields;
here stands how they go together. Ids, and what the store alone can know, are the flow's.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, NamedTuple

from msgspec.structs import replace

from gateway.rules import times
from gateway.rules.branches import route_of
from gateway.rules.countries import CountrySenders
from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.rules.item_fields import ALIASES, FIELDS, ITEM_FIELDS
from gateway.rules.lines import Line, line_of
from gateway.rules.named_templates import NamedTemplate
from gateway.rules.numbers import Number, Numbers
from gateway.rules.options import MessageOptions, asked_of, check_flag, to_json, untaken
from gateway.rules.quiet_hours import NO_QUIET_HOURS, QuietHours
from gateway.rules.routing import Router
from gateway.rules.senders import Senders
from gateway.rules.texts import GSM7, ReadyText, fits_one, prepare
from gateway.rules.timestamps import rfc3339
from gateway.rules.values import read_label, type_fault, unstorable
from gateway.rules.wordings import is_worded, worded
from gateway.settings import Account, Lane, UnicodePolicy
from gateway.settings.countries import CountryRules, Landlines

WHOLE_ITEM = "item"
"""Stands as the field where an item is no object at all."""
MOST_CLIENT_ID = 40
MOST_TAG = 100
_LONGEST_HELD_MS = 31 * 86_400_000
"""To the end of validity, of what a carrier is to hold: longer is told in months, which SMSCs count on their own."""

_WAYS_KEPT = 4096
_PLAIN_FIELDS = frozenset({"to", "text", "from", "lane", "client_id", "tag"})


NetworkOf = Callable[[str], str | None]
"""By a number in E.164: MCC and MNC of its network; None where it is not known."""


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
    variant: str | None = None


class ItemCheck:
    """Checks items for one account."""

    waits_for_quiet_hours: ClassVar[bool] = True
    """Whether a message that comes in quiet hours is scheduled for their end."""
    __slots__ = (
        "_account", "_ahead_ms", "_allows_unicode", "_countries", "_default_lane", "_holding", "_keeps_ways", "_lanes",
        "_longest_ms", "_network_of", "_numbers", "_quiet", "_quiet_lanes", "_refuses_landlines", "_router", "_ruled",
        "_senders", "_signs", "_taken", "_templates", "_transliterates", "_url_refusal", "_ways",
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
        holding: Collection[str] = (),
        templates: Mapping[str, NamedTemplate] | None = None,
        countries: Mapping[str, CountryRules] | None = None,
        quiet: QuietHours = NO_QUIET_HOURS,
        network_of: NetworkOf | None = None,
    ) -> None:
        """Durations are seconds. `url_refusal` tells in words why an address may not be a webhook's, or None;
        `message_tlvs` by route: the tags that each of its carriers takes of messages; `holding`: the routes whose
        carriers hold what is scheduled; `templates`: the account's, by name, as they stand at the time of each
        check; `countries`: their rules for senders; `quiet`: their quiet hours; `network_of`: what is known of numbers'
        networks, asked only where a route minds them.
        """
        self._account = account.name
        self._numbers = Numbers(account.number_check, account.bare_digits, account.default_region)
        self._senders = Senders(account.senders, account.default_sender)
        self._countries = CountrySenders(countries or {}, account)
        self._ruled = self._countries.countries
        self._quiet = quiet
        self._network_of = network_of if router.needs_networks else None
        self._quiet_lanes: frozenset[str] = quiet.lanes if self.waits_for_quiet_hours else frozenset()
        # Route and sender of what nothing else decides on, as most messages are.
        self._ways: dict[tuple[str | None, str, str | None], tuple[str, str]] = {}
        self._refuses_landlines = account.landlines is Landlines.REFUSE
        self._allows_unicode = account.unicode is UnicodePolicy.ALLOW
        self._transliterates = account.unicode is UnicodePolicy.TRANSLITERATE
        self._default_lane = account.default_lane
        self._lanes = {name: int(lane.validity * 1000) for name, lane in lanes.items()}
        self._router = router
        self._ahead_ms = int(schedule_ahead * 1000)
        self._longest_ms = int(longest_validity * 1000)
        self._url_refusal = url_refusal
        self._taken = message_tlvs
        self._holding = frozenset(holding)
        self._templates = {} if templates is None else templates
        self._signs = account.webhook is not None
        self._keeps_ways = router.is_even and not self._refuses_landlines

    @property
    def minds_networks(self) -> bool:
        """Whether any route asks for a number's network."""
        return self._network_of is not None

    def number_in(self, item: Any) -> str | None:
        """The number that an item, or a campaign's recipient, is to, in E.164; None where it is none."""
        to = item.get("to", item.get("phone")) if type(item) is dict else item
        if type(to) is not str:
            return None
        number = self._numbers.check(to.strip())
        return None if isinstance(number, Fault) else number.e164

    def check(self, item: Any, now_ms: int, campaign: str | None = None) -> Checked | ItemErrors:
        """The message that the item asks for, or all that is wrong with it; `campaign`: the name of its campaign."""
        plain = self.check_plain(item, now_ms, campaign)
        return self.check_closely(item, now_ms, campaign) if plain is None else plain

    def check_plain(self, item: Any, now_ms: int, campaign: str | None = None) -> Checked | None:
        """The message of an item as most are, at half the cost; None says nothing: then look closely."""
        if type(item) is not dict or not item.keys() <= _PLAIN_FIELDS:
            return None
        get = item.get
        to, text, lane = get("to"), get("text"), get("lane")
        if lane is None:
            lane = self._default_lane
        given, client_id, tag = get("from"), get("client_id"), get("tag")
        if (
            type(to) is not str
            or type(text) is not str
            or type(lane) is not str
            or not text
            or (given is not None and type(given) is not str)
        ):
            return None
        number = self._numbers.assigned(to)
        validity_ms = self._lanes.get(lane)
        if number is None or validity_ms is None:
            return None
        encoding, segments = GSM7, 1
        if not fits_one(text):
            ready = prepare(text, allow_unicode=self._allows_unicode, transliterate=self._transliterates)
            if isinstance(ready, Fault):
                return None
            text, encoding, segments = ready
        if (client_id is not None and isinstance(read_label(client_id, MOST_CLIENT_ID), Fault)) or (
            tag is not None and isinstance(read_label(tag, MOST_TAG), Fault)
        ):
            return None
        country = number.lastgroup
        way = self._ways.get((given, lane, country))
        if way is None:
            way = self._way_of(given, lane, country, to, tag, campaign, now_ms)
            if way is None:
                return None
        route, sender = way
        # Not Checked(...): a third of its cost.
        return tuple.__new__(Checked, (
            route, lane, to, sender, text, encoding, segments, country,
            now_ms + validity_ms, None, client_id, tag, None, self._allows_unicode, None, None,
        ))  # fmt: skip

    def _way_of(
        self,
        given: str | None,
        lane: str,
        country: str | None,
        to: str,
        tag: str | None,
        campaign: str | None,
        now: int,
    ) -> tuple[str, str] | None:
        """Route and sender of a plain item; None: look closely."""
        sender = self._senders.choose(given)
        if not isinstance(sender, Fault) and country in self._ruled:
            sender = self._countries.sender_for(country, sender)
        if isinstance(sender, Fault) or (self._refuses_landlines and line_of(to, country) is Line.LANDLINE):
            return None
        if lane in self._quiet_lanes and self._quiet.opens_at(now, to, country) is not None:
            return None
        network = None if self._network_of is None else self._network_of(to)
        route = self._router.route_for(country, to, lane, self._account, sender, tag, campaign, network)
        if route is None:
            return None
        if self._keeps_ways and lane not in self._quiet_lanes and len(self._ways) < _WAYS_KEPT:
            self._ways[given, lane, country] = route, sender
        return route, sender

    def check_closely(self, item: Any, now_ms: int, campaign: str | None = None) -> Checked | ItemErrors:
        """What `check` gives, of an item of which `check_plain` says nothing."""
        if type(item) is not dict:
            return ItemErrors.of(WHOLE_ITEM, type_fault(item, "an object"))
        errors = ItemErrors()
        if item.keys() <= FIELDS:
            checked = self._check_fields(item, now_ms, campaign, errors)
        else:
            fields = ITEM_FIELDS.read(item, errors)
            checked = self._check_fields(fields, now_ms, campaign, errors)
            for alias, name in ALIASES.items():
                if alias in item and name not in item and name in errors.fields:
                    errors.fields[alias], errors.codes[alias] = errors.fields.pop(name), errors.codes.pop(name)
        return errors if checked is None or errors.fields else checked

    def _check_fields(
        self, fields: Mapping[str, Any], now_ms: int, campaign: str | None, errors: ItemErrors
    ) -> Checked | None:
        get = fields.get
        number = self._number(get("to"))
        sender = self._sender(get("from"), number)
        lane = self._lane(get("lane"))
        allow_unicode = self._may_be_unicode(get("allow_unicode"))
        asked = asked_of(get, errors)
        text, variant = self._wording(get, number, allow_unicode, asked.max_parts, errors)
        client_id = _label(get("client_id"), MOST_CLIENT_ID)
        tag = _label(get("tag"), MOST_TAG)
        url = self._url(get("webhook_url"))
        schedule, ends, is_quiet = self._times(get("schedule"), get("validity"), lane, number, now_ms)
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
            of_text = "text" if get("template") is None else "template"
            names = ("to", of_text, *_FURTHER_NAMES)
            found = (number, text, sender, client_id, allow_unicode, lane, schedule, ends, url, tag)
            errors.add_faults(zip(names, found, strict=True))
            return None
        route = self._route(number, lane, sender, tag, campaign, asked, errors)
        if route is None:
            return None
        # What waits for the end of quiet hours waits here, where a STOP still reaches it.
        may_be_held = schedule is not None and not is_quiet and ends - now_ms <= _LONGEST_HELD_MS
        if may_be_held and route_of(route) in self._holding:
            asked = replace(asked, deliver_at=schedule)
        return Checked(
            route, lane, number.e164, sender, text.text, text.encoding, text.segments, number.country,
            ends, schedule, client_id, tag, url, allow_unicode, to_json(asked), variant,
        )  # fmt: skip

    def _route(
        self,
        number: Number,
        lane: str,
        sender: str,
        tag: str | None,
        campaign: str | None,
        asked: MessageOptions,
        errors: ItemErrors,
    ) -> str | None:
        """The branch of the route that takes it; what stands against it there is told."""
        network = None if self._network_of is None else self._network_of(number.e164)
        route = self._router.route_for(number.country, number.e164, lane, self._account, sender, tag, campaign, network)
        if route is None:
            errors.add("to", Fault("cannot be reached: no route takes it", FaultCode.NO_ROUTE))
        elif asked.tlvs and (fault := untaken(asked.tlvs, self._taken[route_of(route)])) is not None:
            errors.add("tlvs", fault)
        return route

    def _number(self, value: Any) -> Number | Fault:
        if type(value) is str:
            number = self._numbers.check(value)
            if self._refuses_landlines and not isinstance(number, Fault) and line_of(*number) is Line.LANDLINE:
                return _LANDLINE
            return number
        return _MISSING if value is None else type_fault(value, "a string")

    def _sender(self, value: Any, number: Number | Fault | None = None) -> str | Fault:
        """The sender, by the rules of the number's country where that is known."""
        if value is not None and type(value) is not str:
            return type_fault(value, "a string")
        sender = self._senders.choose(value)
        if number is None or isinstance(number, Fault) or isinstance(sender, Fault):
            return sender
        return self._countries.sender_for(number.country, sender)

    def _lane(self, value: Any) -> str | Fault:
        if value is None:
            return self._default_lane
        if type(value) is not str:
            return type_fault(value, "a string")
        if value in self._lanes:
            return value
        return Fault(f"is not a lane: use one of {', '.join(self._lanes)}", FaultCode.UNKNOWN_LANE)

    def _may_be_unicode(self, value: Any) -> bool | Fault:
        return self._allows_unicode if value is None else check_flag(value)

    def _wording(
        self,
        get: Callable[[str], Any],
        number: Number | Fault,
        allow_unicode: bool | Fault,
        max_parts: int,
        errors: ItemErrors,
    ) -> tuple[ReadyText | Fault, str | None]:
        """The text as it will be sent, rendered where it is a template, and which of its variants that is."""
        if not is_worded(get):
            return self._text(get, get("text"), allow_unicode, max_parts), None
        # The number chooses the variant, so that a repeat says the same.
        rendered = worded(get, "" if isinstance(number, Fault) else number.e164, self._templates, errors)
        if rendered is None:
            return _NOT_RENDERED, None
        return self._text(get, rendered.text, allow_unicode, max_parts), rendered.variant

    def _text(
        self, get: Callable[[str], Any], value: Any, allow_unicode: bool | Fault, max_parts: int
    ) -> ReadyText | Fault:
        asked = get("transliterate")
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
        self, schedule: Any, validity: Any, lane: str | Fault, number: Number | Fault, now_ms: int
    ) -> tuple[int | Fault | None, int | Fault, bool]:
        """The schedule, the end of the validity, which counts from it, and whether quiet hours gave the schedule."""
        starts: int | Fault = now_ms
        if schedule is not None:
            starts = schedule = times.scheduled_at(schedule, now_ms=now_ms, ahead_ms=self._ahead_ms)
        counts_from = now_ms if isinstance(starts, Fault) else starts
        opens = None
        if lane in self._quiet_lanes and not isinstance(number, Fault):
            opens = self._quiet.opens_at(counts_from, number.e164, number.country)
            if opens is not None and not isinstance(schedule, Fault):
                schedule = counts_from = opens
        if validity is None:
            # Without a lane there is no validity either; the lane's fault is told, and that is enough.
            usual_ms = self._lanes.get(lane, 0) if isinstance(lane, str) else 0
            return schedule, counts_from + usual_ms, opens is not None
        ends = times.expires_at(
            validity, starts_ms=counts_from, scheduled=schedule is not None, longest_ms=self._longest_ms
        )
        if opens is not None and isinstance(ends, Fault) and ends.code is FaultCode.BEFORE_SCHEDULE:
            ends = Fault(f"ends within quiet hours, which last until {rfc3339(opens)}", FaultCode.ENDS_IN_QUIET_HOURS)
        return schedule, ends, opens is not None


_LANDLINE = Fault('is a landline, and the account sends to none: landlines = "allow" lets it', FaultCode.LANDLINE)
_MISSING = Fault("is missing", FaultCode.MISSING)
_NOT_RENDERED = ReadyText("", "gsm7", 1)
"""Stands for a text of whose template something is wrong, which was told."""
_FURTHER_NAMES = ("from", "client_id", "allow_unicode", "lane", "schedule", "validity", "webhook_url", "tag")


def _label(value: Any, most: int) -> str | Fault | None:
    return None if value is None else read_label(value, most)
