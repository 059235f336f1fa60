"""What the simulator hands to an ESME, receipts and inbound messages, and how each is written as a PDU.

Who gets them, and when, is accounts.py's.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from gateway.simulator.message_ids import SPELLINGS, IdFormat
from gateway.simulator.options import ReceiptShape
from gateway.simulator.receipt_stat import ERRORS, INTERMEDIATE, NAMES, ReceiptStat
from protocol.numbers import EsmClass, Tlv
from protocol.pdus import DataSm, DeliverSm, SubmitSm
from protocol.times import parse_smpp_time

_TEXT_LIMIT = 20
"""SMPP 3.4 appendix B: the first twenty characters of the message."""
_ADDRESS_LIMIT = 20
"""A data_sm may have had 64 (SMPP 3.4 §4.7.1), and some ESMEs send too long ones."""
_STATE_OCTETS = [bytes([state]) for state in range(10)]
# Plain integers: look-ups and arithmetic with an IntEnum member call back into Python.
_MESSAGE_PAYLOAD = int(Tlv.MESSAGE_PAYLOAD)
_MESSAGE_STATE = int(Tlv.MESSAGE_STATE)
_RECEIPTED_MESSAGE_ID = int(Tlv.RECEIPTED_MESSAGE_ID)
_NETWORK_ERROR_CODE = int(Tlv.NETWORK_ERROR_CODE)
_UDHI = int(EsmClass.UDHI)
_TAIL_LIMIT = 1000
_GSM_NETWORK = 3
"""network_type of network_error_code (SMPP 3.4 §5.3.2.31)."""


@dataclass(slots=True, eq=False)
class Taken:
    """One segment that the simulator took."""

    number: int
    """What its message id spells."""
    pdu: SubmitSm | DataSm
    at: float
    """Wall-clock seconds."""


def held_seconds(taken: Taken) -> float:
    """How long after it was taken the segment is to be delivered, by its schedule_delivery_time."""
    schedule = taken.pdu.schedule_delivery_time if isinstance(taken.pdu, SubmitSm) else ""
    if not schedule:
        return 0.0
    at = parse_smpp_time(schedule)
    if isinstance(at, timedelta):
        return at.total_seconds()
    return 0.0 if at is None else max(0.0, at.timestamp() - taken.at)


@dataclass(slots=True, eq=False)
class Receipt:
    """One receipt until it is acknowledged."""

    taken: Taken
    state: ReceiptStat


@dataclass(slots=True, eq=False)
class Inbound:
    """One inbound message, or one part of it, until it is acknowledged."""

    pdu: DeliverSm = field(repr=False)


Delivery: TypeAlias = Receipt | Inbound


def wants(registered_delivery: int, state: ReceiptStat) -> bool:
    """Whether an ESME asked for this receipt (SMPP 3.4 §5.2.17; success alone is SMPP 5.0 §4.7.21)."""
    if state in INTERMEDIATE:
        return bool(registered_delivery & 0x10)
    asked = registered_delivery & 0x03
    if asked == 0x02:
        return state is not ReceiptStat.DELIVRD
    if asked == 0x03:
        return state is ReceiptStat.DELIVRD
    return asked == 0x01


class ReceiptWriter:
    """Writes receipts in one shape."""

    def __init__(self, shape: ReceiptShape, id_format: IdFormat) -> None:
        self._shape = shape
        self._spelling = SPELLINGS[id_format]
        self._text: Callable[[Receipt, float], bytes] = {
            ReceiptShape.TLV: lambda receipt, done_at: b"",
            ReceiptShape.MINIMAL: self._minimal,
            ReceiptShape.BARE: self._bare,
            ReceiptShape.ODD_CASE: self._odd_case,
        }.get(shape, self._full)
        self._has_tlvs = shape not in (
            ReceiptShape.TEXT,
            ReceiptShape.MINIMAL,
            ReceiptShape.BARE,
            ReceiptShape.ODD_CASE,
        )
        self._esm_class = 0 if shape is ReceiptShape.ESM_CLASS_0 else int(EsmClass.RECEIPT)
        self._tails: dict[tuple[int, int, ReceiptStat], str] = {}

    def write(self, receipt: Receipt, done_at: float) -> DeliverSm | DataSm:
        """The PDU; `done_at` in wall-clock seconds."""
        text = self._text(receipt, done_at)
        tlvs = self._tlvs(receipt) if self._has_tlvs else {}
        shape = self._shape
        if shape is ReceiptShape.DATA_SM:
            return self._data_sm(receipt, text, tlvs)
        if shape is ReceiptShape.PAYLOAD:
            tlvs[_MESSAGE_PAYLOAD] = text
            text = b""
        submitted = receipt.taken.pdu
        pdu = DeliverSm(
            source_addr_ton=submitted.dest_addr_ton,
            source_addr_npi=submitted.dest_addr_npi,
            source_addr=submitted.destination_addr[:_ADDRESS_LIMIT],
            dest_addr_ton=submitted.source_addr_ton,
            dest_addr_npi=submitted.source_addr_npi,
            destination_addr=submitted.source_addr[:_ADDRESS_LIMIT],
            esm_class=self._esm_class_of(receipt.state),
            short_message=text,
            tlvs=tlvs,
        )
        if shape is ReceiptShape.UNSWAPPED:
            pdu.source_addr, pdu.destination_addr = pdu.destination_addr, pdu.source_addr
        return pdu

    def _esm_class_of(self, state: ReceiptStat) -> int:
        if state in INTERMEDIATE and self._esm_class:
            return int(EsmClass.INTERMEDIATE_NOTIFICATION)
        return self._esm_class

    def _data_sm(self, receipt: Receipt, text: bytes, tlvs: dict[int, bytes]) -> DataSm:
        submitted = receipt.taken.pdu
        return DataSm(
            source_addr_ton=submitted.dest_addr_ton,
            source_addr_npi=submitted.dest_addr_npi,
            source_addr=submitted.destination_addr,
            dest_addr_ton=submitted.source_addr_ton,
            dest_addr_npi=submitted.source_addr_npi,
            destination_addr=submitted.source_addr,
            esm_class=self._esm_class_of(receipt.state),
            tlvs={**tlvs, _MESSAGE_PAYLOAD: text},
        )

    def _tlvs(self, receipt: Receipt) -> dict[int, bytes]:
        tlvs: dict[int, bytes] = {_MESSAGE_STATE: _STATE_OCTETS[receipt.state]}
        spelt = self._spelling.tlv(receipt.taken.number)
        if spelt:
            tlvs[_RECEIPTED_MESSAGE_ID] = spelt.encode("ascii") + b"\0"
        error = int(ERRORS[receipt.state])
        if error:
            tlvs[_NETWORK_ERROR_CODE] = bytes([_GSM_NETWORK]) + error.to_bytes(2, "big")
        return tlvs

    def _full(self, receipt: Receipt, done_at: float) -> bytes:
        """The layout of SMPP 3.4 appendix B, to the letter."""
        taken = receipt.taken
        key = (int(taken.at // 60), int(done_at // 60), receipt.state)
        tail = self._tails.get(key) or self._write_tail(key)
        return f"id:{self._spelling.text(taken.number)}{tail}".encode("ascii") + _beginning(taken.pdu)

    def _write_tail(self, key: tuple[int, int, ReceiptStat]) -> str:
        """What all receipts of one state in one minute share. The dates are YYMMDDhhmm in UTC."""
        submitted, done = (datetime.fromtimestamp(minute * 60, UTC).strftime("%y%m%d%H%M") for minute in key[:2])
        stat = key[2]
        if len(self._tails) >= _TAIL_LIMIT:
            self._tails.clear()
        self._tails[key] = (
            f" sub:001 dlvrd:{'001' if stat is ReceiptStat.DELIVRD else '000'} submit date:{submitted} done date:{done}"
            f" stat:{NAMES[stat]} err:{ERRORS[stat]} text:"
        )
        return self._tails[key]

    def _minimal(self, receipt: Receipt, done_at: float) -> bytes:
        return f"id:{self._spelling.text(receipt.taken.number)} stat:{NAMES[receipt.state]}".encode("ascii")

    def _bare(self, receipt: Receipt, done_at: float) -> bytes:
        """An id and a state without any key, as some SMSCs have it."""
        return f"{self._spelling.text(receipt.taken.number)} {NAMES[receipt.state]}".encode("ascii")

    def _odd_case(self, receipt: Receipt, done_at: float) -> bytes:
        """Other cases, another order, blanks after colons, years of four digits: all seen in the field."""
        done, submitted = (
            datetime.fromtimestamp(at, UTC).strftime("%Y%m%d%H%M%S") for at in (done_at, receipt.taken.at)
        )
        return (
            f"ID: {self._spelling.text(receipt.taken.number)} Stat: {NAMES[receipt.state]} SubmitDate: {submitted} "
            f"DoneDate: {done} Err: {ERRORS[receipt.state]} Sub: 001 Dlvrd: 001 Text:"
        ).encode("ascii")


def _beginning(pdu: SubmitSm | DataSm) -> bytes:
    """The text's first characters, if it has one that may stand in a receipt as it is."""
    if pdu.data_coding not in (0, 1, 3) or pdu.esm_class & _UDHI:
        return b""
    return pdu.octets[:_TEXT_LIMIT]
