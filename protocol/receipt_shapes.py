"""Receipts whose text has no `key:value` as it stands: JSON, XML, `key=value`, comma lists, packed septets, glued keys.

Each is turned into what receipt_text.py reads; what the words mean stays there.
"""

import re
from typing import NamedTuple

from protocol.packing import unpack
from protocol.receipt_dates import with_digits

_NAMES = {
    "id": "id",
    "messageid": "id",
    "msgid": "id",
    "stat": "stat",
    "status": "stat",
    "state": "stat",
    "err": "err",
    "error": "err",
    "errorcode": "err",
    "submitdate": "submit date",
    "donedate": "done date",
}
_PAIR = re.compile(
    r"""["']([A-Za-z_ ]++)["']\s*+:\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s,}"']++))"""  # JSON
    r"|<([A-Za-z_]++)>\s*+([^<]*+)</"  # XML
    r"|(?<![A-Za-z_])([A-Za-z_]++)=(?:'([^'\n]*+)'|\"([^\"\n]*+)\""
    r"|([^\s&;,]*+(?: ++[Tt][Oo](?![-\w=:])(?: ++[A-Za-z]++(?![-\w=:]))*+)?+))"  # delivered to whom
)
_LIST = re.compile(
    r"\s*0?([0-9]{1,2})\s*,\s*([0-9]{10,14})\s*,\s*([0-9]{10,14})\s*,\s*([0-9A-Za-z]*)\s*,"
    r"\s*\+?[0-9]+\s*,\s*[^\s,]+\s*,\s*([^\s,]+)\s*"
)
_GLUED = re.compile(r"(?<=[0-9A-Za-z])(?=(?:sub|dlvrd|submit ?date|done ?date|stat|err):)", re.IGNORECASE)
_KEYED = re.compile(r"id\s*:.*(?:stat|date)\s*:", re.IGNORECASE | re.DOTALL)
_GSM_UNDERSCORE = "\x11"


class Listed(NamedTuple):
    """A list of status, two dates, error, two addresses and id."""

    status: str
    """A number of the list's own, without leading zeros: none of message_state."""
    dates: tuple[str, str]
    """Both orders are written; the one that was done is the later."""
    error: str
    message_id: str


def as_keys(text: str) -> str | None:
    """The pairs of a JSON object, an XML element or a query string as `key:value`; None if it has none that we read."""
    pairs: list[str] = []
    synonyms: list[str] = []
    for found in _PAIR.finditer(text):
        groups = [group for group in found.groups() if group is not None]
        name = _NAMES.get("".join(groups[0].replace("_", "").split()).lower())
        if name is not None:
            # The first of a kind counts, so what has a receipt's own name comes before what only means the same.
            (pairs if groups[0].lower() == name else synonyms).append(f"{name}:{with_digits(groups[1])}")
    return " ".join(pairs + synonyms) or None


def ungluing(text: str) -> str:
    """The text with a blank before each key that stands right behind a value, as in `id:7sub:1stat:DELIVRDerr:0`."""
    return _GLUED.sub(" ", text)


def read_list(text: str) -> Listed | None:
    """What a comma list without any key says, if it is one."""
    found = _LIST.fullmatch(text)
    if found is None:
        return None
    status, one, other, error, message_id = found.groups()
    return Listed(status, (one, other), error, message_id)


def unpacked(octets: bytes) -> str | None:
    """The text of packed septets, if they hold the keys of a receipt."""
    text = unpack(octets).decode("ascii").replace(_GSM_UNDERSCORE, "_")
    return text if _KEYED.search(text) else None
