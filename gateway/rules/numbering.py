"""The numbering plans of the world, as libphonenumber has them, made ready so that one look costs a few microseconds.

libphonenumber itself takes 30 to 70 µs for the same answers; property tests hold this file equal to it. What a caller's
spelling means, and the words of refusals, are numbers.py's.
"""

import re
from collections.abc import Callable
from functools import cache, lru_cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

from gateway.rules.country_names import COUNTRY_NAMES

LONGEST = 15
"""Digits of a number, its calling code included (E.164 §6.1)."""

_LONGEST_CALLING_CODE = 3
_NON_GEOGRAPHIC = "001"
NOTHING = re.compile("(?!)")
"""Matches no number."""
SPECIAL = (
    "premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail",
)  # fmt: skip
"""Types of numbers beside landlines and mobiles, as libphonenumber names them."""
_SHARED_NAMES = {1: "North America", 7: "Russia and Kazakhstan"}


class Plan:
    """What stands behind one calling code."""

    __slots__ = ("_prefix_may_rewrite", "calling_code", "country", "lengths", "name", "regions", "trunk_prefix")

    def __init__(self, calling_code: int, regions: tuple[str, ...]) -> None:
        metadata = metadata_of(calling_code, regions[0])
        self.calling_code = str(calling_code)
        self.regions = regions
        """In the library's order: of several that a number fits, the first owns it."""
        self.country = regions[0] if len(regions) == 1 and regions[0] != _NON_GEOGRAPHIC else None
        """ISO 3166 alpha-2; None where countries share the code, or none owns it: then `region_of` may tell."""
        name = _SHARED_NAMES.get(calling_code) or COUNTRY_NAMES.get(regions[0])
        self.name = f"{name} (+{calling_code})" if name else f"+{calling_code}"
        """For people: `Spain (+34)`."""
        # Where regions share a code, the first one's metadata has the lengths of all (libphonenumber's own rule).
        general = metadata.general_desc
        self.lengths = frozenset(general.possible_length if general is not None else ())
        """Digits that a number may have behind the calling code; numbers for local dialling only are not counted."""
        prefix = metadata.national_prefix_for_parsing
        self.trunk_prefix = re.compile(prefix) if prefix else None
        self._prefix_may_rewrite = bool(metadata.national_prefix_transform_rule)

    def may_have_trunk_prefix(self, national: str) -> bool:
        """Whether there may be a trunk prefix in front, as in +44 0791...: then libphonenumber itself must read it."""
        if self.trunk_prefix is None:
            return False
        found = self.trunk_prefix.match(national)
        return found is not None and (found.end() > 0 or self._prefix_may_rewrite)

    def region_of(self, national: str) -> str | None:
        """The country of a number by its digits behind the calling code; None when no country's plan has it."""
        if self.country is not None or self.regions[0] == _NON_GEOGRAPHIC:
            return self.country
        found = _regions_pattern(int(self.calling_code), self.regions, len(national)).match(national)
        return found.lastgroup if found is not None else None

    def is_assigned(self, national: str) -> bool:
        """Whether the number lies in a range that its country has given out."""
        region = self.regions[0] if len(self.regions) == 1 else self.region_of(national)
        if region is None:
            return False
        return _assigned_pattern(int(self.calling_code), region, len(national)).match(national) is not None


def plan_of(digits: str) -> Plan | None:
    """The plan that an international number's digits (without the plus) belong to. No calling code begins another."""
    for length in range(1, _LONGEST_CALLING_CODE + 1):
        plan = _plan(digits[:length])
        if plan is not None:
            return plan
    return None


class Ranges:
    """What the countries behind a calling code have given out of numbers of one length: one regular expression.

    Only where a country is known by its leading digits a second one tells whether it gave the number out: all in one
    would take 100 ms to compile for North America.
    """

    __slots__ = ("_apart", "_code", "_length", "_owner", "find")

    def __init__(self, plan: Plan, length: int) -> None:
        self._code, self._length = int(plan.calling_code), length
        shared = len(plan.regions) > 1
        leading = {region: _leading_digits(self._code, region) if shared else None for region in plan.regions}
        self._apart = frozenset(region for region, digits in leading.items() if digits)
        owners = []
        for region, digits in leading.items():
            own = f"(?={digits})[0-9]+\\Z" if digits else _assigned_pattern(self._code, region, length).pattern
            owners.append(own if region == _NON_GEOGRAPHIC else f"(?P<{region}>{own})")
        trunk = f"(?!{plan.trunk_prefix.pattern})" if plan.trunk_prefix is not None else ""
        self._owner = re.compile(rf"\+{self._code}{trunk}(?:{'|'.join(owners)})", re.ASCII).match
        self.find: Callable[[str], re.Match[str] | None] = self._find_apart if self._apart else self._owner
        """A match for a number in E.164, plus and all, that was given out; the name of its group is the country.

        What may have a trunk prefix is left out: see Plan.may_have_trunk_prefix.
        """

    def _find_apart(self, number: str) -> re.Match[str] | None:
        found = self._owner(number)
        if found is None or found.lastgroup is None or found.lastgroup not in self._apart:
            return found
        assigned = _assigned_pattern(self._code, found.lastgroup, self._length)
        return found if assigned.match(number, 1 + len(str(self._code))) else None


@lru_cache(maxsize=4096)
def ranges_of(beginning: str, characters: int) -> Ranges | None:
    """The ranges that decide on a number, by its plus with three digits and its length; None: there are none."""
    digits = beginning[1:]
    plan = plan_of(digits) if beginning.startswith("+") and digits.isdecimal() else None
    if plan is None or characters > LONGEST + 1:
        return None
    length = characters - 1 - len(plan.calling_code)
    return _ranges(plan, length) if length in plan.lengths else None


@cache
def _ranges(plan: Plan, length: int) -> Ranges:
    return Ranges(plan, length)


@lru_cache(maxsize=2048)
def _plan(calling_code: str) -> Plan | None:
    """Made when first asked for: the metadata of all plans takes a while to load."""
    code = int(calling_code) if calling_code.isdigit() and not calling_code.startswith("0") else 0
    regions = COUNTRY_CODE_TO_REGION_CODE.get(code)
    return Plan(code, regions) if regions is not None else None


def _leading_digits(calling_code: int, region: str) -> str | None:
    """What all numbers of a region begin with, where it shares its code."""
    leading: str | None = metadata_of(calling_code, region).leading_digits
    return leading


def described(metadata: PhoneMetadata, kind: str, length: int) -> str:
    """The pattern of one type of numbers of this length, behind the calling code; empty where there are none."""
    found = getattr(metadata, kind)
    if found is None or not found.national_number_pattern:
        return ""
    if found.possible_length and length not in found.possible_length:
        return ""
    return f"(?:{found.national_number_pattern})"


def metadata_of(calling_code: int, region: str) -> PhoneMetadata:
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(calling_code, region)
    if metadata is None:
        raise LookupError(f"the numbering library has no plan for +{calling_code}")
    return metadata


@cache
def _regions_pattern(calling_code: int, regions: tuple[str, ...], length: int) -> re.Pattern[str]:
    """One alternative for each region, in the library's order: the first that matches owns a number of this length."""
    alternatives = []
    for region in regions:
        leading = _leading_digits(calling_code, region)
        alternatives.append(f"(?P<{region}>{leading or _assigned_pattern(calling_code, region, length).pattern})")
    return re.compile("|".join(alternatives))


@cache
def _assigned_pattern(calling_code: int, region: str, length: int) -> re.Pattern[str]:
    """Matches a number of this length that fits the region's general description and one of its types of number."""
    metadata = metadata_of(calling_code, region)
    types = [*SPECIAL, "fixed_line"]
    if not metadata.same_mobile_and_fixed_line_pattern:
        types.append("mobile")
    general = described(metadata, "general_desc", length)
    alternatives = [pattern for kind in types if (pattern := described(metadata, kind, length))]
    if not general or not alternatives:
        return NOTHING
    return re.compile(rf"(?={general}\Z)(?:{'|'.join(alternatives)})\Z")
