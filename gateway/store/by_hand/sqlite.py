"""The embedded store's face to what people change by hand: what is asked is interface.py's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from gateway.identifiers import SEQUENCE_BITS
from gateway.store import audit, cancels, readers
from gateway.store.audit import What
from gateway.store.by import By
from gateway.store.by_hand import changes
from gateway.store.by_hand.interface import CancelOutcome
from gateway.store.face import SqliteFace
from gateway.store.lists import events as lists_of_events
from gateway.store.lists.interface import EventFilter


class SqliteByHand(SqliteFace):
    """Mixed into SqliteStore."""

    async def cancel(self, account: str | None, message: int, by: By) -> CancelOutcome:
        return await self._order(partial(cancels.cancel, account=account, message=message, by=by))

    async def replay(
        self,
        account: str,
        events: Sequence[int] | None,
        after: int | None,
        before: int | None,
        failed_only: bool,
        *,
        by: By,
    ) -> int:
        if events is None:
            return await self._replay(account, None, after, before, failed_only, by)
        replay = partial(changes.replay, account=account, failed_only=failed_only, by=by)
        return await self._order(partial(replay, events=events), len(events))

    async def replay_of_endpoint(
        self, endpoint: int, after: int | None, before: int | None, failed_only: bool, *, by: By
    ) -> int | None:
        account = await self._read(partial(readers.account_of_endpoint, endpoint=endpoint))
        if account is None:
            return None
        return await self._replay(account, endpoint, after, before, failed_only, by)

    async def _replay(
        self, account: str, endpoint: int | None, after: int | None, before: int | None, failed_only: bool, by: By
    ) -> int:
        """Some at a time."""
        replay = partial(changes.replay, account=account, failed_only=failed_only, by=by)
        last = ((after or 0) << SEQUENCE_BITS) - 1
        end = ((self._clock() if before is None else before) + 1) << SEQUENCE_BITS
        look = partial(readers.event_ids, account=account, before=end, failed_only=failed_only, endpoint=endpoint)
        count = 0
        while ids := await self._read(partial(look, after=last, limit=changes.ROWS_A_TRANSACTION)):
            count += await self._order(partial(replay, events=ids), len(ids))
            last = ids[-1]
        return count

    async def replay_message(self, message: int, *, by: By) -> int | None:
        row = await self._read(partial(readers.message_row, message_id=message))
        if row is None:
            return None
        look = partial(lists_of_events.events, account=row.account, wanted=EventFilter(message=message))
        page = await self._read(partial(look, limit=changes.ROWS_A_TRANSACTION, cursor=None))
        ids = sorted(event.id for event in page.rows)
        replay = partial(changes.replay, account=row.account, events=ids, failed_only=False, by=by, message=message)
        return await self._order(replay, len(ids))

    async def reveal(self, message: int, *, by: By) -> bool:
        return await self._order(partial(changes.reveal, message=message, by=by))

    async def enable_endpoint(self, account: str, *, by: By) -> bool:
        return await self._order(partial(changes.enable, account=account, by=by))

    async def add_test_event(self, account: str, *, by: By) -> int | None:
        return await self._order(partial(changes.add_test_event, account=account, by=by))

    async def settle_doubt(self, message: int, outcome: str, *, by: By) -> bool:
        return await self._order(partial(changes.settle_doubt, message=message, outcome=outcome, by=by))

    async def trace_shown(self, carrier: str, *, by: By) -> None:
        await self._order(partial(audit.add, by=by, what=What.TRACE_SHOWN, outcome=carrier))

    async def backup_taken(self, words: str, *, by: By) -> None:
        await self._order(partial(audit.add, by=by, what=What.BACKUP, outcome=words))
