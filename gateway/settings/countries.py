"""The section about countries: which senders they take, and when promotional messages may not reach their people.

What comes with Sluice is data (config/countries.toml), laid beneath what the configuration says, a key at a time. What
follows from it is decided in gateway/rules/countries and gateway/rules/quiet_hours.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from gateway.settings.files import Sources
from gateway.settings.patterns import SenderPatterns
from gateway.settings.problems import Fault, Problem, unknown_key
from gateway.settings.time_zones import ZoneName
from gateway.settings.types import COUNTRIES, Section

if TYPE_CHECKING:
    from gateway.settings import Settings

# Beside the code in an installed package (pyproject.toml puts it there), and where it is written in a checkout.
_FILES = (Path(__file__).parent / "countries.toml", Path(__file__).parents[2] / "config" / "countries.toml")
_SPAN = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_DATE = re.compile(r"(?:[0-9]{4}-)?(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9 ._&+-]{1,21}\*?", re.ASCII)
_NUMBER = re.compile(r"\+?[0-9]{3,15}", re.ASCII)
MOST_DATES = 60


class SenderRule(StrEnum):
    """What a country makes of names as senders."""

    ALLOWED = "allowed"
    REGISTERED = "registered"
    REFUSED = "refused"


class QuietHoursRule(StrEnum):
    """Whether a lane's messages wait for the end of a country's quiet hours."""

    RESPECT = "respect"
    IGNORE = "ignore"


class Landlines(StrEnum):
    """What becomes of messages to landlines."""

    ALLOW = "allow"
    REFUSE = "refuse"


class Weekday(StrEnum):
    """In the order of datetime.weekday()."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


def minutes_of(span: str) -> tuple[int, int]:
    """Begin and end of `"21:00-08:00"` in minutes after midnight. Raises ValueError."""
    match = _SPAN.fullmatch(span)
    if match is None:
        raise ValueError(f'is {span!r}; write begin and end in the recipient\'s time, such as "21:00-08:00"')
    begin, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if begin == end:
        raise ValueError(f"is {span!r}, which is all day or nothing; for a whole day write quiet_days")
    return begin, end


def _check_span(value: str) -> str:
    minutes_of(value)
    return value


def _check_span_or_none(value: str) -> str:
    return _check_span(value) if value else value


def _check_date(value: str) -> str:
    if _DATE.fullmatch(value) is None:
        raise ValueError(f'is {value!r}; write "05-01" for the first of May of each year, or "2027-05-06" for one day')
    return value


def _check_pattern(value: str) -> str:
    if value != "*" and (_NAME.fullmatch(value) is None or value != value.strip()):
        raise ValueError(f'is {value!r}; write a sender such as "SHOP", its beginning as "SHOP*", or "*" for all')
    return value


def _check_fallback(value: str) -> str:
    if _NUMBER.fullmatch(value) is None and (len(value) > 11 or "*" in value or _NAME.fullmatch(value) is None):
        raise ValueError(f'is {value!r}; write a number such as "+15550100200", a short code, or a name')
    return value


Span = Annotated[str, AfterValidator(_check_span)]
SpanOrNone = Annotated[str, AfterValidator(_check_span_or_none)]
SenderPattern = Annotated[str, AfterValidator(_check_pattern)]
FallbackSender = Annotated[str, AfterValidator(_check_fallback)]


class CountryRules(Section):
    """What a country asks, by its two capitals of ISO 3166. A key replaces that of `config/countries.toml` alone."""

    alphanumeric: SenderRule = SenderRule.ALLOWED
    """Names as senders: `allowed`, `registered` (only `registered_senders`), or `refused`, where only numbers pass."""
    registered_senders: list[SenderPattern] = Field(default=[], max_length=10_000)
    """Names registered there for every account, where `alphanumeric` is `registered`; an account has its own too."""
    fallback_sender: FallbackSender | None = None
    """Sender in the place of a name that may not be used there; without it such a message is refused."""
    quiet_hours: SpanOrNone = ""
    """When messages of lanes that respect it wait, in the recipient's time: `"21:00-08:00"`; empty for never."""
    quiet_hours_on: dict[Weekday, Span] = Field(default={})
    """Instead of `quiet_hours` on some days of the week: `{ saturday = "13:00-09:00" }`."""
    quiet_days: list[Weekday] = Field(default=[], max_length=6)
    """Days of the week that are quiet as a whole: `["sunday"]`."""
    quiet_dates: list[Annotated[str, AfterValidator(_check_date)]] = Field(default=[], max_length=MOST_DATES)
    """Dates that are quiet as a whole: `["05-01", "2027-05-06"]`."""
    time_zone: Annotated[str, ZoneName('"Europe/Madrid"')] | None = None
    """Of numbers whose own time zone is not known, or whose several zones are never all out of quiet hours at once."""


def shipped_file() -> Path:
    """The rules that come with Sluice."""
    return next((file for file in _FILES if file.is_file()), _FILES[0])


def lay_countries(sources: Sources) -> None:
    """Give each country what the file of rules says and the configuration does not. Raises nothing: see `problems`."""
    given = sources.data.setdefault("countries", {})
    named = sources.data.get("countries_file")
    if not isinstance(given, dict) or not (named is None or isinstance(named, str)):
        return  # Settings tells what they must be
    for name in [name for name in given if name != name.upper() and name.upper() in COUNTRIES]:
        # As an environment variable may have spelled it.
        origin = sources.origin(("countries", name))
        table = given.pop(name)
        if isinstance(table, dict) and isinstance(given.setdefault(name.upper(), {}), dict):
            given[name.upper()].update(table)
            for key in ((), *((key,) for key in table)):
                sources.given(("countries", name.upper(), *key), origin)
    file = shipped_file() if named is None else sources.main.parent / named
    for country, rules in sources.read(file, "is named as countries_file and ").items():
        table = given.setdefault(country, {})
        if not isinstance(table, dict) or not isinstance(rules, dict):
            sources.problems.append(Problem(str(file), country, "must be a table"))
            continue
        for key, value in rules.items():
            if key not in CountryRules.model_fields:
                reason = unknown_key(key, CountryRules.model_fields)
                sources.problems.append(Problem(str(file), f"{country}.{key}", reason))
            elif key not in table:
                table[key] = value
                sources.given(("countries", country, key), str(file))


def country_contradictions(settings: "Settings") -> Iterator[Fault]:
    """Fallback senders that could not be used."""
    for code, rules in settings.countries.items():
        if (reason := _unusable(settings, code, rules.fallback_sender, "")) is not None:
            yield Fault(("countries", code, "fallback_sender"), reason)
    for account in settings.accounts.values():
        for code, sender in account.fallback_senders.items():
            at = ("accounts", account.name, "fallback_senders", code)
            if not SenderPatterns(account.senders).match(sender):
                yield Fault(at, f'is "{sender}", which senders does not allow; add it there')
            elif (reason := _unusable(settings, code, sender, account.name)) is not None:
                yield Fault(at, reason)


def _unusable(settings: "Settings", code: str, sender: str | None, account: str) -> str | None:
    """Why a country would not take its own fallback."""
    rules = settings.countries.get(code)
    if rules is None or sender is None or _NUMBER.fullmatch(sender) is not None:
        return None
    if rules.alphanumeric is SenderRule.REFUSED:
        return f'is "{sender}", a name, and {code} takes numbers alone; write a number'
    own = settings.accounts[account].registered_senders.get(code, []) if account else []
    registered = SenderPatterns([*rules.registered_senders, *own])
    if rules.alphanumeric is SenderRule.REGISTERED and not registered.match(sender):
        return f'is "{sender}", which is not among the registered_senders of {code}; add it there, or write a number'
    return None


def country_cautions(settings: "Settings") -> Iterator[str]:
    """What is worth a word and no reason to stop; each names its key."""
    for code in settings.countries:
        if code not in COUNTRIES:
            hint = 'did you mean "GB"?' if code.upper() == "UK" else "write the two capitals of ISO 3166"
            yield f"countries.{code} names no country, so it says nothing; {hint}"
