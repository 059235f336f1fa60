"""What an account may still ask and has asked, as others are told: plain values (see usage.py)."""

from typing import NamedTuple, Protocol

from gateway.rules.limits import LimitReached as LimitReached


class AccountUse(NamedTuple):
    """How much an account uses, as of the last commit."""

    messages_today: int
    """Accepted in this UTC day, and sent by campaigns."""
    segments_today: int
    messages_left: int | None
    """Of this second's; below 0 what is lent. None: no limit."""
    full_in_ms: int
    """Until a second's worth may be accepted again."""
    ready: dict[str, int]
    """Messages that wait for a free slot, by lane."""


class AllowanceStore(Protocol):
    """Asked of memory, not of the disk."""

    def account_use(self, account: str) -> AccountUse: ...

    def may_send_today(self, account: str) -> int | None:
        """How many messages more; None: as many as there are."""
