"""The answer to a bulk: what the store alone could find wrong, duplicates flagged, and the first answer given again."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gateway.flows.accept_outcomes import BulkAccepted, FirstAnswerErased, ItemError
from gateway.flows.entities import Entity, entities_of, entity_of
from gateway.flows.suppressions import suppression_errors
from gateway.identifiers import MESSAGE, public
from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.rules.values import unstorable
from gateway.store.interface import Accepted, NewMessage, Replayed

_MOST_CLIENT_ID_SHOWN = 100
_item_errors = msgspec.json.Decoder(list[ItemError])


def bulk_again(first: Replayed, items: Sequence[Any]) -> BulkAccepted | FirstAnswerErased:
    """The first answer: what neither a rule nor the store refused then was accepted, in its order."""
    errors = _item_errors.decode(first.errors) if first.errors else []
    refused = {error.index for error in errors}
    indexes = [index for index in range(len(items)) if index not in refused]
    unfiled = first.left_out
    accepted = [index for place, index in enumerate(indexes) if place not in unfiled]
    rows = sorted(first.messages, key=_by_id)
    if len(rows) < len(accepted):
        # Which of them are gone is not known, and so not whose index each row has that is left.
        return FirstAnswerErased.ERASED
    entities = [entity_of(row, index) for index, row in zip(accepted, rows, strict=True)]
    errors += store_errors(first, indexes, items)
    errors.sort(key=by_index)
    return BulkAccepted(first.submission, entities, errors, replayed=True)


def accepted_entities(outcome: Accepted, messages: Sequence[NewMessage], indexes: Sequence[int]) -> list[Entity]:
    """Of the messages that the store did not leave out."""
    refused = outcome.left_out
    entities = entities_of(messages, indexes)
    return [entity for place, entity in enumerate(entities) if place not in refused] if refused else entities


def store_errors(
    outcome: Accepted | Replayed, indexes: Sequence[int], items: Sequence[Any] | Mapping[int, Any]
) -> list[ItemError]:
    """Of what only the store could find wrong."""
    found: dict[int, ItemErrors] = {place: suppression_errors(why) for place, why in outcome.suppressed.items()}
    for place, holder in outcome.conflicts.items():
        in_use = Fault(f"is in use by {public(MESSAGE, holder)}", FaultCode.CLIENT_ID_IN_USE)
        found[place] = ItemErrors.of("client_id", in_use)
    for place, holder in outcome.duplicates.items():
        repeated = Fault(f"says the same as {public(MESSAGE, holder)} did moments ago", FaultCode.DUPLICATE)
        found[place] = ItemErrors.of("text", repeated)
    return [
        ItemError(indexes[place], client_id_of(items[indexes[place]]), errors.fields, errors.codes)
        for place, errors in found.items()
    ]


def flag_them(entities: Sequence[Entity], messages: Mapping[int, NewMessage]) -> None:
    """`messages` by index, as an entity's text may be erased by now."""
    firsts: dict[tuple[str, str], int] = {}
    for entity in entities:
        if type(entity.index) is int and (message := messages.get(entity.index)) is not None:
            first = firsts.setdefault((message.recipient, message.text), entity.index)
            if first != entity.index:
                entity.duplicate_of = first


def client_id_of(item: Any) -> str | None:
    """The caller's own name for the item, as far as it can stand in an answer."""
    if type(item) is not dict:
        return None
    given = item.get("client_id") or item.get("clientId")
    is_shown = type(given) is str and len(given) <= _MOST_CLIENT_ID_SHOWN and unstorable(given) is None
    return given if is_shown else None


def by_index(error: ItemError) -> int:
    return error.index


def _by_id(row: Any) -> int:
    identifier: int = row.id
    return identifier
