"""What may come of a submission: what the accept flow answers, and the API renders."""

from dataclasses import dataclass
from enum import Enum

import msgspec

from gateway.flows.entities import Entity
from gateway.rules.faults import ItemErrors
from gateway.store.interface import KeyReused, LimitReached


@dataclass(slots=True)
class OneAccepted:
    entity: Entity


@dataclass(slots=True)
class OneReplayed:
    """The idempotency key was seen before: the first answer again."""

    entity: Entity


@dataclass(slots=True)
class ClientIdInUse:
    """Another message has the client_id; nothing was accepted."""

    message_id: int


@dataclass(slots=True)
class Duplicate:
    """Another message said the same to the same number within the lane's duplicate_window; nothing was accepted."""

    message_id: int


class FirstAnswerErased(Enum):
    """The idempotency key was seen before, but of what was accepted then not all is kept; nothing was accepted."""

    ERASED = "erased"


class ItemError(msgspec.Struct):
    """A refused item of a bulk."""

    index: int
    client_id: str | None
    fields: dict[str, list[str]]
    codes: dict[str, list[str]]


@dataclass(slots=True)
class BulkAccepted:
    """Every index of the array stands in `entities` or in `errors`."""

    submission: int
    entities: list[Entity]
    errors: list[ItemError]
    replayed: bool


OneOutcome = (
    OneAccepted | OneReplayed | ItemErrors | KeyReused | ClientIdInUse | Duplicate | FirstAnswerErased | LimitReached
)
BulkOutcome = BulkAccepted | KeyReused | FirstAnswerErased | LimitReached
