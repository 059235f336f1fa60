"""The lines of a stream -> on disk, some at a time: each on its own, by the checks and limits of a bulk.

What came before under the stream's key is answered as it was then. How lines are read and answers rendered is the
api's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import msgspec

from gateway.flows import stages
from gateway.flows.accept import Accept, count_accepted, limited, refused_of
from gateway.flows.accept_outcomes import ItemError
from gateway.flows.bulk_answers import accepted_entities, store_errors
from gateway.flows.entities import Entity, entity_of
from gateway.store.interface import Accepted, LimitReached, StoreBusy, StoreFull, Submission
from gateway.store.lines.interface import LineAgain, LineKeys, LinesFiled, LinesIn

_encode = msgspec.json.Encoder().encode
_item_error = msgspec.json.Decoder(ItemError)


class LineKey(NamedTuple):
    """The Idempotency-Key of a stream, with what came in some of its lines."""

    key: str
    digests: Mapping[int, bytes]
    """By the line's number, ascending."""


@dataclass(slots=True)
class LinesOutcome:
    """Each line stands in one of these, by its number."""

    submission: int
    entities: list[Entity]
    """Accepted now; their `index` is the line's number."""
    errors: list[ItemError]
    """Refused; likewise."""
    refusal: LimitReached | StoreBusy | StoreFull | None = None
    no_room: Sequence[int] = ()
    """Not accepted for that, and nothing is wrong with them."""
    again: Mapping[int, "Again"] = field(default_factory=dict)
    reused: frozenset[int] = frozenset()
    """Something else came under the key in the line of this number."""


class Again(NamedTuple):
    """The first answer to a line; of neither kind: it was accepted, and is no longer kept."""

    submission: int
    entity: Entity | None
    error: ItemError | None


class FilingStore(Protocol):
    """What this asks of a store."""

    async def file_lines(self, lines: LinesIn) -> LinesFiled: ...


class AcceptLines:
    def __init__(self, accept: Accept, store: FilingStore) -> None:
        self._accept = accept
        self._store = store

    async def submit(
        self, account: str, items: Sequence[Any], numbers: Sequence[int], *, request_id: int, key: LineKey | None
    ) -> LinesOutcome:
        """File what is good. `numbers`: of the items. Raises StoreFull or StoreBusy: then none was filed."""
        messages, indexes, errors = await self._accept.check_all(account, items)
        submission = Submission(self._accept.next_id(), account, request_id, messages, is_bulk=True)
        for error in errors:
            error.index = numbers[error.index]
        if not messages and (key is None or not key.digests):
            return self._told(submission, LinesOutcome(submission.id, [], errors), Accepted())
        keys = None
        if key is not None:
            keys = LineKeys(key.key, key.digests, {error.index: _encode(error) for error in errors})
        of_messages = numbers if len(indexes) == len(numbers) else [numbers[index] for index in indexes]
        filed = await self._store.file_lines(LinesIn(submission, of_messages, keys))
        no_room = [of_messages[at] for at in filed.left_out]
        if len(filed.filed) < len(messages):
            submission.messages = messages = [messages[at] for at in filed.filed]
            of_messages = [of_messages[at] for at in filed.filed]
            indexes = [indexes[at] for at in filed.filed]
        entities = accepted_entities(filed.accepted, messages, of_messages)
        reused = frozenset(filed.reused)
        outcome = LinesOutcome(submission.id, entities, errors, filed.refusal, no_room, reused=reused)
        found = store_errors(filed.accepted, indexes, items)
        for error in found:
            error.index = numbers[error.index]
        outcome.errors += found
        if filed.again or filed.reused:
            answered = filed.again.keys() | filed.reused
            items_of = dict(zip(numbers, items, strict=True))
            outcome.errors = [error for error in outcome.errors if error.index not in answered]
            outcome.again = {number: _again(number, first, items_of) for number, first in filed.again.items()}
        return self._told(submission, outcome, filed.accepted)

    def _told(self, submission: Submission, outcome: LinesOutcome, accepted: Accepted) -> LinesOutcome:
        """Counted and logged."""
        account, request_id = submission.account, submission.request_id
        count_accepted(account, outcome.entities)
        if isinstance(outcome.refusal, LimitReached):
            limited(account, outcome.refusal)
        if outcome.errors:
            refused_of(account).inc(len(outcome.errors))
            stages.refused(account, request_id, outcome.errors)
        stages.accepted(submission, accepted)
        return outcome


def _again(number: int, first: LineAgain, items: Mapping[int, Any]) -> Again:
    if first.message is not None:
        return Again(first.submission, entity_of(first.message, number), None)
    if first.errors is not None:
        return Again(first.submission, None, _item_error.decode(first.errors))
    found = Accepted(
        {} if first.conflict is None else {0: first.conflict},
        {} if first.suppressed is None else {0: first.suppressed},
        {} if first.duplicate is None else {0: first.duplicate},
    )
    return Again(first.submission, None, next(iter(store_errors(found, [number], items)), None))
