"""What was asked for since the last commit, and how much of it one transaction takes.

Answers, receipts and priority 1 come first. How a batch that failed is parted is for `gateway.store.halves`.
"""

from collections.abc import Iterable, Sized
from typing import TypeVar

from gateway.store.interface import AttemptName, DeliveryOutcome, InboundIn, Kept, KeptInARow, ReceiptIn
from gateway.store.transaction import AnswersIn, Batch, Order

T = TypeVar("T")
MOST_ROWS = 2_000
LEAST_ROWS = 200
"""Below that the fsync is most of a commit, whatever a row costs."""
_SECONDS_A_BATCH = 0.010
MOST_DOUBTED = 100
"""A lost link may leave thousands in doubt, and each may be settled by its receipt at once, which costs as much as some
answers. One that comes meanwhile waits for no more than some 50 ms of them."""
_LEAST_OF_EACH = 200
"""What waits long behind what comes first still moves."""


class Pending:
    """Lists of asks; `take` moves as many of them into a batch as go into 10 ms, by what rows cost of late."""

    def __init__(self) -> None:
        self.answers: list[AnswersIn] = []
        self.receipts: list[tuple[ReceiptIn, KeptInARow]] = []
        self.inbound: list[tuple[InboundIn, Kept]] = []
        self.released: list[AttemptName] = []
        self.doubted: list[AttemptName] = []
        self.by_hand: list[Order] = []
        self.urgent_accepts: list[Order] = []
        self.accepts: list[Order] = []
        self.outcomes: list[DeliveryOutcome] = []
        self._row_seconds = _SECONDS_A_BATCH / MOST_ROWS

    def is_empty(self) -> bool:
        return not (
            self.answers
            or self.receipts
            or self.inbound
            or self.released
            or self.doubted
            or self.by_hand
            or self.urgent_accepts
            or self.accepts
            or self.outcomes
        )

    def count(self) -> int:
        """How many asks there are that may be of a crowd: each receipt is one, as is a read of answers or a bulk.

        Not of what a lost link leaves: thousands come at once, and wait for nobody.
        """
        orders = len(self.urgent_accepts) + len(self.accepts) + len(self.by_hand)
        return orders + len(self.answers) + len(self.receipts) + len(self.inbound) + len(self.outcomes)

    def is_full(self) -> bool:
        """Whether the next batch can take no more."""
        orders = self.urgent_accepts + self.accepts + self.by_hand
        return _rows(orders, self.answers, (self.receipts, self.inbound, self.outcomes)) >= self.most_rows

    @property
    def most_rows(self) -> int:
        return max(LEAST_ROWS, min(MOST_ROWS, round(_SECONDS_A_BATCH / self._row_seconds)))

    def learn(self, rows: int, seconds: float) -> None:
        """So many rows took so long. Small batches teach nothing: most of their time goes by whatever they hold."""
        if rows >= LEAST_ROWS:
            self._row_seconds += (seconds / rows - self._row_seconds) / 4

    def take(self) -> Batch:
        """The next batch, in the order in which the asks came."""
        batch = Batch()
        room = self.most_rows
        while self.answers and room > 0:
            batch.answers.append(self.answers.pop(0))
            room -= len(batch.answers[-1].answers)
        batch.released, self.released = self.released, []
        batch.doubted = self.doubted[:MOST_DOUBTED]
        del self.doubted[:MOST_DOUBTED]
        batch.receipts = _first(self.receipts, room)
        room -= len(batch.receipts)
        batch.inbound = _first(self.inbound, room)
        batch.outcomes = _first(self.outcomes, room)
        room -= len(batch.inbound) + len(batch.outcomes)
        for orders, into in (
            (self.urgent_accepts, batch.accepts),
            (self.by_hand, batch.by_hand),
            (self.accepts, batch.accepts),
        ):
            taken = 0
            while orders and (room > 0 or not taken):
                into.append(orders.pop(0))
                room -= into[-1].rows
                taken += 1
        return batch

    def take_released(self) -> Batch:
        """What never reached the wire alone: of all that is asked for, only this is not known again after a restart."""
        batch, self.released = Batch(released=self.released), []
        return batch

    def take_all(self) -> Batch:
        """Everything, whatever it costs: to be given up."""
        batch = Batch(
            self.answers,
            self.receipts,
            self.inbound,
            self.released,
            self.doubted,
            self.by_hand,
            self.urgent_accepts + self.accepts,
            self.outcomes,
        )
        self.__init__()  # type: ignore[misc]
        return batch

    def put_back(self, batch: Batch) -> None:
        """What nobody waits for and must not be lost is asked for again."""
        self.released[:0] = batch.released
        self.doubted[:0] = batch.doubted
        self.outcomes[:0] = batch.outcomes


def rows_of(batch: Batch) -> int:
    """About how many rows were asked for."""
    singly = (batch.receipts, batch.inbound, batch.outcomes, batch.released, batch.doubted)
    return _rows(batch.by_hand + batch.accepts, batch.answers, singly)


def _rows(orders: Iterable[Order], answers: Iterable[AnswersIn], singly: Iterable[Sized]) -> int:
    """`singly`: what has one row each."""
    told = sum([len(read.answers) for read in answers]) + sum([len(each) for each in singly])
    return told + sum([order.rows for order in orders])


def described(batch: Batch) -> str:
    """How many there are of what."""
    return (
        f"answers={sum(len(told.answers) for told in batch.answers)} receipts={len(batch.receipts)} "
        f"inbound={len(batch.inbound)} released={len(batch.released)} doubted={len(batch.doubted)} "
        f"orders={len(batch.by_hand) + len(batch.accepts)} outcomes={len(batch.outcomes)}"
    )


def _first(waiting: list[T], room: int) -> list[T]:
    """Take the first of a list, as many as there is room for, and some in any case."""
    count = max(room, _LEAST_OF_EACH)
    taken = waiting[:count]
    del waiting[:count]
    return taken
