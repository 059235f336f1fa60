"""What kind of line a number belongs to: a landline, a mobile, or either, by its country's numbering plan.

libphonenumber takes some 50 µs for the answer; property tests hold this file equal to it.
"""

import re
from enum import Enum
from functools import cache

from gateway.rules.numbering import NOTHING, SPECIAL, described, metadata_of, plan_of


class Line(Enum):
    LANDLINE = "landline"
    MOBILE = "mobile"
    EITHER = "either"
    """The country's landlines and mobiles look alike."""
    OTHER = "other"
    """Neither, such as toll-free numbers; or of no country's plan."""


_KINDS = {"fixed": Line.LANDLINE, "mobile": Line.MOBILE, "either": Line.EITHER}


def line_of(number: str, country: str | None) -> Line:
    """Of a number in E.164 with its plus, and the country whose plan has it."""
    plan = None if country is None else plan_of(number[1:])
    if plan is None or country is None or country not in plan.regions:
        return Line.OTHER
    code = len(plan.calling_code)
    pattern = _pattern(int(plan.calling_code), country, len(number) - 1 - code)
    found = pattern.match(number, 1 + code)
    return Line.OTHER if found is None or found.lastgroup is None else _KINDS[found.lastgroup]


@cache
def _pattern(calling_code: int, region: str, length: int) -> re.Pattern[str]:
    """Matches numbers of a line; the name of the group says of which."""
    metadata = metadata_of(calling_code, region)
    special = "|".join(filter(None, (described(metadata, kind, length) for kind in SPECIAL)))
    general, fixed = described(metadata, "general_desc", length), described(metadata, "fixed_line", length)
    mobile = described(metadata, "mobile", length)
    if metadata.same_mobile_and_fixed_line_pattern:
        kinds = {"either": fixed}
    else:
        both = f"(?={fixed}\\Z){mobile}" if fixed and mobile else ""
        kinds = {"either": both, "fixed": fixed, "mobile": mobile}
    alternatives = "|".join(f"(?P<{name}>{pattern})" for name, pattern in kinds.items() if pattern)
    if not general or not alternatives:
        return NOTHING
    apart = f"(?!(?:{special})\\Z)" if special else ""
    return re.compile(rf"(?={general}\Z){apart}(?:{alternatives})\Z")
