"""What was asked for since the last commit, and how much of it one transaction takes: answers, receipts and priority 1 first."""

from gateway.store.interface import AttemptName, DeliveryOutcome, InboundIn, Kept, ReceiptIn
from gateway.store.transaction import AnswersIn, Batch, Order

MOST_ROWS = 2_000


class Pending:
    """Lists of asks; `take` moves up to MOST_ROWS of them into a batch."""

    def __init__(self) -> None:
        self.answers: list[AnswersIn] = []
        self.receipts: list[tuple[ReceiptIn, Kept]] = []
        self.inbound: list[tuple[InboundIn, Kept]] = []
        self.released: list[AttemptName] = []
        self.doubted: list[AttemptName] = []
        self.by_hand: list[Order] = []
        self.accepts: list[Order] = []
        self.outcomes: list[DeliveryOutcome] = []

    def is_empty(self) -> bool:
        return not (
            self.answers
            or self.receipts
            or self.inbound
            or self.released
            or self.doubted
            or self.by_hand
            or self.accepts
            or self.outcomes
        )

    def take(self) -> Batch:
        batch = Batch()
        room = MOST_ROWS
        while self.answers and room > 0:
            room -= len(self.answers[0].answers)
            batch.answers.append(self.answers.pop(0))
        for mine, its in ((self.released, batch.released), (self.doubted, batch.doubted)):
            its += mine
            mine.clear()
        for waiting, taken in (
            (self.receipts, batch.receipts),
            (self.inbound, batch.inbound),
            (self.outcomes, batch.outcomes),
        ):
            count = max(0, min(room, len(waiting)))  # type: ignore[arg-type]
            taken += waiting[:count]  # type: ignore[operator, index]
            del waiting[:count]  # type: ignore[attr-defined]
            room -= count
        for orders, into in ((self.by_hand, batch.by_hand), (self.accepts, batch.accepts)):
            while orders and (room > 0 or not into):
                room -= orders[0].rows
                into.append(orders.pop(0))
        return batch

    def put_back(self, batch: Batch) -> None:
        """What nobody waits for and must not be lost is asked for again."""
        self.released[:0] = batch.released
        self.doubted[:0] = batch.doubted
        self.outcomes[:0] = batch.outcomes

    @staticmethod
    def rows_of(batch: Batch) -> int:
        return (
            sum(len(told.answers) for told in batch.answers) + len(batch.receipts) + len(batch.inbound) + len(batch.outcomes)
            + sum(order.rows for order in batch.by_hand + batch.accepts) + len(batch.released) + len(batch.doubted)
        )  # fmt: skip

    @staticmethod
    def split(batch: Batch) -> list[Batch]:
        """The same asks, each alone, in the order of the transaction."""
        return [
            *(Batch(answers=[told]) for told in batch.answers),
            *(Batch(receipts=[one]) for one in batch.receipts),
            *(Batch(inbound=[one]) for one in batch.inbound),
            *([Batch(released=batch.released)] if batch.released else []),
            *([Batch(doubted=batch.doubted)] if batch.doubted else []),
            *(Batch(by_hand=[order]) for order in batch.by_hand),
            *([Batch(sweep=True)] if batch.sweep else []),
            *(Batch(accepts=[order]) for order in batch.accepts),
            *(Batch(outcomes=[outcome]) for outcome in batch.outcomes),
        ]
