"""The embedded store's answers about what accounts use: the writer's mirrors, read on the Trio thread."""

from __future__ import annotations

from gateway.store.allowances.interface import AccountUse
from gateway.store.face import SqliteFace


class SqliteAllowance(SqliteFace):
    """Mixed into SqliteStore."""

    def account_use(self, account: str) -> AccountUse:
        mirrors, now = self._writer.mirrors, self._clock()
        messages, segments = mirrors.usage.today(account, now)
        left, full_in = mirrors.usage.this_second(account, now)
        return AccountUse(messages, segments, left, full_in, mirrors.queues.ready_by_lane(account))

    def may_send_today(self, account: str) -> int | None:
        return self._writer.mirrors.usage.left_today(account, self._clock())
