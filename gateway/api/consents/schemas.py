"""The JSON of opt-outs and opt-ins, as structs that describe it in /openapi.json; answers are rendered by them."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from gateway.api.description.schemas import Codes, NextCursor, Sentences, Time
from gateway.rules.consents import MOST_EVIDENCE, MOST_SENDER, MOST_SOURCE

MOST_ERRORS_SHOWN = 100
Sender = Annotated[
    str | None,
    Meta(description="It is about messages from this sender alone, a number without its plus; null: from any."),
]
_Source = Annotated[str, Meta(description="How it is known: `inbound` where the handset wrote a keyword.")]
_Evidence = Annotated[str | None, Meta(description="What proves it, as the account noted it.")]
_Number = Annotated[str, Meta(description="E.164, with its plus.")]


class NewConsent(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What is to be kept of a number; `{}` does."""

    sender: Annotated[str, Meta(max_length=MOST_SENDER)] | UnsetType | None = UNSET
    source: Annotated[str, Meta(min_length=1, max_length=MOST_SOURCE)] | UnsetType | None = UNSET
    evidence: Annotated[str, Meta(max_length=MOST_EVIDENCE)] | UnsetType | None = UNSET
    at: Annotated[str, Meta(extra_json_schema={"format": "date-time"})] | UnsetType | None = UNSET


class ImportedConsent(Struct, omit_defaults=True):
    """One of an import: a number, and what is to be kept of it. Members with other names are passed over."""

    number: str
    sender: str | UnsetType | None = UNSET
    source: str | UnsetType | None = UNSET
    evidence: str | UnsetType | None = UNSET
    at: str | UnsetType | None = UNSET


class OptOut(Struct):
    """Somebody who is not written to."""

    number: _Number
    sender: Sender
    at: Time
    source: _Source
    evidence: _Evidence
    keyword: Annotated[str | None, Meta(description="The keyword that the handset wrote.")]
    inbound_id: Annotated[str | None, Meta(description="The message that it wrote.")]
    message_id: Annotated[str | None, Meta(description="The last message that it had got before.")]


class OptIn(Struct):
    """Somebody who agreed to be written to."""

    number: _Number
    sender: Sender
    at: Time
    source: _Source
    evidence: _Evidence


class NumbersOptOuts(Struct):
    """The opt-outs of one number: of the whole account, and of single senders."""

    number: _Number
    entities: list[OptOut]


class NumbersOptIns(Struct):
    """The opt-ins of one number."""

    number: _Number
    entities: list[OptIn]


class OptOutList(Struct):
    """One page, by number."""

    entities: list[OptOut]
    next_cursor: NextCursor


class OptInList(Struct):
    """One page, by number."""

    entities: list[OptIn]
    next_cursor: NextCursor


class LineError(Struct):
    """An item that was not kept."""

    index: Annotated[int, Meta(description="Its place in the import, from 0; a header is none.")]
    fields: Sentences
    codes: Codes


class Imported(Struct):
    """What became of an import."""

    received: int
    added: int
    unchanged: Annotated[int, Meta(description="Those that were kept already, which stay as they are.")]
    rejected: int
    errors: Annotated[list[LineError], Meta(description=f"The first {MOST_ERRORS_SHOWN}.")]
