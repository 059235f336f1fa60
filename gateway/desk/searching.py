"""What support was told of a message, understood: an id of ours or of somebody else, a number or its end, or filters.

Pure. One field takes whatever was told (`q`); what it may mean is tried in turn, what an index finds first.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from gateway.desk.filters import Filters
from gateway.identifiers import CAMPAIGN, MESSAGE, internal
from gateway.messages import Status
from gateway.rules.faults import Fault, FaultCode
from gateway.rules.numbers import Numbers
from gateway.rules.values import read_label
from gateway.settings import NumberCheck, Settings
from gateway.store.lists.interface import MessageFilter

FIELDS = (
    "q",
    "id",
    "client_id",
    "number",
    "ends_with",
    "carrier_message_id",
    "carrier",
    "campaign",
    "status",
    "account",
    "lane",
    "after",
    "before",
)
_MOST_TYPED = 255
_SEPARATORS = str.maketrans("", "", " \u00a0()-\u2011./")
_WHOLE = re.compile(r"\+?\d{7,15}", re.ASCII)
_END = re.compile(r"(?:\*+|\u2022+|\u2026+|\.{2,})?(\d{4,6})", re.ASCII)
_MARKED_END = re.compile(r"(?:\*+|\u2022+|\u2026+|\.{2,})(\d{2,15})", re.ASCII)
_TOO_SHORT = re.compile(r"\d{1,3}|[*\u2022\u2026.]+\d", re.ASCII)
"""The end of a number that is none by the two before: they take 4 digits, or 2 behind a mark."""


class Search(NamedTuple):
    """What is looked for; None: whatever. All that is given has to hold."""

    q: str | None = None
    """Whatever was told: see `ways_of`."""
    id: int | None = None
    client_id: str | None = None
    number: str | None = None
    """Digits, with a plus or without."""
    ends_with: str | None = None
    """Digits."""
    carrier_message_id: str | None = None
    carrier: str | None = None
    campaign: int | None = None
    statuses: Collection[Status] | None = None
    account: str | None = None
    after: int | None = None
    """Milliseconds, as is the next."""
    before: int | None = None
    lane: str | None = None


class Way(NamedTuple):
    """One thing that a search may mean."""

    wanted: MessageFilter
    carrier_id: str | None


def parse(fields: Mapping[str, str]) -> Search:
    """What was asked for, by the names of FIELDS; `status` takes several with commas. Raises WrongFields."""
    filters = Filters(fields)
    statuses = filters.some_of("status", tuple(Status))
    after, before = filters.times(("after", "before"))
    search = Search(
        q=filters.read("q", _anything),
        id=filters.id_of("id", MESSAGE, "message"),
        client_id=filters.read("client_id", _label),
        number=filters.read("number", _number),
        ends_with=filters.read("ends_with", _end),
        carrier_message_id=filters.read("carrier_message_id", _label),
        carrier=filters.read("carrier", _label),
        campaign=filters.id_of("campaign", CAMPAIGN, "campaign"),
        statuses=None if statuses is None else [Status(status) for status in statuses],
        account=filters.read("account", _label),
        after=after,
        before=before,
        lane=filters.read("lane", _label),
    )
    filters.refuse_wrong()
    return search


def ways_of(search: Search, settings: Settings) -> Iterator[Way]:
    """What it may mean, the likeliest first; the next is looked for where one finds nothing."""
    wanted = MessageFilter(
        client_id=search.client_id,
        statuses=search.statuses,
        campaign=search.campaign,
        after=search.after,
        before=search.before,
        ids=None if search.id is None else [search.id],
        ends_with=search.ends_with,
        carrier=search.carrier,
        lane=search.lane,
    )
    usual = Way(wanted, search.carrier_message_id)
    for way in [usual] if search.number is None else _by_number(usual, search.number, settings):
        yield from [way] if search.q is None else _guesses(way, search.q, settings)


def _guesses(way: Way, q: str, settings: Settings) -> Iterator[Way]:
    wanted = way.wanted
    if (message := internal(MESSAGE, q)) is not None:
        yield way._replace(wanted=wanted._replace(ids=[message]))
        return
    if (campaign := internal(CAMPAIGN, q)) is not None:
        yield way._replace(wanted=wanted._replace(campaign=campaign))
        return
    digits = bare_number(q)
    if (end := end_of(q)) is not None:
        yield way._replace(wanted=wanted._replace(ends_with=end))
        return
    if _WHOLE.fullmatch(digits) is not None:
        yield from _by_number(way, digits, settings)
    if not q.startswith("+"):
        yield way._replace(wanted=wanted._replace(client_id=q))
        yield way._replace(carrier_id=q)
    if _WHOLE.fullmatch(digits) is not None and not digits.startswith("+"):
        # A national number, perhaps.
        yield way._replace(wanted=wanted._replace(ends_with=digits.lstrip("0") or "0"))


def _by_number(way: Way, number: str, settings: Settings) -> Iterator[Way]:
    """As it stands; without a plus also as each account's own numbers are read."""
    for recipient in recipients_of(number, settings):
        yield way._replace(wanted=way.wanted._replace(recipient=recipient))


def recipients_of(number: str, settings: Settings) -> list[str]:
    """The numbers in E.164 that digits may mean."""
    if number.startswith("+"):
        return [number]
    meant = {f"+{number}": None}
    for region in dict.fromkeys(account.default_region for account in settings.accounts.values()):
        for account in settings.accounts.values():
            if region is not None and account.default_region == region:
                found = Numbers(NumberCheck.SHAPE, account.bare_digits, region).check(number)
                if not isinstance(found, Fault):
                    meant[found.e164] = None
                break
    return list(meant)


def end_of(q: str) -> str | None:
    """`0001` of `0001`, `*0001` and `…0001`; None: it is not the end of a number."""
    end = _MARKED_END.fullmatch(q) or _END.fullmatch(q)
    return None if end is None else end[1]


def is_too_short(q: str) -> bool:
    """Whether it looks like the end of a number, and is too little of it to be looked for."""
    return _TOO_SHORT.fullmatch(q) is not None


def bare_number(text: str) -> str:
    """`+34600000001` of `+34 600-000 001` and of `0034 600 000 001`; what is no number stays."""
    bare = text.translate(_SEPARATORS)
    if bare.startswith("00") and bare.isdecimal() and len(bare) > len("00") + 7:
        bare = f"+{bare.removeprefix('00')}"
    return bare if _WHOLE.fullmatch(bare) is not None else text


def _anything(text: str) -> str | Fault:
    text = text.strip()
    for prefix, what in ((MESSAGE, "message"), (CAMPAIGN, "campaign")):
        if text.startswith(prefix) and internal(prefix, text) is None:
            return Fault(f"looks like the id of a {what} but is none; was it copied whole?", FaultCode.NOT_AN_ID)
    return read_label(text, _MOST_TYPED)


def _label(text: str) -> str | Fault:
    return read_label(text, _MOST_TYPED)


def _number(text: str) -> str | Fault:
    # In a query a plus means a blank.
    text = f"+{text[1:]}" if text[:1] == " " and text[1:2].isdecimal() else text.strip()
    bare = bare_number(text)
    if _WHOLE.fullmatch(bare) is None:
        return Fault("is not a phone number: 7 to 15 digits, best with a plus in front", FaultCode.NOT_A_NUMBER)
    return bare


def _end(text: str) -> str | Fault:
    if not (text.isascii() and text.isdecimal() and 2 <= len(text) <= 15):
        return Fault("must be the last digits of a number: 2 to 15", FaultCode.NOT_A_NUMBER)
    return text
