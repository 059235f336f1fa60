"""The text of a receipt (SMPP 3.4 Appendix B) in the dialects that SMSCs write, read up to `text:` and no further.

What the rest of the PDU says, and whether it is a receipt at all, is receipts.py's.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from protocol.receipt_content import without_content
from protocol.receipt_dates import with_digits
from protocol.receipt_shapes import as_keys, read_list, ungluing, unpacked
from protocol.receipt_states import ReceiptState, state_of
from protocol.times import parse_receipt_date

_STATE_NUMBERS = {str(state.value): state for state in ReceiptState}
_LIST_STATUSES = {
    "0": ReceiptState.DELIVERED,
    "1": ReceiptState.ENROUTE,
    "2": ReceiptState.UNDELIVERABLE,
}
"""Of Vodafone's comma list: delivered, not yet but to be tried again, not delivered. Of others nothing is told."""

# Most receipts, from end to end in one match; whatever does not fit is scanned. An id is without _QUOTES_AND_COMMAS.
_ORDINARY = re.compile(
    r"id:([!#-&(-+\--9<-{}~]+)( (?:sub:[0-9]+ dlvrd:[0-9]+ )?submit date:[0-9]+ done date:[0-9]+ stat:[A-Z]+"
    r" err:[0-9A-Za-z]*)(?= ?[Tt]ext:|\Z)"
)
_TAILS_KEPT = 4096
# Possessive, so that a long run of letters or blanks costs no more than its length.
_KEY = re.compile(r"(?<![A-Za-z])([A-Za-z]++(?:[\s_]++(?:[Dd][Aa][Tt][Ee]|[Cc][Oo][Dd][Ee]))?+)\s*+:")
_KEYS = {"id", "sub", "dlvrd", "submitdate", "donedate", "stat", "err"}
_SYNONYMS = {"status": "stat", "state": "stat", "error": "err", "errcode": "err", "errorcode": "err"}
_OF_MESSAGE = re.compile(r"(?<![A-Za-z])(?:message|msg)_\Z", re.IGNORECASE)
_OWN, _SYNONYM, _ANOTHERS = range(3)
"""How far a key is from the receipt's own, as `id`, `message_id` and `smsc_id` are: the nearest counts."""
_TO_WHOM = re.compile(r"\s*+(\S++)\s++to(?![^\s\"'])(?:\s++[A-Za-z]++(?![-\w=:]))*+", re.IGNORECASE)
_BARE_STATE = re.compile(
    r"(?<![A-Za-z])(?:id|sub|dlvrd|(?:submit|done)[\s_]?date)\s*+:\s*+[^\s:]++\s++([A-Za-z_]++)\s*+"
    r"(?:err(?:or)?(?:[\s_]?code)?\s*+:|\Z)",
    re.IGNORECASE,
)
"""A second word behind a key, where `stat:` is left out; not behind `err:`, where a text may stand without its key."""
_GLUED_ID = re.compile(r"id\s*:\s*+(?![a-z ]+:)(\S*)", re.IGNORECASE)
_BARE = re.compile(r"\s*([^\s,;|]+)(?:\s*[,;|]\s*|\s+)([0-9]|[A-Za-z_]+)\s*")
_WIDE_KEY = re.compile(r"(?:i\0d|s\0t\0a\0t|s\0u\0b)\0?\s*\0?:", re.IGNORECASE)
_WIDE_BARE = re.compile(r"(?:\0[ -~])+|(?:[ -~]\0)+")
_BINARY = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")
_ANY_BINARY = re.compile(rb"[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\xff]")
_QUOTES_AND_COMMAS = ",;|\"'"
_CLOCK_TICK = timedelta(minutes=1)
"""The coarsest unit of receipt dates: one date may have seconds where the other has none."""


@dataclass(slots=True)
class ReceiptText:
    """What the text says, each field None where it says nothing."""

    message_id: str | None
    state: ReceiptState | None
    """None too if the word in `stat` means nothing to us."""
    stat: str | None
    error: str | None
    submitted_at: datetime | None
    done_at: datetime | None
    raw: str
    is_unmistakable: bool
    """Whether the layout alone makes it a receipt."""
    may_quote: bool = False
    """Whether `raw` holds more than keys that we know with a word each: what more it is may be the message's text."""


class OrdinaryTail(NamedTuple):
    """What a text of the ordinary layout says behind its id; receipts of one moment share it, so it is read once."""

    state: ReceiptState | None
    stat: str
    error: str | None
    submitted_at: datetime | None
    done_at: datetime | None
    is_backwards: bool
    """As `is_before`."""


Ordinary: TypeAlias = tuple[str, str, OrdinaryTail]
"""The id, the raw text and what else it says."""


def read_text(octets: bytes) -> ReceiptText:
    """What the octets of a receipt say; the octets decide what charset they are in."""
    ordinary = read_ordinary(octets)
    if ordinary is None:
        return _scan(octets, octets.decode("latin-1"))
    message_id, raw, tail = ordinary
    return ReceiptText(message_id, tail.state, tail.stat, tail.error, tail.submitted_at, tail.done_at, raw, True)


def read_ordinary(octets: bytes) -> Ordinary | None:
    """The id, the raw text and what else it says, of a text in the layout that most have; None of any other."""
    text = octets.decode("latin-1")
    return ordinary_in(text, 0, len(text))


def ordinary_in(text: str, start: int, end: int) -> Ordinary | None:
    """The same of what lies from `start` to `end`, octets as latin-1."""
    found = _ORDINARY.match(text, start, end)
    if found is None:
        return None
    message_id, tail = found.groups()
    return message_id, found[0], _read_tail(tail)


@lru_cache(maxsize=_TAILS_KEPT)
def _read_tail(tail: str) -> OrdinaryTail:
    # The last four of its parts begin with the words behind `submit date:`, `done date:`, `stat:` and `err:`.
    submitted, done, stat, error = (part.partition(" ")[0] for part in tail.split(":")[-4:])
    submitted_at, done_at = parse_receipt_date(submitted), parse_receipt_date(done)
    is_backwards = is_before(done_at, submitted_at)
    return OrdinaryTail(state_of(stat), stat, error or None, submitted_at, done_at, is_backwards)


def is_before(done_at: datetime | None, submitted_at: datetime | None) -> bool:
    """Whether a message was done before it was submitted, by more than the dates' own coarseness."""
    if done_at is None or submitted_at is None or (done_at.tzinfo is None) != (submitted_at.tzinfo is None):
        return False
    return done_at < submitted_at and submitted_at - done_at >= _CLOCK_TICK


def _scan(octets: bytes, text: str) -> ReceiptText:
    """Keys in any order and case, the first of a kind counts, the word behind it is its value."""
    head = without_content(_narrow(octets, text) if "\0" in text else text)
    # NUL pads; 0x11 is the underscore of an SMSC that writes GSM 03.38.
    raw = head.replace("\0", " ").replace("\x11", "_").strip()
    plain = with_digits(raw)
    fields, may_quote = _read_fields(plain)
    if ":" in (fields.get("stat") or "") and len(unglued := ungluing(plain)) > len(plain):
        fields, may_quote = _read_fields(unglued)
    if not fields and (keys := as_keys(raw)) is not None:
        fields, may_quote = _read_fields(keys)[0], True
    stat = fields.get("stat")
    state = state_of(stat) if stat else None
    is_unmistakable = stat is not None and (len(fields) >= 3 or (state is not None and fields.get("id") is not None))
    if "stat" not in fields and (bare := _BARE_STATE.search(plain)) is not None:
        meant = state_of(bare[1])
        stat, state = (None, None) if meant is None else (bare[1], meant)
    if "id" not in fields and (glued := _GLUED_ID.search(raw)):
        fields["id"] = _word(glued[1])
    if not fields:
        return _read_keyless(octets, head, raw)
    return ReceiptText(
        fields.get("id"),
        state,
        stat,
        fields.get("err"),
        parse_receipt_date(fields.get("submitdate") or ""),
        parse_receipt_date(fields.get("donedate") or ""),
        raw,
        is_unmistakable,
        may_quote,
    )


def _read_fields(raw: str) -> tuple[dict[str, str | None], bool]:
    """By key its value; and whether there is more than that."""
    found: list[tuple[int, str, str]] = []
    name, distance, start = "", _OWN, 0
    for key in _KEY.finditer(raw):
        following, its_distance = _key_of(raw, key)
        # Glued to the colon of an error it is the value: some begin with ID, as in `err:ID:0076`.
        is_value = name == "err" and following == "id" and key.start() == start
        if following in _KEYS and not is_value:
            found.append((distance, name, raw[start : key.start()]))
            name, distance, start = following, its_distance, key.end()
    found.append((distance, name, raw[start:]))
    fields: dict[str, str | None] = {}
    for _, name, said in sorted(found, key=itemgetter(0)):
        fields.setdefault(name, _value(name, said))
    del fields[""]
    return fields, any(_is_more(said) for _, _, said in found)


def _key_of(raw: str, key: re.Match[str]) -> tuple[str, int]:
    """The key as one word in lower case, our own for a synonym; and how far what is written is from that."""
    name = "".join(key[1].split()).replace("_", "").lower()
    own = _SYNONYMS.get(name, name)
    if raw.endswith("_", 0, key.start()):
        before = raw[max(0, key.start() - len(" message_")) : key.start()]
        return own, _ANOTHERS if _OF_MESSAGE.search(before) is None else _SYNONYM
    return own, _OWN if own == name else _SYNONYM


def _is_more(said: str) -> bool:
    """Whether what stands behind a key, or before the first, is more than one word."""
    return len(said.split()) > 1 or ":" in said


def _read_keyless(octets: bytes, head: str, raw: str) -> ReceiptText:
    """An id and a state, as a number or a word, or else a text that is only kept."""
    bare = _BARE.fullmatch(raw)
    if bare is not None:
        state = _STATE_NUMBERS.get(bare[2]) or state_of(bare[2])
        if state is not None:
            return ReceiptText(bare[1], state, bare[2], None, None, None, raw, False)
    if (listed := read_list(raw)) is not None:
        state = _LIST_STATUSES.get(listed.status)
        one, other = (parse_receipt_date(date) for date in listed.dates)
        submitted_at, done_at = (other, one) if is_before(other, one) else (one, other)
        return ReceiptText(
            listed.message_id, state, listed.status, listed.error or None, submitted_at, done_at, raw, False
        )
    if _ANY_BINARY.search(octets) and (text := unpacked(octets)) is not None:
        return _scan(text.encode("ascii"), text)
    if _BINARY.search(head.strip(" \t\r\n\0")):
        raw = octets.hex()
    return ReceiptText(None, None, None, None, None, None, raw, False, bool(raw))


def _narrow(octets: bytes, text: str) -> str:
    """The text, read as UTF-16 if its keys are, whatever data_coding said: it is 8 on plain ASCII as well."""
    head = without_content(text)
    if (key := _WIDE_KEY.search(head)) is not None:
        is_big_endian = key.start() % 2 == 1
    elif _WIDE_BARE.fullmatch(head):
        is_big_endian = head[0] == "\0"
    else:
        return text
    return octets.decode("utf-16-be" if is_big_endian else "utf-16-le", "replace")


def _value(name: str, said: str) -> str | None:
    if name == "stat" and (found := _TO_WHOM.match(said)) is not None:
        delivered, words = found[1].strip(_QUOTES_AND_COMMAS), " ".join(found[0].split()).strip(_QUOTES_AND_COMMAS)
        if state_of(delivered) is ReceiptState.DELIVERED:
            # Whom decides whether it is an end. What nobody knows may be any text, which is not kept.
            return words if state_of(words) is not None else f"{delivered} to"
    return _word(said)


def _word(value: str) -> str | None:
    if (noise := _BINARY.search(value)) is not None:
        # Octets of TLVs, which some SMSCs count into short_message.
        value = value[: noise.start()] or value[noise.end() :]
    words = value.split(maxsplit=1)
    if not words or (words[0].endswith(":") and state_of(words[0]) is None):
        # An empty value, with perhaps a key behind it that only this SMSC knows.
        return None
    return words[0].strip(_QUOTES_AND_COMMAS) or None
