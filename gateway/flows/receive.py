"""What carriers hand over: each delivery is read as a receipt or an inbound message, kept, and only then answered.

What a receipt looks like is protocol.receipts' matter, which attempt it is about and what it changes the store's. How
either is handed over is receive_receipts.py's and receive_inbound.py's.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterator
from functools import lru_cache, partial
from itertools import islice
from zoneinfo import ZoneInfo

from gateway.carriers.bind import Bind
from gateway.carriers.traffic import NOBODY_HEARS, Delivery, Hearing
from gateway.flows import stages
from gateway.flows.receive_inbound import read_inbound
from gateway.flows.receive_receipts import reason_to_stop, receipt_in, receipts_in
from gateway.identifiers import Identifiers, now_ms
from gateway.metrics import RECEIPTS, count_inbound
from gateway.rules.failures import failures_of
from gateway.rules.senders import NumberOwners
from gateway.settings.types import UnroutableInbound
from gateway.store.interface import InboundIn, ReceiptIn, Store
from protocol.command_status import CommandStatus
from protocol.pdus import DataSm, DeliverSm
from protocol.receipts import Receipt, read_receipt
from protocol.session_events import Reported

_KEPT = int(CommandStatus.ESME_ROK)
_NOT_KEPT = int(CommandStatus.ESME_RX_T_APPN)
_REFUSED = int(CommandStatus.ESME_RX_R_APPN)
_receipts_of = lru_cache(maxsize=None)(RECEIPTS.labels)


class Receive:
    """`deliver` takes the deliveries of one read of a bind; the bind reads on without waiting for them."""

    def __init__(
        self,
        store: Store,
        owners: NumberOwners,
        ids: Identifiers,
        *,
        told: Container[str] | None = None,
        hearing: Hearing = NOBODY_HEARS,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """`told`: the accounts whose endpoints take message.inbound; None: all do."""
        self._store = store
        self._owners = owners
        self._ids = ids
        self._told = told
        self._hearing = hearing
        self._clock = clock

    def reconfigure(self, owners: NumberOwners, told: Container[str] | None) -> None:
        """Other accounts."""
        self._owners = owners
        self._told = told

    def deliver(self, bind: Bind, pdus: list[Delivery]) -> None:
        """Give each to the store; its answer follows the commit."""
        at = self._clock()
        settings, store = bind.settings, self._store
        text_only = settings.text_receipts
        zone = ZoneInfo(settings.receipt_timezone)
        receipts: list[Receipt] = []
        reported: list[Delivery] = []
        for pdu in pdus:
            if isinstance(pdu, Reported):
                receipts.append(pdu.receipt)
                reported.append(pdu)
                continue
            receipt = read_receipt(pdu, text_only=text_only)
            if receipt is None:
                self._take_inbound(bind, pdu, at)
            elif receipt.is_guess:
                guess = receipt_in(bind, receipt, at, zone, self._read_inbound(bind, pdu, at))
                store.receipt(guess, partial(_settle, self._hearing, bind, pdu, guess))
            else:
                receipts.append(receipt)
                reported.append(pdu)
        if receipts:
            told = receipts_in(bind, receipts, at, zone)
            if settings.on_receipt:
                self._heed(bind, told)
            # One ask and one answer for all of them: each by itself would cost as much as its reading.
            store.receipts(told, partial(_answer_next, bind, iter(reported)))
            _count(bind, receipts)
            self._hearing.received(bind.carrier, len(receipts))

    def _heed(self, bind: Bind, told: list[ReceiptIn]) -> None:
        """What receipts say of the carrier itself."""
        table = failures_of(bind.settings)
        for one in told:
            if (words := reason_to_stop(table, one)) is not None:
                self._hearing.stop(bind.carrier, words)

    def _take_inbound(self, bind: Bind, pdu: DeliverSm | DataSm, at: int) -> None:
        inbound = self._read_inbound(bind, pdu, at)
        self._store.inbound(inbound, partial(_answer_inbound, bind, pdu, inbound))

    def _read_inbound(self, bind: Bind, pdu: DeliverSm | DataSm, at: int) -> InboundIn:
        inbound = read_inbound(bind.settings, pdu, self._owners, self._ids.next(), at)
        if inbound.account is None or (self._told is not None and inbound.account not in self._told):
            inbound.is_untold = True
            inbound.is_refused = bind.settings.unroutable_inbound is UnroutableInbound.REFUSE
        return inbound


def _count(bind: Bind, receipts: list[Receipt]) -> None:
    stages.receipts(bind.name, receipts)
    for state, count in Counter([receipt.state for receipt in receipts]).items():
        _receipts_of(bind.carrier, state.name.lower()).inc(count)


def _answer_next(bind: Bind, reported: Iterator[Delivery], kept: bool, count: int) -> None:
    """Answer the next so many of a read's receipts."""
    bind.answer_all(list(islice(reported, count)), _KEPT if kept else _NOT_KEPT)


def _answer(bind: Bind, pdu: Delivery, kept: bool) -> None:
    bind.answer(pdu, _KEPT if kept else _NOT_KEPT)


def _answer_inbound(bind: Bind, pdu: Delivery, inbound: InboundIn, kept: bool) -> None:
    """The store has found out by now whose it is, and whether it is refused."""
    if kept:
        stages.inbound(bind.name, inbound)
        count_inbound(bind.carrier, is_untold=inbound.is_untold)
    bind.answer(pdu, _REFUSED if kept and inbound.is_refused else _KEPT if kept else _NOT_KEPT)


def _settle(hearing: Hearing, bind: Bind, pdu: Delivery, guess: ReceiptIn, kept: bool) -> None:
    """Answer what only looked like a receipt as what the store found it to be."""
    inbound = guess.otherwise
    if inbound is None or not kept or not guess.was_inbound:
        if kept:
            _count(bind, [guess.receipt])
            hearing.received(bind.carrier, 1)
        _answer(bind, pdu, kept)
        return
    _answer_inbound(bind, pdu, inbound, kept)
