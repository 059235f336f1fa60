"""Which mobile network a number was given to, by the longest prefix that a table has of it.

A number that was ported is with another network by now: flows/number_facts asks for that, where there is whom to ask.
"""

from collections.abc import Mapping
from typing import NamedTuple


class NetworkKnown(NamedTuple):
    """What is known of a number's network, and who says so."""

    mccmnc: str
    ported: bool | None
    """None: the table does not know."""
    source: str
    """`lookup` or `table`."""


class Networks:
    """A table of ranges, made ready: a look costs one step for each length of prefix that occurs."""

    __slots__ = ("_lengths", "_ranges")

    def __init__(self, ranges: Mapping[str, str]) -> None:
        """`ranges`: by prefix without the plus, MCC and MNC; empty where nobody's network is known."""
        self._ranges = dict(ranges)
        self._lengths = sorted({len(prefix) for prefix in ranges}, reverse=True)

    def of(self, number: str) -> str | None:
        """MCC and MNC of a number in E.164 with its plus; None where the table does not know."""
        for length in self._lengths:
            network = self._ranges.get(number[1 : 1 + length])
            if network is not None:
                return network or None
        return None
