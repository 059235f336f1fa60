"""/v1/opt-outs and /v1/opt-ins: one number's, the list, and the export, which is read and sent page by page.

What may be kept is gateway.rules.consents'; what is not sent to whom, the store's. Imports are imports.py's.
"""

import base64
import binascii
import csv
import io
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from msgspec import DecodeError, json, to_builtins
from quart import Response, g, request

from gateway.api.base import json_response, no_content
from gateway.api.bodies import decode, read_json
from gateway.api.consents.schemas import NumbersOptIns, NumbersOptOuts, OptIn, OptInList, OptOut, OptOutList
from gateway.api.problem_types import NOT_AN_OBJECT, NOT_FOUND
from gateway.api.problems import Problem, invalid_field, invalid_fields
from gateway.api.queries import not_a_cursor, paging, parameters
from gateway.identifiers import INBOUND, MESSAGE, now_ms, public
from gateway.rules.consents import ConsentCheck, read_sender
from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.rules.timestamps import rfc3339
from gateway.settings import Settings
from gateway.store.by import by_account
from gateway.store.consents.interface import ConsentKind, ConsentRow, ConsentStore, NewConsent

PAGE = 1_000
"""Rows of an export that are held at a time."""
_BEGINNING = ("", "")
_encode = json.Encoder().encode
_position = json.Decoder(tuple[str, str]).decode


class ConsentCalls:
    """The calls about one kind."""

    def __init__(self, kind: ConsentKind, settings: Settings, store: ConsentStore) -> None:
        self._kind = kind
        self._store = store
        self._checks: dict[str, ConsentCheck] = {}
        self.reconfigure(settings)

    def reconfigure(self, settings: Settings) -> None:
        """Other settings; a call under way of an account that has gone ends by its own."""
        checks = {name: ConsentCheck(account) for name, account in settings.accounts.items()}
        self._checks = {**self._checks, **checks}

    async def put(self, account: str, number: str) -> Response:
        body = decode(await read_json(request))
        if not isinstance(body, dict):
            raise Problem(NOT_AN_OBJECT, 'Send one object, such as {"source": "web form"}.')
        checked = self._checks[account].one(number, body, now_ms())
        if isinstance(checked, ItemErrors):
            raise invalid_fields(checked.fields, checked.codes, done="Nothing was changed")
        consent = NewConsent(*checked)
        is_new = await self._store.put_consent(self._kind, account, consent, by=by_account(account, g.request_id))
        row = ConsentRow(*consent, None, None, None)
        return json_response(_encode(self._shown(row)), 201 if is_new else 200)

    async def get(self, account: str, number: str) -> Response:
        found = await self._store.consents_of(self._kind, account, self._number(account, number))
        if not found:
            raise self._none()
        shown: Any = [self._shown(row) for row in found]
        kind = NumbersOptOuts if self._kind is ConsentKind.OPT_OUT else NumbersOptIns
        return json_response(_encode(kind(found[0].recipient, shown)))

    async def delete(self, account: str, number: str) -> Response:
        sender = parameters(request, "sender").get("sender")
        of_sender = None if sender is None else read_sender(sender)
        if isinstance(of_sender, Fault):
            raise invalid_field("sender", of_sender.words, of_sender.code.value)
        recipient = self._number(account, number)
        by = by_account(account, g.request_id)
        if not await self._store.delete_consent(self._kind, account, recipient, of_sender, by=by):
            raise self._none()
        return no_content()

    async def list_all(self, account: str) -> Response:
        given = parameters(request, "limit", "cursor")
        after = after_cursor(given.pop("cursor", None))
        limit, _ = paging(given)
        rows = await self._store.consents(self._kind, account, after, limit + 1)
        following = cursor_of(rows[limit - 1][:2]) if len(rows) > limit else None
        shown: Any = [self._shown(row) for row in rows[:limit]]
        page = OptOutList if self._kind is ConsentKind.OPT_OUT else OptInList
        return json_response(_encode(page(shown, following)))

    async def export(self, account: str) -> Response:
        form = parameters(request, "format").get("format", "csv")
        if form not in ("csv", "ndjson"):
            raise invalid_field("format", "must be csv or ndjson", FaultCode.WRONG_TYPE.value)
        first = await self._store.consents(self._kind, account, _BEGINNING, PAGE)
        render = self._as_csv if form == "csv" else self._as_ndjson
        kind = "text/csv; charset=utf-8" if form == "csv" else "application/x-ndjson"
        name = f"{self._kind.value.replace('_', '-')}.{form}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        response = Response(self._pages(account, first, render), headers=headers, content_type=kind)
        response.timeout = None
        return response

    async def _pages(self, account: str, rows: list[ConsentRow], render: Any) -> AsyncGenerator[bytes, None]:
        is_first = True
        while rows or is_first:
            yield render(rows, is_first=is_first)
            if len(rows) < PAGE:
                return
            is_first = False
            rows = await self._store.consents(self._kind, account, rows[-1][:2], PAGE)

    def _as_csv(self, rows: Sequence[ConsentRow], *, is_first: bool) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        if is_first:
            writer.writerow((OptOut if self._kind is ConsentKind.OPT_OUT else OptIn).__struct_fields__)
        writer.writerows(to_builtins(self._shown(row)).values() for row in rows)
        return text.getvalue().encode()

    def _as_ndjson(self, rows: Sequence[ConsentRow], *, is_first: bool) -> bytes:
        return b"".join([_encode(self._shown(row)) + b"\n" for row in rows])

    def _shown(self, row: ConsentRow) -> OptOut | OptIn:
        usual = (row.recipient, row.sender or None, rfc3339(row.at), row.source, row.evidence)
        if self._kind is ConsentKind.OPT_IN:
            return OptIn(*usual)
        inbound = None if row.inbound is None else public(INBOUND, row.inbound)
        return OptOut(*usual, row.keyword, inbound, None if row.message is None else public(MESSAGE, row.message))

    def _number(self, account: str, text: str) -> str:
        found = self._checks[account].number(text)
        if isinstance(found, Fault):
            raise invalid_field("number", found.words, found.code.value)
        return found

    def _none(self) -> Problem:
        what = self._kind.value.replace("_", "-")[:-1]
        return Problem(NOT_FOUND, f"This account has no {what} of this number.")


def cursor_of(position: tuple[str, str]) -> str:
    """Where a list goes on, as it is shown."""
    return base64.urlsafe_b64encode(_encode(position)).decode().rstrip("=")


def after_cursor(cursor: str | None) -> tuple[str, str]:
    """The pair behind which a list goes on. Raises a Problem 422."""
    if cursor is None:
        return _BEGINNING
    try:
        position = _position(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        "".join(position).encode()
    except (ValueError, binascii.Error, DecodeError):
        raise not_a_cursor() from None
    return position
