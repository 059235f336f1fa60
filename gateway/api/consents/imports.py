"""POST /v1/opt-outs/import and /v1/opt-ins/import: a list as CSV, NDJSON or a JSON array, kept as it is read.

Each item is taken or refused for itself. What came before an upload broke off is kept, and a repeat adds the rest.
"""

from collections.abc import AsyncIterator
from typing import Any, Protocol

import trio
from msgspec import json
from quart import Response, g, request

from gateway.api.base import json_response
from gateway.api.bodies import key_of, refuse_compressed, refuse_other_charsets, wrong_type
from gateway.api.consents.schemas import MOST_ERRORS_SHOWN, Imported, LineError
from gateway.api.large_bodies import decode_in_turns
from gateway.api.problem_types import NOT_AN_ARRAY
from gateway.api.problems import Problem
from gateway.api.repeats import REPLAYED, AnswerStore, key_reused
from gateway.api.uploads.csv_records import CsvReader
from gateway.api.uploads.items import Items
from gateway.api.uploads.ndjson_lines import NdjsonReader
from gateway.api.uploads.streamed import CSV, JSON, NDJSON, Upload, upload_of
from gateway.identifiers import now_ms
from gateway.rules.consents import NUMBER_NAMES, ConsentCheck
from gateway.rules.faults import ItemErrors
from gateway.settings import Settings
from gateway.store.by import by_account
from gateway.store.consents.interface import ConsentKind, ConsentStore, NewConsent
from gateway.store.interface import IdempotencyKey

PATHS = {ConsentKind.OPT_OUT: "/v1/opt-outs/import", ConsentKind.OPT_IN: "/v1/opt-ins/import"}
MOST_UPLOADS = 8
"""At a time, and of an account one: who sends slowly keeps nobody else waiting."""
ROWS_A_SLICE = 200
"""Kept in one transaction."""
_ITEMS_A_TURN = 50
_MOST_OF_ARRAY = 100_000


class _Store(ConsentStore, AnswerStore, Protocol):
    """What an import asks of a store."""


class ConsentImports:
    """The import of one kind."""

    def __init__(self, kind: ConsentKind, settings: Settings, store: _Store) -> None:
        self._kind = kind
        self._store = store
        self._http = settings.http
        self._checks: dict[str, ConsentCheck] = {}
        self._turns = trio.Semaphore(MOST_UPLOADS)
        self._of_account: dict[str, trio.Semaphore] = {}
        self.reconfigure(settings)

    def reconfigure(self, settings: Settings) -> None:
        """Other settings; a call under way of an account that has gone ends by its own."""
        checks = {name: ConsentCheck(account) for name, account in settings.accounts.items()}
        self._checks = {**self._checks, **checks}
        for name in settings.accounts:
            self._of_account.setdefault(name, trio.Semaphore(1))

    async def take(self, account: str) -> Response:
        async with upload_of(request) as upload, self._of_account[account], self._turns:
            return await self._once(account, upload)

    async def _once(self, account: str, upload: Upload) -> Response:
        """The first answer again, where the key came before."""
        items = self._items(upload)
        given = key_of(request.headers.getlist("Idempotency-Key"), "POST", request.path, b"")
        if given is not None and await self._store.kept_answer(account, given) is not None:
            kept = await self._store.kept_answer(account, IdempotencyKey(given.key, await upload.finish()))
            if not isinstance(kept, bytes):
                raise key_reused()
            return json_response(kept, headers=REPLAYED)
        done = await _Import(self._kind, account, self._checks[account], self._store, g.request_id).all_of(items)
        answer = json.encode(done)
        if given is not None:
            key = IdempotencyKey(given.key, await upload.finish())
            await self._store.keep_answer(account, key, answer)
        return json_response(answer)

    def _items(self, upload: Upload) -> AsyncIterator[list[Any]]:
        kind = request.mimetype
        refuse_compressed(request)
        refuse_other_charsets(request)
        if kind in JSON:
            return _array(upload, self._http.body_limit)
        if kind in NDJSON:
            return Items(upload, NdjsonReader(), self._http.campaign_upload_limit)
        if kind in CSV:
            return Items(upload, CsvReader(NUMBER_NAMES), self._http.campaign_upload_limit)
        raise wrong_type(request, "text/csv, application/x-ndjson or application/json")


class _Import:
    """One import under way."""

    def __init__(
        self, kind: ConsentKind, account: str, check: ConsentCheck, store: ConsentStore, request_id: int
    ) -> None:
        self._kind = kind
        self._account = account
        self._check = check
        self._store = store
        self._request_id = request_id
        self._waiting: list[NewConsent] = []
        self._done = Imported(0, 0, 0, 0, [])

    async def all_of(self, items: AsyncIterator[list[Any]]) -> Imported:
        async for some in items:
            for place, item in enumerate(some, 1):
                self._look_at(item)
                if place % _ITEMS_A_TURN == 0:
                    await trio.lowlevel.checkpoint()
                if len(self._waiting) >= ROWS_A_SLICE:
                    await self._keep()
        await self._keep()
        return self._done

    def _look_at(self, item: Any) -> None:
        done = self._done
        checked = self._check.imported(item, now_ms())
        if isinstance(checked, ItemErrors):
            done.rejected += 1
            if len(done.errors) < MOST_ERRORS_SHOWN:
                done.errors.append(LineError(done.received, checked.fields, checked.codes))
        else:
            self._waiting.append(NewConsent(*checked))
        done.received += 1

    async def _keep(self) -> None:
        some, self._waiting = self._waiting, []
        if some:
            added = await self._store.add_consents(
                self._kind, self._account, some, by=by_account(self._account, self._request_id)
            )
            self._done.added += added
            self._done.unchanged += len(some) - added


async def _array(upload: Upload, limit: int) -> AsyncIterator[list[Any]]:
    octets = await upload.whole(limit, ": send larger lists as CSV or NDJSON")
    items = await decode_in_turns(bytes(octets), _MOST_OF_ARRAY)
    if not isinstance(items, list):
        raise Problem(NOT_AN_ARRAY, 'Send an array, such as [{"number": "+34600000001"}].')
    yield items
