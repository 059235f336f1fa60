"""What a caller asks to send -> checked, on disk, and the answer: the first step in a message's life.

The checks are gateway/rules' and pure; the store makes them true in one transaction. Who may call, and HTTP, are the
api's.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any, Protocol

import msgspec
import trio

from gateway.flows import stages
from gateway.flows.entities import Entity, entity_of
from gateway.identifiers import MESSAGE, Identifiers, now_ms, public
from gateway.metrics import ACCEPTED, REFUSED
from gateway.rules.checks import Checked, ItemCheck
from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.rules.routing import Router
from gateway.rules.values import unstorable
from gateway.settings import Settings
from gateway.store.interface import Accepted, AcceptOutcome, IdempotencyKey, KeyReused, NewMessage, Replayed, Submission
from gateway.webhooks.addresses import AddressGuard
from gateway.webhooks.urls import url_refusal

_ITEMS_PER_TURN = 50
"""Checked without a pause: about 1 ms of good items."""
_COST_OF_ERRORS = 10
"""A wrong item costs up to so many good ones, in sentences and in guessing what was meant."""
_CHARACTERS_PER_ITEM = 160
"""A longer text counts for so many more items."""
_MOST_CLIENT_ID_SHOWN = 100


class AcceptingStore(Protocol):
    """What accepting asks of a store."""

    async def accept(self, submission: Submission) -> AcceptOutcome: ...

    async def first_answer(self, account: str, idempotency: IdempotencyKey) -> Replayed | KeyReused | None: ...


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


OneOutcome = OneAccepted | OneReplayed | ItemErrors | KeyReused | ClientIdInUse | FirstAnswerErased
BulkOutcome = BulkAccepted | KeyReused | FirstAnswerErased

_accepted_of = lru_cache(maxsize=None)(ACCEPTED.labels)
_refused_of = lru_cache(maxsize=None)(REFUSED.labels)
_item_errors = msgspec.json.Decoder(list[ItemError])


class Accept:
    """Accepts submissions. `account` is an account's name in the settings."""

    def __init__(
        self, settings: Settings, store: AcceptingStore, ids: Identifiers, clock: Callable[[], int] = now_ms
    ) -> None:
        self._store = store
        self._ids = ids
        self._clock = clock
        self._checks = _checks(settings)

    def look(self, account: str, body: Any) -> Checked | ItemErrors:
        """What `submit_one` would file now, or all that is wrong with it; nothing is filed or counted."""
        return self._checks[account].check(body, self._clock())

    async def submit_one(
        self, account: str, body: Any, *, request_id: int, idempotency: IdempotencyKey | None = None
    ) -> OneOutcome:
        """One message. Raises StoreFull or StoreBusy: then nothing was accepted."""
        now = self._clock()
        checked = self._checks[account].check(body, now)
        if isinstance(checked, ItemErrors):
            # What was right at first may be wrong by now (a schedule has passed, a sender was taken away), and a key's
            # first answer still stands.
            first = None if idempotency is None else await self._store.first_answer(account, idempotency)
            if first is not None:
                return self._one_again(first)
            _refused_of(account).inc()
            stages.refused(account, request_id, [checked])
            return checked
        message = NewMessage(self._ids.next(now), *checked)
        submission = Submission(self._ids.next(), account, request_id, (message,), idempotency)
        outcome = await self._store.accept(submission)
        if not isinstance(outcome, Accepted):
            return self._one_again(outcome)
        if outcome.conflicts:
            _refused_of(account).inc()
            return ClientIdInUse(outcome.conflicts[0])
        _accepted_of(account, message.lane).inc()
        stages.accepted(submission, outcome)
        return OneAccepted(entity_of(message))

    async def submit_bulk(
        self, account: str, items: Sequence[Any], *, request_id: int, idempotency: IdempotencyKey | None = None
    ) -> BulkOutcome:
        """Each item on its own; the good ones are accepted together. Raises StoreFull or StoreBusy: then none was."""
        messages, indexes, errors = await self._check_all(self._checks[account], items)
        submission = Submission(
            self._ids.next(), account, request_id, messages, idempotency, msgspec.json.encode(errors) if errors else b""
        )
        if not messages and idempotency is None:
            _refused_of(account).inc(len(errors))
            stages.refused(account, request_id, errors)
            return BulkAccepted(submission.id, [], errors, replayed=False)
        outcome = await self._store.accept(submission)
        match outcome:
            case KeyReused():
                return outcome
            case Replayed():
                return _bulk_again(outcome, items)
        conflicts = outcome.conflicts
        entities = [
            entity_of(message, index)
            for place, (index, message) in enumerate(zip(indexes, messages, strict=True))
            if place not in conflicts
        ]
        errors += _conflict_errors(conflicts, indexes, items)
        errors.sort(key=_by_index)
        for lane, count in Counter(map(_lane, entities)).items():
            _accepted_of(account, lane).inc(count)
        _refused_of(account).inc(len(errors))
        stages.accepted(submission, outcome)
        stages.refused(account, request_id, errors)
        return BulkAccepted(submission.id, entities, errors, replayed=False)

    async def _check_all(
        self, check: ItemCheck, items: Sequence[Any]
    ) -> tuple[list[NewMessage], list[int], list[ItemError]]:
        """The good items as messages, their indexes, and the others' errors."""
        good, indexes, errors = [], [], []
        now = self._clock()
        budget = _ITEMS_PER_TURN
        for index, item in enumerate(items):
            checked = check.check(item, now)
            if isinstance(checked, ItemErrors):
                errors.append(ItemError(index, _client_id(item), checked.fields, checked.codes))
                budget -= _COST_OF_ERRORS
            else:
                good.append(checked)
                indexes.append(index)
                budget -= 1
            budget -= _further_cost(item)
            if budget <= 0:
                await trio.lowlevel.checkpoint()
                budget = _ITEMS_PER_TURN
        ids = self._ids.next_many(len(good), now)
        # Not NewMessage(...), which costs twice as much.
        messages = [tuple.__new__(NewMessage, (id_, *checked)) for id_, checked in zip(ids, good, strict=True)]
        return messages, indexes, errors

    def _one_again(self, outcome: Replayed | KeyReused) -> OneOutcome:
        if isinstance(outcome, KeyReused):
            return outcome
        if outcome.conflicts:
            return ClientIdInUse(outcome.conflicts[0])
        if not outcome.messages:
            return FirstAnswerErased.ERASED
        return OneReplayed(entity_of(outcome.messages[0]))


def _checks(settings: Settings) -> Mapping[str, ItemCheck]:
    router = Router(settings.routes)
    tags = {name: frozenset(carrier.message_tlvs) for name, carrier in settings.carriers.items()}
    taken = {r.name: {tags[name] for tier in r.carriers_by_tier for name in tier} for r in settings.routes}
    refusal = partial(url_refusal, guard=AddressGuard(settings.webhooks.allow_networks))
    return {
        name: ItemCheck(
            account,
            lanes=settings.lanes,
            router=router,
            schedule_ahead=settings.limits.schedule_ahead,
            longest_validity=settings.longest_validity,
            url_refusal=refusal,
            message_tlvs=taken,
        )
        for name, account in settings.accounts.items()
    }


def _bulk_again(first: Replayed, items: Sequence[Any]) -> BulkAccepted | FirstAnswerErased:
    """The first answer: what neither a rule nor the store refused then was accepted, in its order."""
    errors = _item_errors.decode(first.errors) if first.errors else []
    refused = {error.index for error in errors}
    indexes = [index for index in range(len(items)) if index not in refused]
    accepted = [index for place, index in enumerate(indexes) if place not in first.conflicts]
    rows = sorted(first.messages, key=_by_id)
    if len(rows) < len(accepted):
        # Which of them are gone is not known, and so not whose index each row has that is left.
        return FirstAnswerErased.ERASED
    entities = [entity_of(row, index) for index, row in zip(accepted, rows, strict=True)]
    errors += _conflict_errors(first.conflicts, indexes, items)
    errors.sort(key=_by_index)
    return BulkAccepted(first.submission, entities, errors, replayed=True)


def _conflict_errors(conflicts: Mapping[int, int], indexes: Sequence[int], items: Sequence[Any]) -> list[ItemError]:
    errors = []
    for place, holder in conflicts.items():
        found = ItemErrors()
        found.add("client_id", Fault(f"is in use by {public(MESSAGE, holder)}", FaultCode.CLIENT_ID_IN_USE))
        index = indexes[place]
        errors.append(ItemError(index, _client_id(items[index]), found.fields, found.codes))
    return errors


def _further_cost(item: Any) -> int:
    """What the text's length adds. As it was given: what it becomes may be shorter, and is dear to find out."""
    if type(item) is not dict:
        return 0
    text = item.get("text") or item.get("message")
    return len(text) // _CHARACTERS_PER_ITEM if type(text) is str else 0


def _client_id(item: Any) -> str | None:
    """The caller's own name for the item, as far as it can stand in an answer."""
    if type(item) is not dict:
        return None
    given = item.get("client_id") or item.get("clientId")
    is_shown = type(given) is str and len(given) <= _MOST_CLIENT_ID_SHOWN and unstorable(given) is None
    return given if is_shown else None


_lane = attrgetter("lane")


def _by_index(error: ItemError) -> int:
    return error.index


def _by_id(row: Any) -> int:
    identifier: int = row.id
    return identifier
