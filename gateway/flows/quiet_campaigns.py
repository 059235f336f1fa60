"""How far a campaign goes on while its recipients are in quiet hours: some become scheduled messages, so that those
behind them whose hours are open have their turn; then it waits, so that a paused or canceled one costs nothing.
"""

from collections.abc import Sequence

import trio

from gateway.rules.quiet_hours import QuietHours
from gateway.store.campaigns.interface import NewRecipient

MOST_AHEAD = 10_000
"""Messages of one campaign that wait for the end of quiet hours before it holds."""
LONGEST_HOLD_MS = 60_000
"""Before it is looked again: the campaign may have been canceled by then."""
AT_A_TIME = 20
"""Looked at before others have their turn: less than 2 ms, also where numbers tell many zones of time."""


class QuietCampaigns:
    """Of all campaigns; in memory, since a restart may well go a little further ahead."""

    def __init__(self, quiet: QuietHours) -> None:
        self._quiet = quiet
        self._ahead: dict[int, tuple[int, int]] = {}
        """Messages that were made ahead, and when the first of them may go out."""

    def reconfigure(self, quiet: QuietHours) -> None:
        """Other hours."""
        self._quiet = quiet

    async def openings(self, lane: str, recipients: Sequence[NewRecipient], now: int) -> list[int | None]:
        """When each of them may be written to; None: now."""
        if lane not in self._quiet.lanes:
            return [None] * len(recipients)
        found: list[int | None] = []
        for recipient in recipients:
            if len(found) % AT_A_TIME == AT_A_TIME - 1:
                await trio.lowlevel.checkpoint()
            found.append(self._quiet.opens_at(now, recipient.recipient, recipient.country))
        return found

    def hold_ms(self, campaign: int, openings: Sequence[int | None], now: int) -> int:
        """Milliseconds to wait before recipients of whom this is so become messages; 0: they may at once."""
        opening = [at for at in openings if at is not None]
        if not opening:
            return 0
        ahead, first = self._ahead.get(campaign, (0, 0))
        if first <= now:
            ahead = 0
        if len(opening) == len(openings) and ahead >= MOST_AHEAD:
            return min(min(opening) - now, LONGEST_HOLD_MS)
        soonest = min(opening) if not ahead else min(first, *opening)
        self._ahead[campaign] = (ahead + len(opening), soonest)
        return 0

    def ended(self, campaign: int) -> None:
        self._ahead.pop(campaign, None)
