"""Time zones by their names, as settings and callers give them. What clocks show there is asked where it matters."""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

_LONGEST = 64
"""Of a name; no zone's is half as long."""


def zone_named(name: str) -> ZoneInfo | None:
    """By any text; None: neither this machine nor the package tzdata knows such a zone."""
    try:
        return ZoneInfo(name) if len(name) <= _LONGEST else None
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):  # the last: a file of tzdata taken for a folder
        return None


@dataclass(frozen=True, slots=True)
class ZoneName:
    """The name of a time zone that is known; `such_as` goes into errors."""

    such_as: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def check(self, value: str) -> str:
        if zone_named(value) is None:
            raise ValueError(f"is {value!r}, which is no time zone; write one such as {self.such_as}")
        return value
