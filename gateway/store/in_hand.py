"""What is claimed and unanswered, of the usual kind: one segment, put to a carrier for the first time.

A claim of such messages is one row, which is their intent on disk; each gets its attempt with its answer, in one piece.
Whoever needs the attempt sooner (what becomes of a bind's end, an answer that is no plain yes) has it laid out here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from gateway.messages import AttemptState, MessageState
from gateway.store.many_rows import as_json

if TYPE_CHECKING:
    from gateway.store.work import Work

_CLAIMED = "INSERT INTO claims_in_hand (id, carrier, bind, at, members) VALUES (?, ?, ?, ?, ?)"
_ANSWERED = "DELETE FROM claims_in_hand WHERE id = ?"
ATTEMPTS = (
    "INSERT INTO attempts (message, part, attempt, state, carrier, bind, claimed_at) "
    f"SELECT value, ?, ?, {int(AttemptState.SUBMITTING)}, ?, ?, ? FROM json_each(?)"
)
"""As claimed and unanswered."""
_LAY_OUT_ALL = (
    "INSERT OR IGNORE INTO attempts (message, part, attempt, state, carrier, bind, claimed_at) "
    f"SELECT m.id, 1, 1, {int(AttemptState.SUBMITTING)}, c.carrier, c.bind, c.at FROM claims_in_hand c "
    "CROSS JOIN json_each(c.members) k CROSS JOIN messages m "
    f"ON m.id = k.value AND m.state = {int(MessageState.SUBMITTING)}"
)
"""Members that were answered meanwhile have an attempt, or another state."""
OF_MESSAGE = (
    f"SELECT k.value, 1, 1, {int(AttemptState.SUBMITTING)}, c.carrier, c.bind, c.at "
    "FROM claims_in_hand c CROSS JOIN json_each(c.members) k ON k.value = ?"
)
"""The first columns of the attempt that a message in hand will have, for a reader: there are no more claims than fit
into the windows."""
Mark: TypeAlias = int


@dataclass(slots=True, eq=False)
class ClaimInHand:
    """One claim, as its row has it, and who of it is left."""

    id: int
    carrier: str
    bind: str
    at: int
    recipients: dict[int, str]
    """By message, of those without an answer."""


class InHand:
    """The rows' mirror, bounded by the windows: changed in a transaction; `commit` or `back_to(0)` after it."""

    def __init__(self) -> None:
        self.claims: dict[int, ClaimInHand] = {}
        """By message."""
        self._of_carriers: dict[str, set[ClaimInHand]] = {}
        self._last = 0
        self._taken: list[ClaimInHand | dict[int, tuple[ClaimInHand, str]]] = []
        """What the running transaction did, so that it can be undone: claimed, or let go."""

    def take(self, work: Work, carrier: str, bind: str, recipients: dict[int, str]) -> None:
        """Claim these messages: `recipients` by id."""
        self._last += 1
        claim = ClaimInHand(self._last, carrier, bind, work.now, recipients)
        work.execute(_CLAIMED, (claim.id, carrier, bind, work.now, as_json(list(recipients))))
        self.claims.update(dict.fromkeys(recipients, claim))
        self._of_carriers.setdefault(carrier, set()).add(claim)
        self._taken.append(claim)

    def let_go(self, work: Work, messages: Iterable[int]) -> None:
        """These have their attempts from now on; all of them are in hand."""
        gone: dict[int, tuple[ClaimInHand, str]] = {}
        # Before the first goes: a statement below may fail.
        self._taken.append(gone)
        claims = self.claims
        for message in messages:
            claim = claims.pop(message)
            gone[message] = (claim, claim.recipients.pop(message))
            if not claim.recipients:
                self._of_carriers[claim.carrier].discard(claim)
                work.execute(_ANSWERED, (claim.id,))

    def lay_out(self, work: Work, messages: Iterable[int]) -> None:
        """Give those of them that are in hand their attempts now, as claimed and unanswered."""
        if not self.claims:
            return
        of_claims: dict[ClaimInHand, list[int]] = {}
        for message in dict.fromkeys(messages):
            if (claim := self.claims.get(message)) is not None:
                of_claims.setdefault(claim, []).append(message)
        for claim, members in of_claims.items():
            work.execute(ATTEMPTS, (1, 1, claim.carrier, claim.bind, claim.at, as_json(members)))
            self.let_go(work, members)

    def lay_out_all(self, work: Work) -> None:
        """At start: all that the rows tell of."""
        work.execute(_LAY_OUT_ALL)
        work.execute("DELETE FROM claims_in_hand")

    def before(self, at: int) -> list[int]:
        """The messages claimed until then."""
        return [message for message, claim in self.claims.items() if claim.at <= at]

    def has(self, carrier: str, recipient: str) -> bool:
        """Whether a message to this number is in this carrier's hand."""
        return any(recipient in claim.recipients.values() for claim in self._of_carriers.get(carrier, ()))

    def mark(self) -> Mark:
        """Where a step begins that may be undone without its transaction."""
        return len(self._taken)

    def back_to(self, mark: Mark) -> None:
        while len(self._taken) > mark:
            change = self._taken.pop()
            if isinstance(change, ClaimInHand):
                self._of_carriers[change.carrier].discard(change)
                for message in change.recipients:
                    del self.claims[message]
            else:
                for message, (claim, recipient) in change.items():
                    claim.recipients[message] = recipient
                    self.claims[message] = claim
                    self._of_carriers[claim.carrier].add(claim)

    def commit(self) -> None:
        self._taken.clear()
