"""The numbering plans of the world, as libphonenumber has them, made ready so that one look costs a few microseconds.

libphonenumber itself takes 30 to 70 µs for the same answers; property tests hold this file equal to it. What a caller's
spelling means, and the words of refusals, are numbers.py's.
"""

import re
from functools import cache, lru_cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

from gateway.rules.country_names import COUNTRY_NAMES

_LONGEST_CALLING_CODE = 3
_NON_GEOGRAPHIC = "001"
_NOTHING = "(?!)"
_SHARED_NAMES = {1: "North America", 7: "Russia and Kazakhstan"}


class Plan:
    """What stands behind one calling code."""

    __slots__ = ("_national_prefix", "_prefix_may_rewrite", "_regions", "calling_code", "country", "lengths", "name")

    def __init__(self, calling_code: int, regions: tuple[str, ...]) -> None:
        metadata = _metadata(calling_code, regions[0])
        self.calling_code = str(calling_code)
        self._regions = regions
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
        self._national_prefix = re.compile(prefix) if prefix else None
        self._prefix_may_rewrite = bool(metadata.national_prefix_transform_rule)

    def has_national_prefix(self, national: str) -> bool:
        """Whether there may be a trunk prefix in front, as in +44 0791...: then libphonenumber itself must read it."""
        if self._national_prefix is None:
            return False
        found = self._national_prefix.match(national)
        return found is not None and (found.end() > 0 or self._prefix_may_rewrite)

    def region_of(self, national: str) -> str | None:
        """The country of a number by its digits behind the calling code; None when no country's plan has it."""
        if self.country is not None or self._regions[0] == _NON_GEOGRAPHIC:
            return self.country
        found = _regions_pattern(int(self.calling_code), self._regions, len(national)).match(national)
        return found.lastgroup if found is not None else None

    def is_assigned(self, national: str) -> bool:
        """Whether the number lies in a range that its country has given out."""
        region = self._regions[0] if len(self._regions) == 1 else self.region_of(national)
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


@lru_cache(maxsize=2048)
def _plan(calling_code: str) -> Plan | None:
    """Made when first asked for: the metadata of all plans takes a while to load."""
    code = int(calling_code) if calling_code.isdigit() and not calling_code.startswith("0") else 0
    regions = COUNTRY_CODE_TO_REGION_CODE.get(code)
    return Plan(code, regions) if regions is not None else None


def _metadata(calling_code: int, region: str) -> PhoneMetadata:
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(calling_code, region)
    if metadata is None:
        raise LookupError(f"the numbering library has no plan for +{calling_code}")
    return metadata


@cache
def _regions_pattern(calling_code: int, regions: tuple[str, ...], length: int) -> re.Pattern[str]:
    """One alternative for each region, in the library's order: the first that matches owns a number of this length."""
    alternatives = []
    for region in regions:
        leading = _metadata(calling_code, region).leading_digits
        alternatives.append(f"(?P<{region}>{leading or _assigned_pattern(calling_code, region, length).pattern})")
    return re.compile("|".join(alternatives))


@cache
def _assigned_pattern(calling_code: int, region: str, length: int) -> re.Pattern[str]:
    """Matches a number of this length that fits the region's general description and one of its types of number."""
    metadata = _metadata(calling_code, region)
    types = [
        metadata.premium_rate,
        metadata.toll_free,
        metadata.shared_cost,
        metadata.voip,
        metadata.personal_number,
        metadata.pager,
        metadata.uan,
        metadata.voicemail,
        metadata.fixed_line,
    ]
    if not metadata.same_mobile_and_fixed_line_pattern:
        types.append(metadata.mobile)
    general, *described = [
        kind.national_number_pattern
        if kind is not None and (not kind.possible_length or length in kind.possible_length)
        else None
        for kind in (metadata.general_desc, *types)
    ]
    alternatives = [f"(?:{pattern})" for pattern in described if pattern]
    if not general or not alternatives:
        return re.compile(_NOTHING)
    return re.compile(rf"(?=(?:{general})\Z)(?:{'|'.join(alternatives)})\Z")
