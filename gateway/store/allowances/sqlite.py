"""The embedded store's answers about what accounts use: the writer's mirrors, read on the Trio thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.store.allowances.interface import AccountUse

if TYPE_CHECKING:
    from gateway.store.writer import Writer


class SqliteAllowance:
    """Mixed into SqliteStore, whose writer it looks at."""

    _writer: Writer
    _clock: Callable[[], int]

    def account_use(self, account: str) -> AccountUse:
        mirrors, now = self._writer.mirrors, self._clock()
        messages, segments = mirrors.usage.today(account, now)
        left, full_in = mirrors.usage.this_second(account, now)
        return AccountUse(messages, segments, left, full_in, mirrors.queues.ready_by_lane(account))

    def may_send_today(self, account: str) -> int | None:
        return self._writer.mirrors.usage.left_today(account, self._clock())
