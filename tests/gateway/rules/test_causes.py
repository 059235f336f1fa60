import pytest

from gateway.messages import ErrorCode
from gateway.rules.causes import CauseClass, cause_of_receipt, describe, error_object, network_error_name
from protocol.command_status import CommandStatus
from protocol.receipts import ReceiptState


def test_every_code_has_a_class_and_a_sentence_of_its_own() -> None:
    described = [describe(code) for code in ErrorCode]
    assert all(isinstance(cause_class, CauseClass) and words.endswith(".") for cause_class, words in described)
    assert len({words for _, words in described}) == len(ErrorCode)


@pytest.mark.parametrize(
    ("state", "network_error", "error"),
    [
        (ReceiptState.DELIVERED, (3, 1), None),
        (ReceiptState.ENROUTE, (3, 1), None),
        (ReceiptState.UNKNOWN, None, None),
        (ReceiptState.UNDELIVERABLE, (3, 1), ErrorCode.UNKNOWN_SUBSCRIBER),
        (ReceiptState.UNDELIVERABLE, (3, 6), ErrorCode.ABSENT_SUBSCRIBER),
        (ReceiptState.UNDELIVERABLE, (3, 27), ErrorCode.ABSENT_SUBSCRIBER),
        (ReceiptState.UNDELIVERABLE, (3, 999), ErrorCode.UNMAPPED),
        (ReceiptState.UNDELIVERABLE, (8, 1), ErrorCode.UNMAPPED),
        (ReceiptState.UNDELIVERABLE, None, ErrorCode.UNMAPPED),
        (ReceiptState.EXPIRED, None, ErrorCode.EXPIRED),
        (ReceiptState.EXPIRED, (3, 27), ErrorCode.ABSENT_SUBSCRIBER),
        (ReceiptState.REJECTED, None, ErrorCode.UNMAPPED),
        (ReceiptState.SKIPPED, None, ErrorCode.UNMAPPED),
        (ReceiptState.DELETED, None, ErrorCode.UNMAPPED),
    ],
)
def test_only_what_is_sure_gets_a_cause(
    state: ReceiptState, network_error: tuple[int, int] | None, error: ErrorCode | None
) -> None:
    assert cause_of_receipt(state, network_error) == error


def test_the_error_of_a_receipt_has_the_shape_of_the_contract() -> None:
    assert error_object("unknown_subscriber", None, "UNDELIV", "001", (3, 1)) == {
        "class": "permanent",
        "code": "unknown_subscriber",
        "description": "The number is not in use.",
        "carrier_code": {
            "command_status": None,
            "receipt_state": "UNDELIV",
            "err": "001",
            "network_error_code": "gsm:1",
        },
    }


def test_a_command_status_is_told_by_its_name() -> None:
    carrier_code = error_object("destination_not_served", int(CommandStatus.ESME_RINVDSTADR))["carrier_code"]
    assert carrier_code["command_status"] == "ESME_RINVDSTADR"


def test_a_cause_of_our_own_has_no_carrier_code() -> None:
    assert error_object("canceled")["carrier_code"] is None
    assert error_object("canceled", 0)["carrier_code"] is None


def test_an_unknown_kind_of_network_is_told_by_its_number() -> None:
    assert network_error_name((3, 27)) == "gsm:27"
    assert network_error_name((99, 5)) == "99:5"
