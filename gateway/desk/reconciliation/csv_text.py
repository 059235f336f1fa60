"""Lines of CSV by RFC 4180 whose cells no spreadsheet takes for a formula. Pure."""

from collections.abc import Iterable

_OPENERS = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
"""What a formula begins with, in the wide letters of East Asian keyboards too."""
_QUOTED = frozenset('",\r\n')


def line(cells: Iterable[str]) -> str:
    """One record, with the CRLF that ends it."""
    return ",".join(map(_cell, cells)) + "\r\n"


def _cell(text: str) -> str:
    # Most are: nothing in them has to be looked for.
    if not text or text.isalnum():
        return text
    if text[0] in "\t\r\n" or text.lstrip()[:1] in _OPENERS:
        # As spreadsheets themselves mark a cell that is text whatever it looks like.
        text = f"'{text}"
    if _QUOTED.isdisjoint(text):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
