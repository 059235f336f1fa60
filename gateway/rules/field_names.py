"""The names of a body's fields: what callers write in their place, and what was meant by a name that is none. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.rules.values import MOST_SHOWN, shown


@dataclass(frozen=True)
class FieldNames:
    """Of one kind of body."""

    names: frozenset[str]
    aliases: Mapping[str, str]
    """Spellings that are taken too, with the first name of each."""
    others: Mapping[str, str]
    """What other gateways call our fields."""
    is_none: str
    """What is said of a name that is none."""
    most_told: int
    """Names that are none."""
    most_guessed: int
    """Of those, how many are compared with all fields: it takes 100 µs each."""
    tells_aliases: bool
    """Whether a first name that comes after its alias is told of the alias, and not of itself."""

    def read(self, given: Mapping[Any, Any], errors: ItemErrors) -> dict[str, Any]:
        """The fields under their first names, aliases read; what is no field is told."""
        fields: dict[str, Any] = {}
        unknown: list[str] = []
        for key, value in given.items():
            name = self.aliases.get(key, key)
            if name not in self.names:
                unknown.append(key)
            elif fields.get(name) is None:
                fields[name] = value
            elif value is not None:
                other = self._alias_of(name) if key == name and self.tells_aliases else name
                errors.add(key, Fault(f"says the same as {other}: give one of them", FaultCode.GIVEN_TWICE))
        for count, key in enumerate(unknown[: self.most_told]):
            meant = self.others.get(key) or (self._nearest(key) if count < self.most_guessed else None)
            hint = f"did you mean {meant}?" if meant else "leave it out"
            errors.add(shown(key), Fault(f"{self.is_none}: {hint}", FaultCode.UNKNOWN_FIELD))
        return fields

    def as_given(self, name: str, given: Mapping[str, Any]) -> str:
        """The spelling of a first name that a body has; the first name where it has none."""
        if name in given:
            return name
        return next((alias for alias, first in self.aliases.items() if first == name and alias in given), name)

    def _alias_of(self, name: str) -> str:
        return next(alias for alias, first in self.aliases.items() if first == name)

    def _nearest(self, key: str) -> str | None:
        """The field that a slip of the hand meant."""
        close = get_close_matches(key, self._meant, n=1, cutoff=0.6) if len(key) <= MOST_SHOWN else []
        return close[0] if close else None

    @cached_property
    def _meant(self) -> frozenset[str]:
        return self.names.union(self.others.values())
