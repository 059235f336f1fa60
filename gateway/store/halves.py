"""How a batch that failed is parted, so that the guilty ask fails alone and the others are written all the same."""

from collections.abc import Callable

from gateway.store.interface import Kept
from gateway.store.transaction import AnswersIn, Batch

Settle = Callable[[AnswersIn, bool], None]
"""Told of answers and whether they are kept."""


def halves(batch: Batch, settle: Settle) -> list[Batch]:
    """Two batches that ask the same together, each about half of it, to be run in this order; none of a single ask.

    `settle` is called for answers that came together once each of them is settled, kept if none has to come again.
    """
    singles = _singles(batch)
    if len(singles) == 1 and batch.answers:
        singles = _pieces(batch.answers[0], settle)
    middle = len(singles) // 2
    return [_joined(singles[:middle]), _joined(singles[middle:])] if middle else []


def by_kind(batch: Batch) -> list[Batch]:
    """What others have told us, what is changed by hand, new messages: a disk too full for one may do for another."""
    told = Batch(batch.answers, batch.receipts, batch.inbound, batch.released, batch.doubted, outcomes=batch.outcomes)
    return [part for part in (told, Batch(by_hand=batch.by_hand), Batch(accepts=batch.accepts)) if _singles(part)]


def _singles(batch: Batch) -> list[Batch]:
    """The same asks, each alone, in the order of the transaction."""
    return [
        *(Batch(answers=[told]) for told in batch.answers),
        *(Batch(receipts=[one]) for one in batch.receipts),
        *(Batch(inbound=[one]) for one in batch.inbound),
        *(Batch(released=[name]) for name in batch.released),
        *(Batch(doubted=[name]) for name in batch.doubted),
        *(Batch(by_hand=[order]) for order in batch.by_hand),
        *(Batch(accepts=[order]) for order in batch.accepts),
        *(Batch(outcomes=[outcome]) for outcome in batch.outcomes),
    ]


def _joined(singles: list[Batch]) -> Batch:
    whole = Batch()
    for single in singles:
        whole.answers += single.answers
        whole.receipts += single.receipts
        whole.inbound += single.inbound
        whole.released += single.released
        whole.doubted += single.doubted
        whole.by_hand += single.by_hand
        whole.accepts += single.accepts
        whole.outcomes += single.outcomes
    return whole


def _pieces(whole: AnswersIn, settle: Settle) -> list[Batch]:
    """Each answer by itself. Their room comes with the last of them: until then they may have to be put again."""
    kept = _together(whole, settle)
    return [Batch(answers=[AnswersIn(whole.bind, whole.carrier, [answer], 0, kept)]) for answer in whole.answers]


def _together(whole: AnswersIn, settle: Settle) -> Kept:
    told: list[bool] = []

    def kept(is_kept: bool) -> None:
        told.append(is_kept)
        if len(told) == len(whole.answers):
            settle(whole, all(told))

    return kept
