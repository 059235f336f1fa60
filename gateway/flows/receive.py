"""What carriers hand over: each delivery is read as a receipt or an inbound message, kept, and only then answered.

What a receipt looks like is protocol.receipts' matter, which attempt it is about and what it changes the store's.
"""

from collections import Counter
from collections.abc import Callable
from functools import lru_cache, partial
from zoneinfo import ZoneInfo

from gateway.carriers.addresses import e164
from gateway.carriers.bind import Bind
from gateway.carriers.traffic import Delivery
from gateway.flows import stages
from gateway.identifiers import Identifiers, now_ms
from gateway.metrics import INBOUND, RECEIPTS
from gateway.rules.causes import cause_of_receipt
from gateway.rules.senders import NumberOwners
from gateway.store.interface import InboundIn, ReceiptIn, Store
from protocol.command_status import CommandStatus
from protocol.pdus import EsmClass
from protocol.receipts import Receipt, read_receipt
from protocol.segments import read_header
from protocol.text import Encoding, decode
from protocol.times import to_utc_ms

_KEPT = int(CommandStatus.ESME_ROK)
_NOT_KEPT = int(CommandStatus.ESME_RX_T_APPN)
_UDHI = int(EsmClass.UDHI)
# The dates of receipts that come together are mostly the same few, and their ends too.
_utc_ms = lru_cache(maxsize=4096)(to_utc_ms)
_cause_of = lru_cache(maxsize=4096)(cause_of_receipt)
_receipts_of = lru_cache(maxsize=None)(RECEIPTS.labels)
_inbound_of = lru_cache(maxsize=None)(INBOUND.labels)


class Receive:
    """`deliver` takes the deliveries of one read of a bind; the bind reads on without waiting for them."""

    def __init__(
        self, store: Store, owners: NumberOwners, ids: Identifiers, *, clock: Callable[[], int] = now_ms
    ) -> None:
        self._store = store
        self._owners = owners
        self._ids = ids
        self._clock = clock

    def deliver(self, bind: Bind, pdus: list[Delivery]) -> None:
        """Give each to the store; its answer follows the commit."""
        at = self._clock()
        settings, store = bind.settings, self._store
        text_only = settings.text_receipts
        zone = ZoneInfo(settings.receipt_timezone)
        receipts: list[Receipt] = []
        for pdu in pdus:
            kept = partial(_answer, bind, pdu)
            receipt = read_receipt(pdu, text_only=text_only)
            if receipt is None:
                inbound = self._inbound(bind, pdu, at)
                stages.inbound(bind.name, inbound)
                store.inbound(inbound, kept)
            else:
                receipts.append(receipt)
                store.receipt(_receipt(bind, receipt, at, zone), kept)
        stages.receipts(bind.name, receipts)
        for state, count in Counter([receipt.state for receipt in receipts]).items():
            _receipts_of(bind.carrier, state.name.lower()).inc(count)
        if len(receipts) < len(pdus):
            _inbound_of(bind.carrier).inc(len(pdus) - len(receipts))

    def _inbound(self, bind: Bind, pdu: Delivery, at: int) -> InboundIn:
        octets = pdu.octets
        if pdu.esm_class & _UDHI and (header := read_header(octets)) is not None:
            octets = octets[header.length :]
        recipient = e164(pdu.dest_addr_ton, pdu.destination_addr)
        return InboundIn(
            id=self._ids.next(),
            carrier=bind.carrier,
            account=self._owners.account_of_number(recipient),
            sender=e164(pdu.source_addr_ton, pdu.source_addr),
            recipient=recipient,
            # No text of ours holds U+0000, which not every database can keep; here it is padding.
            text=decode(octets, pdu.data_coding).replace("\0", ""),
            encoding=_encoding(pdu.data_coding),
            at=at,
        )


def _answer(bind: Bind, pdu: Delivery, kept: bool) -> None:
    bind.answer(pdu, _KEPT if kept else _NOT_KEPT)


def _receipt(bind: Bind, receipt: Receipt, at: int, zone: ZoneInfo) -> ReceiptIn:
    submitted_at, done_at = receipt.submitted_at, receipt.done_at
    return ReceiptIn(
        bind.carrier,
        bind.name,
        receipt,
        at,
        None if submitted_at is None else _utc_ms(submitted_at, zone),
        None if done_at is None else _utc_ms(done_at, zone),
        _cause_of(receipt.state, receipt.network_error),
    )


def _encoding(data_coding: int) -> Encoding:
    """UCS-2 where SMPP 3.4 §5.2.19 or a coding group of 3GPP TS 23.038 §4 says so; else septets or octets."""
    is_ucs2 = data_coding & 0xCC == 0x08 or data_coding & 0xF0 == 0xE0
    return Encoding.UCS2 if is_ucs2 else Encoding.GSM7
