"""The word by which a receipt's state is kept and shown: the carrier's own, unless another state was decided."""

import pytest

from gateway.rules.receipt_words import word_of
from protocol.pdus import DeliverSm
from protocol.receipt_states import ReceiptState, state_of
from protocol.receipts import Receipt, read_receipt

MESSAGE_STATE = 0x0427


def a_receipt(text: bytes, message_state: int | None = None) -> Receipt:
    tlvs = {} if message_state is None else {MESSAGE_STATE: bytes([message_state])}
    receipt = read_receipt(DeliverSm(esm_class=0x04, short_message=text, tlvs=tlvs))
    assert receipt is not None
    return receipt


@pytest.mark.parametrize(
    ("text", "message_state", "word"),
    [
        (b"id:1 stat:DELIVRD err:000", None, "DELIVRD"),
        (b"id:1 stat:DELIVRD err:000", 2, "DELIVRD"),
        (b"id:1 stat:Undelivered err:1", None, "Undelivered"),
        (b"id:1 stat:UNDELIVERABLE err:1", 5, "UNDELIVERABLE"),
        (b"id:1 stat:REJECTED_NETWORK err:1", None, "REJECTED_NETWORK"),
        (b"id:1 stat:DELIVRD err:000", 0, "DELIVRD"),
    ],
)
def test_a_word_that_means_the_state_stays_as_written(text: bytes, message_state: int | None, word: str) -> None:
    assert word_of(a_receipt(text, message_state)) == word


def test_a_word_that_means_nothing_to_us_stays_as_written() -> None:
    assert word_of(a_receipt(b"id:1 stat:WHATEVER err:000")) == "WHATEVER"


@pytest.mark.parametrize(
    ("text", "message_state", "word"),
    [
        (b"id:1 stat:DELIVRD err:000", 5, "UNDELIV"),
        (b"id:1 stat:UNKNOWN err:000", 8, "REJECTD"),
        (b"id:1 stat:WHATEVER err:000", 2, "DELIVRD"),
        (b"id:1 stat:DELIVRD err:000", 1, "ENROUTE"),
        (b"id:1 stat:UNDELIVERABLE err:000", 9, "SKIPPED"),
        (b"84f0aa02 8", None, "REJECTD"),
        (b"", 5, "UNDELIV"),
        (b"", None, "UNKNOWN"),
    ],
)
def test_what_was_decided_is_told_where_the_text_does_not_say_it(
    text: bytes, message_state: int | None, word: str
) -> None:
    assert word_of(a_receipt(text, message_state)) == word


@pytest.mark.parametrize("state", ReceiptState)
def test_each_state_is_spelled_so_that_it_is_read_again(state: ReceiptState) -> None:
    assert state_of(word_of(a_receipt(b"", state.value))) is state
