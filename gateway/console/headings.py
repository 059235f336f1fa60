"""What a list of messages is headed by: what was searched, in the words of who searched it. Pure.

Rows are masked and look alike, so it is by the heading that one sees what was found.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gateway.console import periods
from gateway.desk.searching import bare_number, end_of
from gateway.identifiers import CAMPAIGN, internal


class Heading(NamedTuple):
    words: str
    typed: str = ""
    """What was asked for, as it was typed."""
    filters: Sequence[str] = ()


def heading_of(given: Mapping[str, str], period: periods.Period, found: Sequence[Mapping[str, Any]]) -> Heading:
    """Of the messages that were found by what was given."""
    return _by_words(given["q"], found)._replace(filters=_filters(given, period))


def _by_words(q: str, found: Sequence[Mapping[str, Any]]) -> Heading:
    if not q:
        return Heading("Latest messages")
    if internal(CAMPAIGN, q) is not None:
        return Heading("Messages of campaign", q)
    if (end := end_of(q)) is not None:
        return Heading("Messages to numbers that end in", end)
    number = bare_number(q)
    if number.startswith("+"):
        return Heading("Messages to", number)
    if found and all(one["client_id"] == q for one in found):
        return Heading("Messages with the customer's reference", q)
    # Digits may be a number as an account writes it, the end of one, or a carrier's id: the desk does not say which.
    return Heading("Messages that match" if number.isdecimal() else "Messages with the carrier's id", q)


def _filters(given: Mapping[str, str], period: periods.Period) -> list[str]:
    told = [given["status"].replace("_", " ")] if given["status"] else []
    told += [f"{name} {given[name]}" for name in ("account", "carrier", "lane") if given[name]]
    if period.when is periods.When.BETWEEN:
        return told + [
            f"{word} {given[name].replace('T', ' ')}"
            for word, name in (("from", "after"), ("to", "before"))
            if given[name]
        ]
    return told if period.when is periods.When.ANY else [*told, periods.QUICK[period.when].lower()]
