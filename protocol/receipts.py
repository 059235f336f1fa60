"""What a deliver_sm or data_sm says about a message of ours, if it is a receipt (SMPP 3.4 §5.2.12, Appendix B).

The layout of the text and its dialects are receipt_text.py's. Which attempt a receipt is about, and whether it is to be
believed, is decided elsewhere: addresses may not be swapped and ids are not unique.
"""

from dataclasses import dataclass
from datetime import datetime

from protocol.numbers import EsmClass, Tlv
from protocol.pdus import DataSm, DeliverSm
from protocol.receipt_keys import exact_key, other_keys
from protocol.receipt_states import ReceiptState, state_of
from protocol.receipt_text import Ordinary, ReceiptText, is_before, read_ordinary, read_text
from protocol.segments import read_header

__all__ = ["Receipt", "ReceiptState", "read_receipt"]

# Plain integers: a lookup by an IntEnum member calls back into Python.
_RECEIPTED_MESSAGE_ID = int(Tlv.RECEIPTED_MESSAGE_ID)
_MESSAGE_STATE = int(Tlv.MESSAGE_STATE)
_NETWORK_ERROR_CODE = int(Tlv.NETWORK_ERROR_CODE)
_REFERENCE = int(Tlv.USER_MESSAGE_REFERENCE)
_MESSAGE_PAYLOAD = int(Tlv.MESSAGE_PAYLOAD)
_TYPE_MASK = int(EsmClass.MESSAGE_TYPE_MASK)
_RECEIPT = int(EsmClass.RECEIPT)
_INTERMEDIATE = int(EsmClass.INTERMEDIATE_NOTIFICATION)
_ACKS = int(EsmClass.SME_ACK | EsmClass.MANUAL_ACK)
_UDHI = int(EsmClass.UDHI)

_STATES = {state.value: state for state in ReceiptState}
_STATE_OCTETS: dict[ReceiptState | None, bytes] = {state: bytes((state.value,)) for state in ReceiptState}
_PADDING = b" \t\r\n\0"
_MAX_OCTETS = 1024
"""What is read of a text or an id; the rest of a message_payload is content or noise."""
_MAX_WORD = 32


@dataclass(slots=True)
class Receipt:
    """What an SMSC says about one message."""

    message_id: str | None
    """As written; the TLV's, or else the text's."""
    alt_ids: tuple[str, ...]
    """Other ids in the same PDU that `exact_key` tells from message_id."""
    state: ReceiptState
    """The TLV's, unless that is UNKNOWN or SCHEDULED and the text knows better."""
    stat: str | None
    """The word in the text, as written; of a message delivered `to` somebody, the words up to whom."""
    error: str | None
    """The text's err, as written."""
    network_error: tuple[int, int] | None
    """Type and code of network_error_code (SMPP 3.4 §5.3.2.31)."""
    submitted_at: datetime | None
    """Naive in the carrier's zone, unless the receipt names its own."""
    done_at: datetime | None
    """As submitted_at."""
    source: str
    destination: str
    raw: str
    """The text without what it quotes of the message's; hexadecimal if it is not readable."""
    disagreements: tuple[str, ...]
    """Where the PDU contradicts itself, for the operator to read."""
    is_intermediate: bool = False
    """An intermediate notification: the message has not ended, whatever the state."""
    reference: int | None = None
    """user_message_reference, which a carrier may give back as it was told in submit_sm."""
    is_guess: bool = False
    """Nothing but the layout of the text makes it a receipt: a handset may have written it."""
    may_quote: bool = False
    """`raw` may hold the message's text all the same, in a layout that is not read to the end."""

    @property
    def is_final(self) -> bool:
        """Whether it tells the message's end."""
        return self.state.is_final and not self.is_intermediate


def read_receipt(pdu: DeliverSm | DataSm, *, text_only: bool = False) -> Receipt | None:
    """The receipt that the PDU is, or None if it is an inbound message. Never raises.

    esm_class decides, or receipted_message_id and message_state together: ordinary messages carry the first alone.
    With `text_only` the layout of the text alone is believed too, which anyone with a phone can write.
    """
    return _read_ordinary(pdu) or _read_any(pdu, text_only)


def _read_ordinary(pdu: DeliverSm | DataSm) -> Receipt | None:
    """What `_read_any` gives for nearly every receipt, at half its cost; None where it must look closer.

    That is where the layout is another, and where a header or a TLV may say anything that the text does not.
    """
    if pdu.esm_class != _RECEIPT or (ordinary := read_ordinary(pdu.octets[:_MAX_OCTETS])) is None:
        return None
    return ordinary_receipt(ordinary, pdu.tlvs, pdu.source_addr, pdu.destination_addr)


def ordinary_receipt(ordinary: Ordinary, tlvs: dict[int, bytes], source: str, destination: str) -> Receipt | None:
    """The receipt of a text of the ordinary layout; None where a TLV may say more, or a date contradicts another."""
    message_id, raw, (state, stat, error, submitted_at, done_at, is_backwards) = ordinary
    if is_backwards or (tlvs and not _confirm(tlvs, message_id, state)):
        return None
    return Receipt(
        message_id,
        (),
        state or ReceiptState.UNKNOWN,
        stat,
        error,
        None,
        submitted_at,
        done_at,
        source,
        destination,
        raw,
        (),
        False,
        _reference(tlvs) if _REFERENCE in tlvs else None,
    )


def _confirm(tlvs: dict[int, bytes], message_id: str, state: ReceiptState | None) -> bool:
    """Whether TLVs say nothing about a receipt but what its text says."""
    told_id, told_state = tlvs.get(_RECEIPTED_MESSAGE_ID), tlvs.get(_MESSAGE_STATE)
    return (
        (told_id is None or told_id.rstrip(b"\0") == message_id.encode("latin-1"))
        and (told_state is None or told_state == _STATE_OCTETS.get(state))
        and _NETWORK_ERROR_CODE not in tlvs
    )


def _read_any(pdu: DeliverSm | DataSm, text_only: bool) -> Receipt | None:
    kind = pdu.esm_class & _TYPE_MASK
    tlvs = pdu.tlvs
    needs_layout = False
    if kind & _ACKS:
        return None
    if not kind and not (_RECEIPTED_MESSAGE_ID in tlvs and _MESSAGE_STATE in tlvs):
        if not text_only:
            return None
        needs_layout = True
    text = read_text(_body(pdu))
    if needs_layout and not text.is_unmistakable:
        return None
    return _join(pdu, text, is_intermediate=kind == _INTERMEDIATE, is_guess=needs_layout)


def _body(pdu: DeliverSm | DataSm) -> bytes:
    octets = pdu.octets[:_MAX_OCTETS]
    if not octets.strip(_PADDING):
        # A NUL or a blank in short_message beside the message_payload.
        octets = pdu.tlvs.get(_MESSAGE_PAYLOAD, b"")[:_MAX_OCTETS]
    if pdu.esm_class & _UDHI:
        # UDHI may be an echo of our own esm_class without any header here: only one that concatenates is believed.
        header = read_header(octets)
        if header is not None and header.reference is not None:
            return octets[header.length :]
    return octets


def _join(pdu: DeliverSm | DataSm, text: ReceiptText, *, is_intermediate: bool, is_guess: bool) -> Receipt:
    tlvs = pdu.tlvs
    disagreements: list[str] = []
    message_id: str | None = text.message_id
    alt_ids: tuple[str, ...] = ()
    state = text.state
    network_error = None
    if tlvs:
        if (value := tlvs.get(_RECEIPTED_MESSAGE_ID)) is not None:
            message_id, alt_ids = _join_ids(_c_string(value), message_id, disagreements)
        if (value := tlvs.get(_MESSAGE_STATE)) is not None:
            state = _join_states(value, text, disagreements)
        if (value := tlvs.get(_NETWORK_ERROR_CODE)) is not None and len(value) >= 3:
            network_error = (value[0], int.from_bytes(value[1:3], "big"))
    submitted_at, done_at = text.submitted_at, text.done_at
    if is_before(done_at, submitted_at):
        disagreements.append("done before submitted")
    return Receipt(
        message_id,
        alt_ids,
        state or ReceiptState.UNKNOWN,
        text.stat,
        text.error,
        network_error,
        submitted_at,
        done_at,
        pdu.source_addr,
        pdu.destination_addr,
        text.raw,
        tuple(disagreements),
        is_intermediate,
        _reference(tlvs) if tlvs else None,
        is_guess,
        text.may_quote,
    )


def _reference(tlvs: dict[int, bytes]) -> int | None:
    value = tlvs.get(_REFERENCE)
    return int.from_bytes(value, "big") if value is not None and len(value) == 2 else None


def _c_string(value: bytes) -> str | None:
    """The TLV's string, with or without its NUL."""
    return value[:_MAX_OCTETS].strip(_PADDING).partition(b"\0")[0].decode("latin-1") or None


def _join_ids(told: str | None, written: str | None, disagreements: list[str]) -> tuple[str | None, tuple[str, ...]]:
    if told is None or written is None or told == written:
        return told or written, ()
    told_key, written_key = exact_key(told), exact_key(written)
    if told_key == written_key:
        return told, ()
    if written_key not in other_keys(told) and told_key not in other_keys(written):
        disagreements.append(f"receipted_message_id {told}, id {written}")
    return told, (written,)


def _told_state(value: bytes) -> ReceiptState | None:
    """One octet, whatever NULs stand around it; or its digit or word, as some write it."""
    octets = value.strip(b"\0") or value[:1]
    if len(octets) != 1:
        return state_of(octets[:_MAX_WORD].decode("latin-1"))
    return _STATES.get(octets[0] - 0x30 if octets.isdigit() else octets[0])


def _join_states(value: bytes, text: ReceiptText, disagreements: list[str]) -> ReceiptState | None:
    told = _told_state(value)
    written = text.state
    if told is None or written is None or told is written or written is ReceiptState.UNKNOWN:
        return told or written
    if told is ReceiptState.UNKNOWN or told is ReceiptState.SCHEDULED:
        # Both say nothing beside a word that does: SMPP 3.4 has no state 0, so that some SMSCs leave it there.
        return written
    disagreements.append(f"message_state {told.name}, stat {text.stat}")
    return told
