"""What would become of a message if it were submitted now: its text, its route, and each carrier that could get it.

Nothing is filed, nothing is sent. The checks are accept's own; how a carrier would write the text is the same code that
writes it.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import trio

from gateway.flows.accept import Accept
from gateway.flows.explain import Explainer
from gateway.rules.branches import route_of
from gateway.rules.checks import Checked
from gateway.rules.explanations import CarrierSaid
from gateway.rules.faults import ItemErrors
from gateway.rules.options import NOTHING_ASKED, MessageOptions, from_json
from gateway.rules.quiet_hours import QuietHours
from gateway.rules.timestamps import parse_rfc3339, rfc3339
from gateway.rules.ways import USUAL, unfit_of, way_of, written
from gateway.rules.wordings import is_worded
from gateway.settings import Settings
from protocol.text import Encoding
from protocol.writing import TextWay, preview

_MOST_AT_ONCE = 2


class PreviewedPart(msgspec.Struct):
    """How much of the text one part holds."""

    part: int
    characters: int


class UnicodeCharacter(msgspec.Struct):
    """A character that GSM 03.38 cannot carry."""

    character: str
    position: int
    """From 1, in the text as it was given."""
    codepoint: str


class PreviewedCarrier(msgspec.Struct):
    """The message on one carrier of its route."""

    carrier: str
    fits: bool
    encoding: str | None
    """The carrier's alphabet, or `ucs2`; None where it does not fit."""
    segments: int | None
    """submit_sm that it would get; None where it does not fit."""
    reason: str | None
    """Why it does not fit."""


class PreviewedSender(msgspec.Struct):
    """What the recipient's country makes of names as senders."""

    alphanumeric: Literal["allowed", "registered", "refused"]
    replaced: str | None
    """The sender in whose place the country's fallback would be used; None where it is used as it is."""


class PreviewedQuietHours(msgspec.Struct):
    """When the recipient's country lets promotional messages wait, in the recipient's own time."""

    hours: str
    """Usually, such as `21:00-08:00`; empty where only some days are quiet."""
    time_zones: list[str]
    """In which of them the number is may not be known: then it waits for all."""
    applies: bool
    """Whether the message's lane respects them."""
    opens_at: str | None
    """When the quiet hours are over that hold now, or at the schedule that was asked for; None: none do."""


class Preview(msgspec.Struct):
    """What would happen, by GSM 03.38 or UCS-2, and by each carrier's own way."""

    to: str
    sender: str = msgspec.field(name="from")
    encoding: str
    segments: int
    parts: list[PreviewedPart]
    """By GSM 03.38 or UCS-2, as are `encoding` and `segments`."""
    unicode_characters: list[UnicodeCharacter]
    transliterated: str | None
    """The text as it would be sent, where that is not as it was given."""
    lane: str
    route: str
    country: str | None
    carriers: list[list[PreviewedCarrier]]
    """By tier: the first that can send has it."""
    expires_at: str
    text: str
    """As it would be sent."""
    schedule: str | None
    """When it would be sent at the earliest, by its own schedule or the end of quiet hours; None: at once."""
    country_rules: PreviewedSender | None
    """None where the country has none."""
    quiet_hours: PreviewedQuietHours | None
    """None where the country has none."""
    variant: str | None
    """Which of its text's variants was chosen; None where it has none."""
    network: str | None
    """MCC and MNC of the number's network, where routes mind it and it is known."""
    explanation: list[str]
    """Why it would go where it goes, line by line."""


class Previews:
    """Previews by the settings."""

    def __init__(self, settings: Settings, accept: Accept, explainer: Explainer) -> None:
        self._accept = accept
        self._explainer = explainer
        # Not trio's own 40: the store's threads should not wait for previews.
        self._threads = trio.CapacityLimiter(_MOST_AT_ONCE)
        self._default_senders: dict[str, str | None] = {}
        self.reconfigure(settings)

    def reconfigure(self, settings: Settings) -> None:
        """Other settings; a call under way of an account that has gone ends by its own."""
        self._ways = {name: way_of(carrier) for name, carrier in settings.carriers.items()}
        self._tags = {name: frozenset(carrier.message_tlvs) for name, carrier in settings.carriers.items()}
        self._countries = settings.countries
        self._quiet = QuietHours(settings.countries, settings.lanes.values())
        senders = {name: one.default_sender for name, one in settings.accounts.items()}
        self._default_senders = {**self._default_senders, **senders}

    async def preview(self, account: str, body: Any) -> Preview | ItemErrors:
        """`body` as POST /v1/sms takes it; all that is wrong with it is told in the same words."""
        await self._accept.look_ahead(account, body)
        # In a thread of its own: a text of 255 parts takes milliseconds to check, and on each carrier.
        carriers = self._explainer.carriers_now()
        return await trio.to_thread.run_sync(self._preview, account, body, carriers, limiter=self._threads)

    def _preview(self, account: str, body: Any, carriers: Mapping[str, CarrierSaid]) -> Preview | ItemErrors:
        checked = self._accept.look(account, body)
        if isinstance(checked, ItemErrors):
            return checked
        given: str = checked.text if is_worded(body.get) else body.get("text") or body.get("message")
        encoding = Encoding(checked.encoding)
        cut = preview(checked.text, USUAL, encoding)
        asked = NOTHING_ASKED if checked.options is None else from_json(checked.options)
        network, lines = self._explainer.told_of(account, checked, carriers)
        tiers = self._explainer.tiers_of(checked.route)
        ways = {name: self._ways[name] for tier in tiers for name in tier}
        seen = _on_carriers(checked, encoding, ways, self._tags, asked)
        return Preview(
            to=checked.recipient,
            sender=checked.sender,
            encoding=checked.encoding,
            segments=checked.segments,
            parts=[PreviewedPart(part, characters) for part, characters in enumerate(cut.characters, 1)],
            unicode_characters=_unicode_characters(given),
            transliterated=None if checked.text == given else checked.text,
            lane=checked.lane,
            route=route_of(checked.route),
            country=checked.country,
            carriers=[[seen[name] for name in tier] for tier in tiers],
            expires_at=rfc3339(checked.expires_at),
            text=checked.text,
            schedule=None if checked.scheduled_at is None else rfc3339(checked.scheduled_at),
            country_rules=self._of_sender(checked, body.get("from") or self._default_senders[account]),
            quiet_hours=self._of_quiet_hours(checked, body.get("schedule")),
            variant=checked.variant,
            network=network,
            explanation=lines,
        )

    def _of_sender(self, checked: Checked, asked: str | None) -> PreviewedSender | None:
        rules = self._countries.get(checked.country or "")
        if rules is None:
            return None
        return PreviewedSender(rules.alphanumeric.value, None if asked == checked.sender else asked)

    def _of_quiet_hours(self, checked: Checked, schedule: str | None) -> PreviewedQuietHours | None:
        zones = self._quiet.zones(checked.recipient, checked.country)
        if not zones:
            return None
        rules = self._countries[checked.country or ""]
        applies = checked.lane in self._quiet.lanes
        asked = None if schedule is None else parse_rfc3339(schedule)
        at = self._accept.now() if asked is None else asked
        opens = self._quiet.opens_at(at, checked.recipient, checked.country)
        return PreviewedQuietHours(rules.quiet_hours, zones, applies, None if opens is None else rfc3339(opens))


def _on_carriers(
    checked: Checked,
    encoding: Encoding,
    ways: Mapping[str, TextWay],
    tags: Mapping[str, frozenset[str]],
    asked: MessageOptions,
) -> dict[str, PreviewedCarrier]:
    text = checked.text
    unfit, ucs2_allowed = unfit_of(text, encoding, ways, asked, tags=tags, allow_unicode=checked.allow_unicode)
    seen = {name: PreviewedCarrier(name, False, None, None, reason) for name, reason in unfit.items()}
    for name in ways.keys() - unfit.keys():
        alphabet = preview(text, ways[name], encoding, ucs2_allowed=ucs2_allowed).alphabet
        segments = written(text, encoding, ways[name], 0, asked, ucs2_allowed=ucs2_allowed)
        code = Encoding.UCS2.value if alphabet is None else alphabet.value
        seen[name] = PreviewedCarrier(name, True, code, len(segments), None)
    return seen


def _unicode_characters(text: str) -> list[UnicodeCharacter]:
    """The first of them: as many as protocol.writing.MOST_FORCING says."""
    forcing = preview(text).forcing
    return [UnicodeCharacter(f.character, f.position, f"U+{ord(f.character):04X}") for f in forcing]
