"""What a caller asks to send -> checked, on disk, and the answer: the first step in a message's life.

The checks are gateway/rules' and pure; the store makes them true in one transaction. Who may call, and HTTP, are the
api's.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any, Protocol, TypeAlias

import msgspec
import trio

from gateway.flows import stages
from gateway.flows.accept_outcomes import (
    BulkAccepted,
    BulkOutcome,
    ClientIdInUse,
    Duplicate,
    FirstAnswerErased,
    ItemError,
    OneAccepted,
    OneOutcome,
    OneReplayed,
)
from gateway.flows.account_checks import NetworksKnown, checks_of, look_up_networks
from gateway.flows.bulk_answers import accepted_entities, bulk_again, by_index, client_id_of, flag_them, store_errors
from gateway.flows.entities import Entity, entity_of
from gateway.flows.suppressions import suppression_errors
from gateway.flows.templates import TemplatesOfAll
from gateway.identifiers import Identifiers, now_ms
from gateway.metrics import ACCEPTED, LIMITED, REFUSED
from gateway.rules.checks import Checked, ItemCheck
from gateway.rules.faults import ItemErrors
from gateway.rules.wordings import FIELDS as WORDED_FIELDS
from gateway.settings import Settings
from gateway.store.interface import (
    AcceptDone,
    Accepted,
    AcceptOutcome,
    IdempotencyKey,
    KeyReused,
    LimitReached,
    NewMessage,
    Replayed,
    StoreBusy,
    StoreFull,
    Submission,
)

_ITEMS_PER_TURN = 50
"""Checked without a pause: about 1 ms of good items."""
_COST_OF_ERRORS = 10
"""A wrong item costs up to so many good ones, in sentences and in guessing what was meant."""
_CHARACTERS_PER_ITEM = 160
"""A longer text counts for so many more items."""
_FURTHER_CHARACTERS = 160
"""What a template adds beside its text."""


class AcceptingStore(Protocol):
    """What accepting asks of a store."""

    async def accept(self, submission: Submission) -> AcceptOutcome: ...

    def ask_accept(self, submission: Submission, done: AcceptDone) -> None: ...

    async def first_answer_of(self, submission: Submission, refusal: StoreFull | StoreBusy) -> AcceptOutcome: ...

    async def first_answer(self, account: str, idempotency: IdempotencyKey) -> Replayed | KeyReused | None: ...


OneAnswered: TypeAlias = OneAccepted | Callable[[], Awaitable[OneOutcome]]
"""That it is accepted, or what finds out the outcome."""

refused_of = lru_cache(maxsize=None)(REFUSED.labels)


class Accept:
    """Accepts submissions. `account` is an account's name in the settings."""

    def __init__(
        self,
        settings: Settings,
        store: AcceptingStore,
        ids: Identifiers,
        clock: Callable[[], int] = now_ms,
        networks: NetworksKnown | None = None,
    ) -> None:
        """`networks`: who knows them, for routes that mind them."""
        self._store = store
        self._ids = ids
        self._clock = clock
        self.templates = TemplatesOfAll(settings.accounts, clock)
        ahead = settings.limits.schedule_ahead
        self.networks = networks
        self._checks: Mapping[str, ItemCheck] = checks_of(settings, ItemCheck, ahead, self.templates, networks)

    def prepare(self, settings: Settings) -> Callable[[], None]:
        """The checks of other settings, which take long to make; what is given brings them in force.

        A call under way ends by those that it began with; so does one of an account that has gone.
        """
        checks = checks_of(settings, ItemCheck, settings.limits.schedule_ahead, self.templates, self.networks)

        def swap() -> None:
            self._checks = {**self._checks, **checks}

        return swap

    def look(self, account: str, body: Any) -> Checked | ItemErrors:
        """What `submit_one` would file now, or all that is wrong with it; nothing is filed or counted."""
        return self._checks[account].check(body, self._clock())

    async def look_ahead(self, account: str, body: Any) -> None:
        """Ask for what `look` is to know of the number's network."""
        await look_up_networks(self.networks, self._checks[account], (body,))

    async def is_repeat(self, account: str, idempotency: IdempotencyKey | None) -> bool:
        """Whether a submission with this key was answered before, and so would file nothing now."""
        return idempotency is not None and await self._store.first_answer(account, idempotency) is not None

    def now(self) -> int:
        """The moment by which things are checked, in milliseconds."""
        return self._clock()

    async def submit_one(
        self, account: str, body: Any, *, request_id: int, idempotency: IdempotencyKey | None = None
    ) -> OneOutcome:
        """One message. Raises StoreFull or StoreBusy: then nothing was accepted."""
        check = self._checks[account]
        if check.minds_networks:
            await look_up_networks(self.networks, check, (body,))
        now = self._clock()
        checked = check.check(body, now)
        if isinstance(checked, ItemErrors):
            # What was right at first may be wrong by now (a schedule has passed, a sender was taken away), and a key's
            # first answer still stands.
            first = None if idempotency is None else await self._store.first_answer(account, idempotency)
            if first is not None:
                return self._one_again(first)
            refused_of(account).inc()
            stages.refused(account, request_id, [checked])
            return checked
        submission = self._single(account, checked, now, request_id, idempotency)
        return self._one(submission, await self._store.accept(submission))

    def ask_one(
        self,
        account: str,
        body: Any,
        *,
        request_id: int,
        idempotency: IdempotencyKey | None,
        done: Callable[[OneAnswered], None],
    ) -> bool:
        """`submit_one` of a message as most are, by a callback. False: nothing was begun; it is for `submit_one`."""
        check = self._checks[account]
        if check.minds_networks:
            return False
        now = self._clock()
        checked = check.check_plain(body, now)
        if checked is None:
            return False
        submission = self._single(account, checked, now, request_id, idempotency)
        try:
            self._store.ask_accept(submission, partial(self._answered, submission, done))
        except (StoreFull, StoreBusy):
            return False
        return True

    def _answered(
        self,
        submission: Submission,
        done: Callable[[OneAnswered], None],
        outcome: AcceptOutcome | None,
        error: BaseException | None,
    ) -> None:
        if isinstance(outcome, Accepted) and outcome.is_whole:
            try:
                done(self._accepted(submission, outcome))
            except Exception as fault:  # noqa: BLE001 - of the answer's making: raised to who finds it out, and told
                done(partial(self._one_found, submission, None, fault))
        else:
            done(partial(self._one_found, submission, outcome, error))

    async def _one_found(
        self, submission: Submission, outcome: AcceptOutcome | None, error: BaseException | None
    ) -> OneOutcome:
        if isinstance(error, StoreFull | StoreBusy):
            outcome = await self._store.first_answer_of(submission, error)
        elif error is not None:
            raise error
        assert outcome is not None  # noqa: S101 - there is one or the other
        return self._one(submission, outcome)

    def _single(
        self, account: str, checked: Checked, now: int, request_id: int, idempotency: IdempotencyKey | None
    ) -> Submission:
        # As in check_all: not NewMessage(...), which costs twice as much.
        message = tuple.__new__(NewMessage, (self._ids.next(now),) + checked)  # noqa: RUF005
        return Submission(self._ids.next(), account, request_id, (message,), idempotency)

    def _one(self, submission: Submission, outcome: AcceptOutcome) -> OneOutcome:
        account, request_id = submission.account, submission.request_id
        if isinstance(outcome, LimitReached):
            return limited(account, outcome)
        if not isinstance(outcome, Accepted):
            return self._one_again(outcome)
        if outcome.conflicts:
            refused_of(account).inc()
            return ClientIdInUse(outcome.conflicts[0])
        if outcome.duplicates:
            refused_of(account).inc()
            return Duplicate(outcome.duplicates[0])
        if outcome.suppressed:
            refused_of(account).inc()
            errors = suppression_errors(outcome.suppressed[0])
            stages.refused(account, request_id, [errors])
            return errors
        return self._accepted(submission, outcome)

    def _accepted(self, submission: Submission, outcome: Accepted) -> OneAccepted:
        (message,) = submission.messages
        ACCEPTED.add(submission.account, message.lane)
        stages.accepted(submission, outcome)
        return OneAccepted(entity_of(message))

    async def submit_bulk(
        self,
        account: str,
        items: Sequence[Any],
        *,
        request_id: int,
        idempotency: IdempotencyKey | None = None,
        flag_duplicates: bool = False,
    ) -> BulkOutcome:
        """Each item on its own; the good ones are accepted together. Raises StoreFull or StoreBusy: then none was.

        `flag_duplicates`: entities that say the same to the same number as one before them tell its index.
        """
        messages, indexes, errors = await self.check_all(account, items)
        submission = Submission(
            self.next_id(),
            account,
            request_id,
            messages,
            idempotency,
            msgspec.json.encode(errors) if errors else b"",
            is_bulk=True,
        )
        if not messages and idempotency is None:
            refused_of(account).inc(len(errors))
            stages.refused(account, request_id, errors)
            return BulkAccepted(submission.id, [], errors, replayed=False)
        outcome = await self._store.accept(submission)
        match outcome:
            case LimitReached():
                return limited(account, outcome)
            case KeyReused():
                return outcome
            case Replayed():
                again = bulk_again(outcome, items)
                if flag_duplicates and isinstance(again, BulkAccepted):
                    flag_them(again.entities, dict(zip(indexes, messages, strict=True)))
                return again
        entities = accepted_entities(outcome, messages, indexes)
        if flag_duplicates:
            flag_them(entities, dict(zip(indexes, messages, strict=True)))
        errors += store_errors(outcome, indexes, items)
        errors.sort(key=by_index)
        count_accepted(account, entities)
        refused_of(account).inc(len(errors))
        stages.accepted(submission, outcome)
        stages.refused(account, request_id, errors)
        return BulkAccepted(submission.id, entities, errors, replayed=False)

    def next_id(self) -> int:
        """Of a submission."""
        return self._ids.next()

    async def check_all(
        self, account: str, items: Sequence[Any]
    ) -> tuple[list[NewMessage], list[int], list[ItemError]]:
        """The good items as messages, their indexes, and the others' errors."""
        check = self._checks[account]
        if check.minds_networks:
            await look_up_networks(self.networks, check, items)
        good, indexes, errors = [], [], []
        now = self._clock()
        budget = _ITEMS_PER_TURN
        check_plain = check.check_plain
        for index, item in enumerate(items):
            plain = check_plain(item, now)
            checked = check.check_closely(item, now) if plain is None else plain
            if isinstance(checked, ItemErrors):
                errors.append(ItemError(index, client_id_of(item), checked.fields, checked.codes))
                budget -= _COST_OF_ERRORS
            else:
                good.append(checked)
                indexes.append(index)
                budget -= 1
            budget -= _further_cost(item, checked) if plain is None else len(item["text"]) // _CHARACTERS_PER_ITEM
            if budget <= 0:
                await trio.lowlevel.checkpoint()
                budget = _ITEMS_PER_TURN
        ids = self._ids.next_many(len(good), now)
        # Not NewMessage(...), and not (id_, *checked), each of which costs twice as much.
        new, kind = tuple.__new__, NewMessage
        messages = [
            new(kind, (id_,) + checked)  # noqa: RUF005
            for id_, checked in zip(ids, good, strict=True)
        ]
        return messages, indexes, errors

    def _one_again(self, outcome: Replayed | KeyReused) -> OneOutcome:
        if isinstance(outcome, KeyReused):
            return outcome
        if outcome.conflicts:
            return ClientIdInUse(outcome.conflicts[0])
        if not outcome.messages:
            return FirstAnswerErased.ERASED
        return OneReplayed(entity_of(outcome.messages[0]))


def limited(account: str, reached: LimitReached) -> LimitReached:
    LIMITED.labels(account, reached.limit.value).inc()
    return reached


def count_accepted(account: str, entities: Sequence[Entity]) -> None:
    for lane, count in Counter(map(_lane, entities)).items():
        ACCEPTED.add(account, lane, times=count)


def _further_cost(item: Any, checked: Checked | ItemErrors) -> int:
    """What the text's length adds. As it was given: what it becomes may be shorter, and is dear to find out.

    A template's text counts as it was given, as it may have to be read first, and as it became.
    """
    if type(item) is not dict:
        return 0
    text = item.get("text") or item.get("message")
    characters = len(text) if type(text) is str else 0
    if not isinstance(checked, ItemErrors) and not WORDED_FIELDS.isdisjoint(item):
        characters += _FURTHER_CHARACTERS + len(checked.text)
    return characters // _CHARACTERS_PER_ITEM


_lane = attrgetter("lane")
