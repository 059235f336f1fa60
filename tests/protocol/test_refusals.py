import pytest

from protocol.numbers import RESPONSE_BIT, CommandId
from protocol.pdus import DataSmResp, DeliverSmResp, GenericNack, Unknown
from protocol.refusals import refusal


def test_a_message_is_refused_by_its_own_response():
    assert refusal(CommandId.DELIVER_SM, 0, 2) == DeliverSmResp(2, 0)
    assert refusal(CommandId.DATA_SM, 9, 2) == DataSmResp(2, "", {}, 9)


@pytest.mark.parametrize("command_id", [CommandId.QUERY_SM, CommandId.CANCEL_SM, CommandId.BIND_RECEIVER])
def test_a_known_request_is_refused_by_its_own_response(command_id):
    assert refusal(command_id, 9, 3) == Unknown(command_id | RESPONSE_BIT, 3, b"", 9)


@pytest.mark.parametrize("command_id", [0, 0x7777, 0x0001_0200])
def test_an_unknown_request_is_refused_by_generic_nack(command_id):
    assert refusal(command_id, 9, 3) == GenericNack(3, 9)


@pytest.mark.parametrize(
    "command_id", [CommandId.ALERT_NOTIFICATION, CommandId.OUTBIND, CommandId.SUBMIT_SM_RESP, 0xFFFF_0000]
)
def test_what_has_no_answer_gets_none(command_id):
    assert refusal(command_id, 9, 3) is None
