"""The embedded store's face to opt-outs and opt-ins: what is asked is interface.py's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from gateway.store.by import By
from gateway.store.consents import by_hand
from gateway.store.consents.interface import ConsentKind, ConsentRow, NewConsent
from gateway.store.face import SqliteFace


class SqliteConsents(SqliteFace):
    """Mixed into SqliteStore."""

    async def put_consent(self, kind: ConsentKind, account: str, consent: NewConsent, *, by: By) -> bool:
        return await self._order(partial(by_hand.put, kind=kind, account=account, consent=consent, by=by))

    async def add_consents(self, kind: ConsentKind, account: str, given: Sequence[NewConsent], *, by: By) -> int:
        add = partial(by_hand.add, kind=kind, account=account, consents=given, by=by)
        return await self._in_line(add, len(given))

    async def delete_consent(
        self, kind: ConsentKind, account: str, recipient: str, sender: str | None, *, by: By
    ) -> bool:
        delete = partial(by_hand.delete, kind=kind, account=account, recipient=recipient, sender=sender, by=by)
        return await self._order(delete)

    async def consents_of(self, kind: ConsentKind, account: str, recipient: str) -> list[ConsentRow]:
        return await self._read(partial(by_hand.of_number, kind=kind, account=account, recipient=recipient))

    async def consents(self, kind: ConsentKind, account: str, after: tuple[str, str], limit: int) -> list[ConsentRow]:
        return await self._read(partial(by_hand.page, kind=kind, account=account, after=after, limit=limit))
