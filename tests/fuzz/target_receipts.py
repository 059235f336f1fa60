"""Fuzz target: no octets break the reader of receipts, hold it up, or leave a text in what is kept."""

from draws import Draws
from frames import receipts

from protocol.numbers import Tlv
from protocol.pdus import DataSm, DeliverSm
from protocol.receipt_text import _scan, read_ordinary, read_text
from protocol.receipts import Receipt, _read_any, _read_ordinary, read_receipt

LONGEST_INPUT = 2048
"""A choice, three TLVs of 255 octets, and a text beyond the 1,024 octets that are read: behind them all is cut off."""
INPUT_SECONDS = 1
"""For one receipt under the fuzzer; without it none has taken 2 ms."""
_MOST_READ, _MOST_RAW = 1024, 2048
_TAGS = [int(tag) for tag in (Tlv.RECEIPTED_MESSAGE_ID, Tlv.MESSAGE_STATE, Tlv.NETWORK_ERROR_CODE, Tlv.MESSAGE_PAYLOAD)]
_CLASSES = (0x04, 0x00, 0x44, 0x20, 0x40, 0x08, 0x10, 0xC4)


def check(octets: bytes) -> None:
    pdu, text_only = _pdu(octets)
    receipt = read_receipt(pdu, text_only=text_only)
    _check_short_ways(pdu, text_only)
    if receipt is not None:
        _check_receipt(receipt)


def _check_short_ways(pdu: DeliverSm | DataSm, text_only: bool) -> None:
    """What is read in one match is what the scan would read, and the rest of the PDU would not change it."""
    short = _read_ordinary(pdu)
    assert short is None or short == _read_any(pdu, text_only)
    text = pdu.octets[:_MOST_READ]
    if read_ordinary(text) is not None:
        assert read_text(text) == _scan(text, text.decode("latin-1"))


def _pdu(octets: bytes) -> tuple[DeliverSm | DataSm, bool]:
    draws = Draws(octets)
    how = draws.number()
    tlvs = {draws.choice(_TAGS): draws.short() for _ in range(how >> 4 & 3)}
    esm_class = _CLASSES[how & 7]
    if how & 0x40:
        tlvs[int(Tlv.MESSAGE_PAYLOAD)] = draws.rest()
        return DataSm(esm_class=esm_class, tlvs=tlvs), bool(how & 0x80)
    return DeliverSm(esm_class=esm_class, short_message=draws.rest(), tlvs=tlvs), bool(how & 0x80)


def _check_receipt(receipt: Receipt) -> None:
    assert len(receipt.raw) <= _MOST_RAW
    assert "\0" not in receipt.raw
    assert "text:" not in receipt.raw.lower()
    kept = [receipt.message_id, *receipt.alt_ids, receipt.stat, receipt.error, receipt.raw, *receipt.disagreements]
    for value in kept:
        # All of it goes into the store, which keeps UTF-8.
        if value is not None:
            value.encode()
    assert receipt.message_id != ""
    assert receipt.is_final <= receipt.state.is_final


def _input(pdu: DeliverSm | DataSm, text_only: bool) -> bytes:
    """What `_pdu` makes nearly this of."""
    is_data = isinstance(pdu, DataSm)
    told = [tag for tag in _TAGS if tag in pdu.tlvs and not (is_data and tag == Tlv.MESSAGE_PAYLOAD)][:3]
    kind = _CLASSES.index(pdu.esm_class) if pdu.esm_class in _CLASSES else 0
    tlvs = [bytes((_TAGS.index(tag), len(pdu.tlvs[tag]))) + pdu.tlvs[tag] for tag in told]
    return bytes((kind | len(told) << 4 | is_data << 6 | text_only << 7,)) + b"".join(tlvs) + pdu.octets


def seeds() -> list[bytes]:
    found = receipts()
    as_they_came = [_input(pdu, text_only) for pdu in found for text_only in (False, True)]
    as_others = [how + pdu.octets for pdu in found for how in (b"\0", b"\x81", b"\x40")]
    return [
        *as_they_came,
        *as_others,
        b"\0" + b"id:" * 300,
        b"\x81" + b"a" * 500 + b" " * 500,
        b"\0" + b"submit " * 150 + b"date:",
        b"\0" + b"text" + b" " * 1000,
    ]
