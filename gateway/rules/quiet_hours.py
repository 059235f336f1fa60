"""When a recipient may be written to again in a country that has quiet hours: by the wall clocks of the number's zones.

Wall clocks jump twice a year in most places, so the moments at which anything can change are found first, and each is
asked what the clocks show then. A number with several zones waits until it is allowed in all of them. Which lanes wait
is theirs to say. Times are wall-clock milliseconds.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from phonenumbers.timezone import UNKNOWN_TIMEZONE
from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

from gateway.rules.lines import Line, line_of
from gateway.rules.numbering import plan_of
from gateway.settings import Lane
from gateway.settings.countries import CountryRules, QuietHoursRule, Weekday, minutes_of
from gateway.settings.time_zones import zone_named

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MIDNIGHT = 0
_HORIZONS = (2, 9, 120)
"""Days that are looked ahead, one after the other: nearly always a night is all there is."""
_OF_SEVERAL = 2
"""So many of them for several zones: North America's 42 take 1 ms a day."""
# Where mobile numbers tell where they are from, beside landlines (libphonenumber: GEO_MOBILE_COUNTRIES).
_MOBILES_BY_PLACE = frozenset({"52", "54", "55", "62", "86"})

Zones = tuple[ZoneInfo, ...]


class _Known(NamedTuple):
    """What was found for some zones: true from `since` until `until`."""

    since: int
    until: int
    opens_at: int | None


class Calendar:
    """The quiet hours of one country."""

    __slots__ = ("_boundaries", "_dates", "_days", "_known", "_spans", "own_zones")

    def __init__(self, country: str, rules: CountryRules) -> None:
        usual = minutes_of(rules.quiet_hours) if rules.quiet_hours else None
        on = {day: minutes_of(span) for day, span in rules.quiet_hours_on.items()}
        self._spans = [on.get(day, usual) for day in Weekday]
        self._days = frozenset(number for number, day in enumerate(Weekday) if day in rules.quiet_days)
        self._dates = frozenset(rules.quiet_dates)
        self._boundaries = sorted({_MIDNIGHT, *(minute for span in self._spans if span for minute in span)})
        self._known: dict[Zones, _Known] = {}
        named = [rules.time_zone] if rules.time_zone is not None else _zones_of_country(country)
        self.own_zones: Zones = _zones(tuple(named)) or (ZoneInfo("UTC"),)
        """Of numbers that tell none."""

    def opens_at(self, now: int, zones: Zones) -> int | None:
        """The first moment from now on that is not quiet in any of the zones; None: now."""
        known = self._known.get(zones)
        if known is None or not known.since <= now < known.until:
            known = self._known[zones] = self._find(now, zones)
        return known.opens_at

    def is_quiet(self, at: int, zones: Zones) -> bool:
        """Whether it is in any of the zones."""
        moment = _moment(at)
        return any(self._is_quiet_by(moment.astimezone(zone)) for zone in zones)

    def _is_quiet_by(self, clock: datetime) -> bool:
        day = clock.weekday()
        if day in self._days:
            return True
        if self._dates and not self._dates.isdisjoint((clock.strftime("%m-%d"), clock.strftime("%Y-%m-%d"))):
            return True
        span = self._spans[day]
        if span is None:
            return False
        begin, end = span
        minute = clock.hour * 60 + clock.minute
        return begin <= minute < end if begin < end else minute >= begin or minute < end

    def _find(self, now: int, zones: Zones) -> _Known:
        if not self.is_quiet(now, zones):
            return _Known(now, next(self._changes(now, zones, _HORIZONS[0])), None)
        for days in _HORIZONS if len(zones) == 1 else _HORIZONS[:_OF_SEVERAL]:
            for at in self._changes(now, zones, days):
                if not self.is_quiet(at, zones):
                    return _Known(now, at, at)
        # In zones so far apart it is never allowed in all of them: the country's own decides, then one of them.
        if len(zones) > 1:
            return self._find(now, self.own_zones if len(self.own_zones) == 1 else zones[:1])
        far = now + _HORIZONS[-1] * 86_400_000
        return _Known(now, far, far)

    def _changes(self, now: int, zones: Zones, days: int) -> Iterator[int]:
        """Every moment after now at which any of the clocks may pass into or out of quiet hours, in order; at least
        those of so many days."""
        found: set[int] = set()
        for zone in zones:
            today = _moment(now).astimezone(zone).date()
            # From yesterday on: a clock that is set back over midnight shows its last hour again.
            for day in (today + timedelta(days=step) for step in range(-1, days + 2)):
                for minute in self._boundaries:
                    found.update(_shown_at(day, minute, zone))
        last = now + days * 86_400_000
        return iter(sorted(at for at in found if now < at <= last))


class QuietHours:
    """Of all countries that have any."""

    __slots__ = ("_calendars", "_prefixes", "lanes")

    def __init__(self, countries: Mapping[str, CountryRules], lanes: Iterable[Lane]) -> None:
        self._calendars = {
            code: Calendar(code, rules)
            for code, rules in countries.items()
            if rules.quiet_hours or rules.quiet_hours_on or rules.quiet_days or rules.quiet_dates
        }
        self._prefixes = tuple({f"+{code}" for country in self._calendars for code in _calling_codes(country)})
        minding = {lane.name for lane in lanes if lane.quiet_hours is QuietHoursRule.RESPECT}
        self.lanes = frozenset(minding if self._calendars else ())
        """Those that wait; none where no country has quiet hours."""

    def may_be_quiet(self, number: str) -> bool:
        """Whether a number's calling code is that of a country with quiet hours: all that most numbers cost."""
        return number.startswith(self._prefixes)

    def opens_at(self, now_ms: int, number: str, country: str | None) -> int | None:
        """The first moment from now on at which the number (E.164 with its plus) may get promotions; None: now."""
        calendar = None if country is None else self._calendars.get(country)
        return None if calendar is None else calendar.opens_at(now_ms, zones_of(number, country) or calendar.own_zones)

    def zones(self, number: str, country: str | None) -> list[str]:
        """The names of the zones by which that is told; none where the country has no quiet hours."""
        calendar = None if country is None else self._calendars.get(country)
        found = () if calendar is None else zones_of(number, country) or calendar.own_zones
        return [zone.key for zone in found]

    def unknown_zones(self) -> list[str]:
        """Names of zones that numbers of these countries may be in, and whose clocks are known to nobody here."""
        names = {name for country in self._calendars for name in _zones_of_country(country)}
        return sorted(name for name in names - {UNKNOWN_TIMEZONE} if zone_named(name) is None)


NO_QUIET_HOURS = QuietHours({}, ())


def zones_of(number: str, country: str | None) -> Zones:
    """The time zones that a number (E.164 with its plus) may be in, as libphonenumber has them; () where it has none.

    A landline tells its place; a mobile does not in most countries, and may then be in any zone of its calling code.
    """
    plan = plan_of(number[1:])
    if plan is None:
        return ()
    exact, general = _zone_names(number[1 : 1 + TIMEZONE_LONGEST_PREFIX]), _zone_names(plan.calling_code)
    if exact != general:
        line = line_of(number, country)
        by_place = line in (Line.LANDLINE, Line.EITHER) or (
            line is Line.MOBILE and plan.calling_code in _MOBILES_BY_PLACE
        )
        if not by_place:
            exact = general
    return _zones(exact)


@lru_cache(maxsize=65_536)
def _zone_names(digits: str) -> tuple[str, ...]:
    """Of the longest beginning that is known."""
    for length in range(len(digits), 0, -1):
        names: tuple[str, ...] | None = TIMEZONE_DATA.get(digits[:length])
        if names is not None:
            return names
    return ()


@cache
def _zones(names: tuple[str, ...]) -> Zones:
    """As the machine has them, else the package tzdata: many systems leave out names that were replaced, which
    libphonenumber goes by (Asia/Calcutta is India's). Without those that are newer than both."""
    return tuple(zone for zone in map(zone_named, names) if zone is not None)


def _calling_codes(country: str) -> list[int]:
    return [code for code, regions in COUNTRY_CODE_TO_REGION_CODE.items() if country in regions]


def _zones_of_country(country: str) -> list[str]:
    return [name for code in _calling_codes(country) for name in _zone_names(str(code))]


def _shown_at(day: date, minute: int, zone: ZoneInfo) -> Iterator[int]:
    """The moments at which a clock passes this time: twice where it is set back over it, and when it is set itself."""
    shown = datetime.combine(day, time(minute // 60, minute % 60), zone)
    first, second = sorted((_ms(shown), _ms(shown.replace(fold=1))))
    yield first
    if second != first:
        yield second
        yield _set_between(first, second, zone)


def _set_between(before: int, after: int, zone: ZoneInfo) -> int:
    """When, to the second, a clock was set that was set once between two moments."""
    offset = _moment(before).astimezone(zone).utcoffset()
    while after - before > 1000:
        middle = (before + after) // 2000 * 1000
        if _moment(middle).astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def _moment(at: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=at)


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
