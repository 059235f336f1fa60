"""Where lists go on whose places are numbers: under names that tell nothing, for those who don't see numbers whole."""

import secrets
from collections import OrderedDict
from typing import Generic, TypeVar

P = TypeVar("P")
_MOST_PLACES = 1_000


class Places(Generic[P]):
    """Kept in memory; the oldest of too many are forgotten."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, P] = OrderedDict()

    def kept(self, position: P | None) -> str | None:
        """The name of a place; None: of none."""
        if position is None:
            return None
        name = secrets.token_urlsafe(12)
        self._kept[name] = position
        if len(self._kept) > _MOST_PLACES:
            self._kept.popitem(last=False)
        return name

    def of(self, name: str) -> P | None:
        """None: it is no place's name, or forgotten."""
        return self._kept.get(name)
