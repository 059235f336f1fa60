from gateway.simulator.receipt_stat import ERRORS, INTERMEDIATE, NAMES, ReceiptStat
from protocol.receipt_states import ReceiptState


def test_words_and_errors_are_found_by_number() -> None:
    for stat in ReceiptStat:
        assert NAMES[stat] == stat.name
        assert len(ERRORS[stat]) == 3


def test_only_failures_have_an_error() -> None:
    assert [stat for stat in ReceiptStat if ERRORS[stat] == "000"] == [
        ReceiptStat.ENROUTE,
        ReceiptStat.DELIVRD,
        ReceiptStat.ACCEPTD,
    ]


def test_an_intermediate_state_ends_nothing() -> None:
    assert not any(ReceiptState(int(stat)).is_final for stat in INTERMEDIATE)
