"""What people ask the store to change, and to write down in the audit with it: each in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from gateway.store.by import By


class CancelOutcome(Enum):
    CANCELED = "canceled"
    ALREADY_CANCELED = "already_canceled"
    ASKED = "asked"
    """Sent: its carrier is asked by cancel_sm, and its receipt tells the end."""
    TOO_LATE = "too_late"
    """Claimed, sent or ended: 409 already_sent."""
    NOT_FOUND = "not_found"


class ByHandStore(Protocol):
    """All of it is audited, where it changed anything."""

    async def cancel(self, account: str | None, message: int, by: By) -> CancelOutcome:
        """account None: by an operator, whoever's it is."""

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
        """Make events pending again; by ids, or all within a time range (milliseconds). Returns how many."""

    async def replay_of_endpoint(
        self, endpoint: int, after: int | None, before: int | None, failed_only: bool, *, by: By
    ) -> int | None:
        """The same of all that one endpoint was told within a time range. None: there is no such endpoint."""

    async def replay_message(self, message: int, *, by: By) -> int | None:
        """Make a message's events pending again that have ended, oldest first. None: there is no such message."""

    async def reveal(self, message: int, *, by: By) -> bool:
        """Only audited: a message is shown with its numbers and text. False: there is no such message."""

    async def enable_endpoint(self, account: str, *, by: By) -> bool: ...

    async def add_test_event(self, account: str, *, by: By) -> int | None:
        """Files a `webhook.test` event; its id, or None when the account has no endpoint."""

    async def settle_doubt(self, message: int, outcome: str, *, by: By) -> bool:
        """By an operator: `sent`, `resend` or `unknown`. False: not in doubt."""

    async def trace_shown(self, carrier: str, *, by: By) -> None:
        """Only audited: a carrier's trace shows numbers and texts from now on."""

    async def backup_taken(self, words: str, *, by: By) -> None:
        """Only audited: somebody has taken a backup; `words` name it."""
