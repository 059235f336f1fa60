"""What the writer knows by heart of campaigns that are not settled: how they stand, and what a transaction counts.

Changes lie beside what is known until the transaction commits; `save` writes the counts inside it. Of settled campaigns
nothing is kept here: their late counts go to their rows alone.
"""

import sqlite3
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.messages import Status
from gateway.store.campaigns.interface import CampaignState
from gateway.store.campaigns.rates import Rates

LOADING_LIMIT_MS = 24 * 3_600_000
"""An upload that has no end by then is given up."""
OPT_OUT = "opt_out"
"""Counted beside the statuses: recipients that opted out after they were written to."""
OPEN_STATUSES = frozenset({Status.SCHEDULED, Status.QUEUED, Status.SENT})
_OPEN = ", ".join(f"'{status}'" for status in sorted(OPEN_STATUSES))
_UNSETTLED = (
    "SELECT c.id, c.account, c.state, c.fingerprint IS NOT NULL, c.waiting, c.scheduled_at, c.created_at, "
    "c.definition ->> 'rate', "
    f"(SELECT coalesce(sum(messages), 0) FROM campaign_counts WHERE campaign = c.id AND status IN ({_OPEN})) "
    "FROM campaigns c WHERE c.settled = 0"
)
_COUNT = "UPDATE campaign_counts SET messages = messages + ? WHERE campaign = ? AND status = ? AND variant IS ?"
_FIRST = "INSERT INTO campaign_counts (messages, campaign, status, variant) VALUES (?, ?, ?, ?)"
_Counted = tuple[int, str | None, str]  # campaign, variant, status


class Standing(NamedTuple):
    """How an unsettled campaign stands."""

    account: str
    state: CampaignState
    sealed: bool
    waiting: int
    scheduled_at: int | None
    created_at: int
    rate: float
    """Its own, messages a second; 0: none."""
    open: int
    """Messages that have not ended, as of the last commit."""

    @property
    def look_at(self) -> int | None:
        """When time alone moves it on."""
        if self.state is CampaignState.SCHEDULED:
            return self.scheduled_at
        if self.state is CampaignState.LOADING:
            return 0 if self.sealed else self.created_at + LOADING_LIMIT_MS
        return None


class Gone(NamedTuple):
    """Campaigns that a commit settled, and those that it erased."""

    settled: list[int]
    erased: list[int]


_NOTHING_GONE = Gone([], [])


@dataclass(slots=True)
class Changes:
    """What the running transaction changes."""

    standings: dict[int, Standing | None] = field(default_factory=dict)
    """None: it is settled."""
    counted: dict[_Counted, int] = field(default_factory=dict)
    opened: dict[int, int] = field(default_factory=dict)
    """Of what was counted: by how many the messages that have not ended are more."""
    left: dict[int, int] = field(default_factory=dict)
    """Messages that left their queue."""
    erased: set[int] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.standings or self.counted or self.erased)

    def copy(self) -> "Changes":
        return Changes(dict(self.standings), dict(self.counted), dict(self.opened), dict(self.left), set(self.erased))


class Campaigns:
    """All unsettled campaigns, with the running transaction's changes."""

    def __init__(self) -> None:
        self.stopped: frozenset[int] = frozenset()
        """Those of which nothing is to be dealt, as of now."""
        self.stirred: set[int] = set()
        """Something happened to them that was not looked at yet; survives a transaction that is undone."""
        self.rates = Rates()
        self._known: dict[int, Standing] = {}
        self._at_work: set[int] = set()
        """Those of them with messages that have not ended."""
        self._changes = Changes()
        self._next_look: int | None = None
        """When time alone moves the first of them on, as of the last commit."""
        self._put_off: dict[int, int] = {}
        self._seen: set[int] = set()

    def load(self, connection: sqlite3.Connection) -> None:
        """Know what the rows say."""
        for id_, account, state, sealed, waiting, scheduled_at, created_at, rate, opened in connection.execute(
            _UNSETTLED
        ):
            self._known[id_] = Standing(
                account, CampaignState(state), bool(sealed), waiting, scheduled_at, created_at, rate or 0.0, int(opened)
            )
            if opened:
                self._at_work.add(id_)
        self.stirred = set(self._known)
        self._survey()

    def __bool__(self) -> bool:
        """Whether any has messages that have not ended: if not, such a message is of none."""
        return bool(self._at_work or self._changes.opened)

    def get(self, campaign: int) -> Standing | None:
        """How it stands in this transaction; None: it is settled, or never was."""
        if campaign in self._changes.standings:
            return self._changes.standings[campaign]
        return self._known.get(campaign)

    def put(self, campaign: int, standing: Standing | None) -> None:
        """None: it is settled."""
        before = self.get(campaign)
        self._changes.standings[campaign] = standing
        self.stirred.add(campaign)
        if before is None or standing is None or before.state is not standing.state:
            self._restop()

    def erase(self, campaign: int) -> None:
        """Its row is gone, and so are its queues' rows."""
        self._changes.erased.add(campaign)

    def all(self) -> list[int]:
        """Ids of the unsettled, as of the last commit."""
        return list(self._known)

    # --- counting

    def count(
        self, campaign: int, variant: str | None, before: Status | None, after: Status, messages: int = 1
    ) -> None:
        """Messages of it have another public status now; `before` None: they are new."""
        if before is after:
            return
        if before is not None:
            self._add(campaign, variant, before, -messages)
            if before is Status.QUEUED and after is not Status.CANCELED:
                self._changes.left[campaign] = self._changes.left.get(campaign, 0) + messages
        self._add(campaign, variant, after, messages)
        self.stirred.add(campaign)

    def opted_out(self, campaign: int, variant: str | None) -> None:
        """A recipient opted out after the campaign had written to it."""
        self._add(campaign, variant, OPT_OUT, 1)

    def counted_of(self, campaign: int) -> dict[tuple[str | None, str], int]:
        """What the running transaction changes of its counts, by variant and status."""
        counted = self._changes.counted.items()
        return {(variant, status): count for (of, variant, status), count in counted if of == campaign}

    def open_messages(self, campaign: int) -> int:
        """Messages that have not ended, with the running transaction's changes."""
        standing = self.get(campaign)
        return (standing.open if standing else 0) + self._changes.opened.get(campaign, 0)

    def _add(self, campaign: int, variant: str | None, status: str, count: int) -> None:
        key, changes = (campaign, variant, status), self._changes
        changes.counted[key] = changes.counted.get(key, 0) + count
        if status in OPEN_STATUSES:
            changes.opened[campaign] = changes.opened.get(campaign, 0) + count

    def still_to_be_made(self) -> int:
        """Recipients of running campaigns that have no message yet, as of the last commit."""
        return sum(one.waiting for one in list(self._known.values()) if one.state is CampaignState.RUNNING)

    # --- whom to look at

    def due(self, now: int) -> list[int]:
        """Those that something happened to, or whose time has come, but for what was put off."""
        if self._next_look is not None and self._next_look <= now:
            looks = ((campaign, standing.look_at) for campaign, standing in self._known.items())
            self.stirred.update(campaign for campaign, at in looks if at is not None and at <= now)
        return sorted(campaign for campaign in self.stirred if self._put_off.get(campaign, 0) <= now)

    def seen(self, campaign: int) -> None:
        """It was looked at, and nothing is left to do: once this commits, it is left alone."""
        self._seen.add(campaign)

    def put_off(self, campaign: int, until: int) -> None:
        """It can't be moved on for a fault of ours."""
        self._put_off[campaign] = until

    def wake_at(self, now: int) -> int | None:
        """When to look again; what should have been moved on by now was put off, or is when the step may run again."""
        times = [at for at in (self._next_look, *self._put_off.values()) if at is not None and at > now]
        return min(times, default=None)

    # --- with the transaction

    def save(self, connection: sqlite3.Connection) -> None:
        """Write what was counted: part of the transaction."""
        for (campaign, variant, status), count in self._changes.counted.items():
            row = (count, campaign, status, variant)
            if count and not connection.execute(_COUNT, row).rowcount:
                connection.execute(_FIRST, row)

    def commit(self, now: int) -> Gone:
        """What the transaction changed is so."""
        self.stirred -= self._seen
        self._seen.clear()
        changes = self._changes
        if not changes:
            return _NOTHING_GONE
        self._changes = Changes()
        for campaign, standing in changes.standings.items():
            if standing is not None:
                self._known[campaign] = standing
            elif self._known.pop(campaign, None) is not None:
                self._put_off.pop(campaign, None)
                self._at_work.discard(campaign)
                self.rates.forget(campaign)
        for campaign, count in changes.opened.items():
            if (known := self._known.get(campaign)) is not None:
                self._known[campaign] = known._replace(open=known.open + count)
                if known.open + count:
                    self._at_work.add(campaign)
                else:
                    self._at_work.discard(campaign)
        for campaign, count in changes.left.items():
            if campaign in self._known:
                self.rates.add(campaign, count, now)
        if changes.standings:
            self._survey()
        return Gone([c for c, standing in changes.standings.items() if standing is None], sorted(changes.erased))

    def roll_back(self) -> None:
        self._seen.clear()
        self.back_to(None)

    def mark(self) -> Changes | None:
        """Where a step begins that may be undone without its transaction."""
        return self._changes.copy() if self._changes else None

    def back_to(self, mark: Changes | None) -> None:
        if self._changes or mark is not None:
            self._changes = Changes() if mark is None else mark.copy()
            self._restop()

    def _restop(self) -> None:
        standings = {**self._known, **self._changes.standings}
        stopped = (c for c, s in standings.items() if s is not None and s.state is not CampaignState.RUNNING)
        self.stopped = frozenset(stopped)

    def _survey(self) -> None:
        self._restop()
        looks = (standing.look_at for standing in self._known.values())
        self._next_look = min((at for at in looks if at is not None), default=None)
