"""Accepting over the real store, in a folder of the test's own."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from gateway.flows.accept import Accept
from gateway.flows.accept_outcomes import BulkAccepted, ClientIdInUse, FirstAnswerErased, OneAccepted, OneReplayed
from gateway.flows.entities import Entity, entity_of
from gateway.identifiers import MESSAGE, Identifiers, internal, public
from gateway.messages import MessageState
from gateway.rules.checks import Checked
from gateway.rules.faults import ItemErrors
from gateway.settings import Settings
from gateway.store.connection import open_loop
from gateway.store.interface import (
    AcceptDone,
    AcceptOutcome,
    IdempotencyKey,
    KeyReused,
    NewMessage,
    Replayed,
    StoreBusy,
    StoreFull,
    Submission,
)
from gateway.store.policy import policy_of
from gateway.store.sqlite import SqliteStore
from gateway.store.views import MessageRow
from gateway.webhooks.payloads import event_body

NOW = 1_795_284_245_123  # 2026-11-21T18:04:05.123Z
GOOD = {"to": "+34600000001", "text": "Your code is 1234"}
BAD = {"to": "+3460000000", "text": "Hello🙂", "client_id": "a-4"}
KEY = IdempotencyKey("k-1", b"body")


class FirstAnswers:
    """The real store, beside which stands what it is to say of keys when asked without a submission."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.first: Replayed | KeyReused | None = None

    async def accept(self, submission: Submission) -> AcceptOutcome:
        return await self._store.accept(submission)

    def ask_accept(self, submission: Submission, done: AcceptDone) -> None:
        self._store.ask_accept(submission, done)

    async def first_answer_of(self, submission: Submission, refusal: StoreFull | StoreBusy) -> AcceptOutcome:
        return await self._store.first_answer_of(submission, refusal)

    async def first_answer(self, account: str, idempotency: IdempotencyKey) -> Replayed | KeyReused | None:
        return self.first


@dataclass
class Gate:
    accept: Accept
    store: SqliteStore
    first_answers: FirstAnswers
    path: Path
    asks: bool
    """Singles are asked for by a callback, as the lean listener does."""

    async def one(self, body: Any, key: IdempotencyKey | None = None) -> Any:
        if self.asks and (outcome := await self.asked(body, key)) is not None:
            return outcome
        return await self.accept.submit_one("shop", body, request_id=1, idempotency=key)

    async def asked(self, body: Any, key: IdempotencyKey | None = None) -> Any:
        """The outcome of one that is begun by a callback; None: it is not."""
        answers: list[Any] = []
        if not self.accept.ask_one("shop", body, request_id=1, idempotency=key, done=answers.append):
            return None
        await self.store.keep_alive()
        (answer,) = answers
        return await answer() if callable(answer) else answer

    async def bulk(self, items: list[Any], key: IdempotencyKey | None = None) -> Any:
        return await self.accept.submit_bulk("shop", items, request_id=1, idempotency=key)

    async def erase(self, entity: Entity) -> None:
        """Its row, as retention does."""
        with closing(sqlite3.connect(self.path)) as database, database:
            erased = database.execute("DELETE FROM messages WHERE id = ?", (internal(MESSAGE, entity.id),))
            assert erased.rowcount == 1

    async def row(self, entity: Entity) -> MessageRow:
        story = await self.store.message("shop", internal(MESSAGE, entity.id) or 0)
        assert story is not None
        return story.message


@pytest.fixture
def schedule_delivery_time() -> str:
    """Of the carrier; `none`: what is scheduled waits here."""
    return "none"


@pytest.fixture
def settings(schedule_delivery_time: str) -> Settings:
    telco = {
        "hosts": ["localhost:2775"],
        "system_id": "acme",
        "password": "secret",
        "schedule_delivery_time": schedule_delivery_time,
    }
    return Settings.model_validate(
        {
            "store": {"backlog_limit": 600},
            "carriers": {"telco": telco},
            "routes": [{"name": "rest", "tiers": ["telco"]}],
            "webhooks": {"allow_networks": ["10.0.0.0/8"]},
            "countries": {"IN": {"quiet_hours": "21:00-09:00"}},
            "accounts": {
                "shop": {
                    "senders": ["SHOP"],
                    "default_sender": "SHOP",
                    "webhook": {"url": "https://shop.example/all", "secrets": ["whsec_" + "QUJD" * 16]},
                },
                "other": {"senders": ["*"], "default_sender": "OTHER"},
            },
        }
    )


@pytest.fixture(params=[False, True], ids=["awaited", "asked"])
async def gate(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> AsyncIterator[Gate]:
    async with open_loop():
        store = SqliteStore(tmp_path / "sluice.db", policy_of(settings), render=event_body, clock=lambda: NOW)
        async with store.opened(), trio.open_nursery() as nursery:
            await nursery.start(store.run)
            answers = FirstAnswers(store)
            accept = Accept(settings, answers, Identifiers(clock=lambda: NOW), lambda: NOW)
            yield Gate(accept, store, answers, tmp_path / "sluice.db", request.param)
            store.stop()


def test_what_is_checked_is_what_the_store_is_given() -> None:
    assert NewMessage._fields == ("id", *Checked._fields)


async def test_an_accepted_message_is_answered_as_the_contract_says(gate: Gate) -> None:
    outcome = await gate.one(GOOD | {"client_id": "order-8841", "tag": "may"})
    assert isinstance(outcome, OneAccepted)
    rendered = msgspec.json.decode(msgspec.json.encode(outcome.entity))
    identifier = rendered.pop("id")
    assert identifier.startswith("msg_")
    assert list(rendered.items()) == [
        ("client_id", "order-8841"),
        ("status", "queued"),
        ("from", "SHOP"),
        ("to", "+34600000001"),
        ("text", "Your code is 1234"),
        ("lane", "transactional"),
        ("encoding", "gsm7"),
        ("segments", 1),
        ("allow_unicode", False),
        ("campaign_id", None),
        ("tag", "may"),
        ("schedule", None),
        ("expires_at", "2026-11-22T18:04:05.123Z"),
        ("created_at", "2026-11-21T18:04:05.123Z"),
    ]


async def test_an_accepted_message_is_in_the_store_as_it_was_answered(gate: Gate) -> None:
    outcome = await gate.one(GOOD | {"schedule": "2026-11-21T19:00:00Z", "allow_unicode": True, "text": "ж"})
    row = await gate.row(outcome.entity)
    assert outcome.entity.status == "scheduled"
    assert outcome.entity.schedule == "2026-11-21T19:00:00.000Z"
    assert entity_of(row) == outcome.entity


async def test_a_wrong_message_is_refused_and_nothing_is_stored(gate: Gate) -> None:
    outcome = await gate.one(BAD, KEY)
    assert isinstance(outcome, ItemErrors)
    assert outcome.codes == {"to": ["number_too_short"], "text": ["needs_unicode"]}
    assert gate.store.backlog() == 0
    assert isinstance(await gate.one(GOOD, IdempotencyKey("k-1", b"corrected")), OneAccepted), "the key is still free"


async def test_a_webhook_url_is_checked_when_it_is_submitted(gate: Gate) -> None:
    for url in ("http://93.184.216.34/", "https://127.0.0.1/", "https://[::1]/", "https://user:pw@shop.example/", "x"):
        outcome = await gate.one(GOOD | {"webhook_url": url})
        assert isinstance(outcome, ItemErrors), url
        assert outcome.codes == {"webhook_url": ["url_not_allowed"]}
    for url in ("https://shop.example/sms", "http://10.1.2.3:9000/"):
        assert isinstance(await gate.one(GOOD | {"webhook_url": url}), OneAccepted)


async def test_a_repeated_key_gives_the_first_answer_again(gate: Gate) -> None:
    first = await gate.one(GOOD, KEY)
    again = await gate.one(GOOD, KEY)
    assert isinstance(again, OneReplayed)
    assert msgspec.json.encode(again.entity) == msgspec.json.encode(first.entity)
    assert gate.store.backlog() == 1


async def test_a_key_with_another_body_is_refused(gate: Gate) -> None:
    await gate.one(GOOD, KEY)
    assert isinstance(await gate.one(GOOD, IdempotencyKey("k-1", b"other")), KeyReused)
    assert isinstance(await gate.bulk([GOOD], IdempotencyKey("k-1", b"other")), KeyReused)


async def test_a_first_answer_stands_although_the_message_would_be_wrong_by_now(gate: Gate) -> None:
    first = await gate.one(GOOD | {"schedule": "2026-11-21T19:00:00Z"}, KEY)
    row = await gate.row(first.entity)
    gate.first_answers.first = Replayed(1, [row._replace(state=int(MessageState.DELIVERED))], b"")
    again = await gate.one(GOOD | {"schedule": "2020-01-01T00:00:00Z"}, KEY)
    assert isinstance(again, OneReplayed)
    assert again.entity == first.entity, "as it was answered at first: scheduled"
    gate.first_answers.first = KeyReused()
    assert isinstance(await gate.one(BAD, KEY), KeyReused)


async def test_a_first_answer_whose_message_is_erased_is_not_given_again(gate: Gate) -> None:
    first = await gate.one(GOOD, KEY)
    await gate.erase(first.entity)
    assert await gate.one(GOOD, KEY) is FirstAnswerErased.ERASED
    assert gate.store.backlog() == 1, "the key is not free: nothing may be accepted under it"
    gate.first_answers.first = Replayed(1, [], b"")
    assert await gate.one(BAD, KEY) is FirstAnswerErased.ERASED


async def test_a_first_answer_to_a_bulk_of_which_a_message_is_erased_is_not_given_again(gate: Gate) -> None:
    first = await gate.bulk([GOOD, BAD, GOOD], KEY)
    await gate.erase(first.entities[0])
    assert await gate.bulk([GOOD, BAD, GOOD], KEY) is FirstAnswerErased.ERASED
    assert gate.store.backlog() == 2


async def test_a_client_id_in_use_names_the_message_that_has_it(gate: Gate) -> None:
    first = await gate.one(GOOD | {"client_id": "a-1"})
    again = await gate.one(GOOD | {"client_id": "a-1"})
    assert isinstance(again, ClientIdInUse)
    assert public(MESSAGE, again.message_id) == first.entity.id
    other = await gate.accept.submit_one("other", GOOD | {"client_id": "a-1"}, request_id=1)
    assert isinstance(other, OneAccepted), "client ids are an account's own"


def a_mixed_bulk() -> list[Any]:
    return [GOOD, "no object", GOOD | {"client_id": "a-2"}, BAD, GOOD | {"client_id": "taken"}, GOOD]


async def test_a_bulk_is_answered_item_by_item(gate: Gate) -> None:
    holder = await gate.one(GOOD | {"client_id": "taken"})
    outcome = await gate.bulk(a_mixed_bulk())
    assert isinstance(outcome, BulkAccepted)
    assert [entity.index for entity in outcome.entities] == [0, 2, 5]
    assert [(error.index, error.client_id, error.codes) for error in outcome.errors] == [
        (1, None, {"item": ["wrong_type"]}),
        (3, "a-4", {"to": ["number_too_short"], "text": ["needs_unicode"]}),
        (4, "taken", {"client_id": ["client_id_in_use"]}),
    ]
    assert outcome.errors[2].fields == {"client_id": [f"is in use by {holder.entity.id}"]}
    assert gate.store.backlog() == 4
    assert (await gate.row(outcome.entities[1])).client_id == "a-2"


async def test_a_client_id_twice_in_one_bulk_is_taken_once(gate: Gate) -> None:
    outcome = await gate.bulk([GOOD | {"client_id": "b"}, GOOD | {"client_id": "b"}])
    assert [entity.index for entity in outcome.entities] == [0]
    assert outcome.errors[0].fields == {"client_id": [f"is in use by {outcome.entities[0].id}"]}


async def test_a_repeated_bulk_gives_the_same_answer_to_the_letter(gate: Gate) -> None:
    await gate.one(GOOD | {"client_id": "taken"})
    first = await gate.bulk(a_mixed_bulk(), KEY)
    again = await gate.bulk(a_mixed_bulk(), KEY)
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.submission, again.entities, again.errors) == (first.submission, first.entities, first.errors)
    assert gate.store.backlog() == 4


async def test_a_bulk_of_nothing_good_is_answered_and_kept_under_its_key(gate: Gate) -> None:
    first = await gate.bulk([BAD, 5], KEY)
    assert (first.entities, [error.index for error in first.errors]) == ([], [0, 1])
    again = await gate.bulk([BAD, 5], KEY)
    assert (again.replayed, again.submission, again.errors) == (True, first.submission, first.errors)
    unkept = await gate.bulk([BAD])
    assert (unkept.entities, len(unkept.errors)) == ([], 1)


async def test_a_client_id_that_cannot_be_shown_is_left_out_of_the_error(gate: Gate) -> None:
    outcome = await gate.bulk(
        [GOOD | {"client_id": "\ud800"}, GOOD | {"client_id": 5}, GOOD | {"clientId": "x" * 41}], KEY
    )
    assert [error.client_id for error in outcome.errors] == [None, None, "x" * 41]
    msgspec.json.encode(outcome.errors)


async def test_what_is_usual_is_begun_by_a_callback_and_all_else_is_not(gate: Gate) -> None:
    assert isinstance(await gate.asked(GOOD), OneAccepted)
    assert await gate.asked(BAD) is None
    assert await gate.asked([GOOD]) is None
    assert gate.store.backlog() == 1


async def test_a_fault_in_the_making_of_an_answer_is_raised_to_who_finds_it_out(gate: Gate) -> None:
    found: list[Any] = []

    def done(answer: Any) -> None:
        if isinstance(answer, OneAccepted):
            raise ZeroDivisionError
        found.append(answer)

    assert gate.accept.ask_one("shop", GOOD, request_id=1, idempotency=None, done=done)
    await gate.store.keep_alive()
    with pytest.raises(ZeroDivisionError):
        await found[0]()


async def test_a_single_that_no_backlog_takes_is_refused(gate: Gate) -> None:
    await gate.bulk([GOOD] * 500)
    await gate.bulk([GOOD] * 100)
    with pytest.raises(StoreFull):
        await gate.one(GOOD)
    assert isinstance(await gate.one(BAD), ItemErrors)


async def test_a_full_backlog_refuses_the_whole_submission(gate: Gate) -> None:
    await gate.bulk([GOOD] * 500)
    with pytest.raises(StoreFull):
        await gate.bulk([GOOD] * 500)
    assert gate.store.backlog() == 500


class FullStore:
    """Lets the check be looked at alone."""

    async def accept(self, submission: Submission) -> AcceptOutcome:
        raise StoreFull

    def ask_accept(self, submission: Submission, done: AcceptDone) -> None:
        raise AssertionError("a bulk is awaited")

    async def first_answer_of(self, submission: Submission, refusal: StoreFull | StoreBusy) -> AcceptOutcome:
        raise refusal

    async def first_answer(self, account: str, idempotency: IdempotencyKey) -> Replayed | KeyReused | None:
        raise AssertionError("a bulk asks by accepting")


@pytest.mark.parametrize(
    ("item", "items"),
    [
        (GOOD, 500),
        (BAD | {"clientid": "x"}, 500),
        (GOOD | {"text": "x" * 8_000}, 10),
        ({"to": GOOD["to"], "message": "x" * 8_000}, 10),
        (GOOD | {"text": "\u200b" * 8_000 + "a", "transliterate": True}, 10),
        (GOOD | {"text": "’a" * 4_000 + "ж", "transliterate": True}, 10),
    ],
    ids=["good", "bad", "long", "long-message", "long-of-nothing", "long-bad"],
)
async def test_a_large_bulk_lets_others_run_while_it_is_checked(settings: Settings, item: Any, items: int) -> None:
    accept = Accept(settings, FullStore(), Identifiers())
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take_turns)
        with pytest.raises(StoreFull):
            await accept.submit_bulk("shop", [item] * items, request_id=1, idempotency=KEY)
        nursery.cancel_scope.cancel()
    assert turns >= 8


@pytest.mark.parametrize("schedule_delivery_time", ["relative"])
async def test_what_the_carrier_is_to_hold_is_queued_at_once_and_answered_alike_again(gate: Gate) -> None:
    later = GOOD | {"schedule": "2026-11-21T19:00:00Z"}
    first, usual = await gate.one(later, KEY), await gate.one(GOOD)
    assert isinstance(first, OneAccepted)
    assert isinstance(usual, OneAccepted)
    assert (first.entity.status, first.entity.schedule) == ("queued", "2026-11-21T19:00:00.000Z")
    row = await gate.row(first.entity)
    assert MessageState(row.state) is MessageState.QUEUED
    assert row.options == f'{{"deliver_at":{row.scheduled_at}}}'
    assert (await gate.row(usual.entity)).options is None
    again = await gate.one(later, KEY)
    assert isinstance(again, OneReplayed)
    assert again.entity == first.entity


@pytest.mark.parametrize("schedule_delivery_time", ["relative"])
async def test_what_would_be_held_for_more_than_31_days_waits_here(gate: Gate) -> None:
    """Longer spans are told in months (protocol.times), and an SMSC with other months would be days off."""
    later = GOOD | {"schedule": "2026-12-20T18:00:00Z"}
    held, here = await gate.one(later | {"validity": 86_400}), await gate.one(later | {"validity": 3 * 86_400})
    assert isinstance(held, OneAccepted)
    assert isinstance(here, OneAccepted)
    assert (held.entity.status, here.entity.status) == ("queued", "scheduled")
    assert MessageState((await gate.row(here.entity)).state) is MessageState.SCHEDULED


async def test_a_promotion_accepted_in_quiet_hours_is_scheduled_and_the_store_holds_it_until_their_end(
    gate: Gate,
) -> None:
    item = {"to": "+919812345678", "text": "Sale", "lane": "promotional"}
    opens = 1_795_318_200_000  # 2026-11-22T03:30:00Z, 9:00 in India
    for outcome in (await gate.one(item, KEY), await gate.one(item, KEY)):
        entity = outcome.entity
        assert (entity.status, entity.schedule) == ("scheduled", "2026-11-22T03:30:00.000Z")
        assert entity.expires_at == "2026-11-24T03:30:00.000Z"
    row = await gate.row(entity)
    assert (row.state, row.scheduled_at) == (MessageState.SCHEDULED, opens)


@pytest.mark.parametrize("schedule_delivery_time", ["relative"])
async def test_what_waits_for_the_end_of_quiet_hours_is_scheduled_here_though_its_carrier_holds_schedules(
    gate: Gate,
) -> None:
    """What a carrier holds no STOP calls back; what is for a time that is not quiet was the asker's wish."""
    item = {"to": "+919812345678", "text": "Sale", "lane": "promotional"}
    quiet = (await gate.one(item)).entity
    within = (await gate.one(item | {"schedule": "2026-11-22T02:00:00Z"})).entity
    after = (await gate.one(item | {"schedule": "2026-11-22T04:00:00Z"})).entity
    assert [one.status for one in (quiet, within, after)] == ["scheduled", "scheduled", "queued"]
    for one in (quiet, within):
        row = await gate.row(one)
        assert (MessageState(row.state), row.options) == (MessageState.SCHEDULED, None)
        assert one.schedule == "2026-11-22T03:30:00.000Z"
    assert (await gate.row(after)).options == f'{{"deliver_at":{(await gate.row(after)).scheduled_at}}}'
