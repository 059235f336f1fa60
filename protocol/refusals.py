"""How a request that is not taken is answered. When that is so, session.py decides."""

from protocol.numbers import RESPONSE_BIT, CommandId
from protocol.pdus import DataSmResp, DeliverSmResp, GenericNack, Pdu, Unknown

_WITHOUT_RESPONSE = frozenset({CommandId.ALERT_NOTIFICATION, CommandId.OUTBIND})
_REQUESTS = frozenset(command_id for command_id in CommandId if not command_id & RESPONSE_BIT)


def refusal(command_id: int, sequence: int, status: int) -> Pdu | None:
    """The negative answer, under the request's own sequence number; None where nothing is to be answered.

    A known request gets its own response, since generic_nack is for what cannot be understood (SMPP 3.4 §4.3), and
    some SMSCs take a generic_nack for the end of the session.
    """
    if command_id & RESPONSE_BIT or command_id in _WITHOUT_RESPONSE:
        return None
    if command_id == CommandId.DELIVER_SM:
        return DeliverSmResp(status, sequence)
    if command_id == CommandId.DATA_SM:
        return DataSmResp(status, sequence=sequence)
    if command_id in _REQUESTS:
        return Unknown(command_id | RESPONSE_BIT, status, b"", sequence)
    return GenericNack(status, sequence)
