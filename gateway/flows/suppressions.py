"""A recipient that may not be written to, as callers are told of it."""

from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.store.consents.interface import Suppression

_FAULTS = {
    Suppression.OPTED_OUT: Fault(
        "has opted out: it gets messages again once it sends START, or its opt-out is deleted", FaultCode.OPTED_OUT
    ),
    Suppression.NOT_OPTED_IN: Fault(
        "has not opted in, which this lane requires: PUT /v1/opt-ins/{number} once it has agreed",
        FaultCode.NOT_OPTED_IN,
    ),
}


def suppression_errors(why: Suppression) -> ItemErrors:
    """The errors of the item."""
    return ItemErrors.of("to", _FAULTS[why])
