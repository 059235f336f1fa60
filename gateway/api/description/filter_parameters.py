"""The parameters by which messages and events are listed, as the tables of operations describe them."""

from typing import Any

from gateway.api.description.operation import Parameter
from gateway.messages import Status
from gateway.rules.checks import MOST_CLIENT_ID, MOST_TAG
from gateway.settings import EventType

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_TIME: dict[str, Any] = {"type": "string", "format": "date-time"}


def _label(most: int) -> dict[str, Any]:
    return {**_TEXT, "maxLength": most}


def _such_as(*examples: str) -> dict[str, Any]:
    return {**_TEXT, "examples": list(examples)}


def _names(values: Any) -> str:
    return ", ".join(f"`{value}`" for value in values)


_CREATED = (
    Parameter("created_after", _TIME, "From this time on, this moment included."),
    Parameter("created_before", _TIME, "Up to this time, this moment included."),
)
MESSAGE_FILTERS = (
    Parameter("client_id", _label(MOST_CLIENT_ID), "The message with this id of yours."),
    Parameter("to", _such_as("+34600000001"), "To this number. In a query a plus is written `%2B`."),
    Parameter("from", _such_as("SHOP"), "From this sender; a plus in front of a number changes nothing."),
    Parameter(
        "status", _such_as("failed,undelivered"), f"Messages that stand so: {_names(Status)}, several with commas."
    ),
    Parameter("lane", _such_as("otp"), "Of this lane."),
    Parameter("campaign_id", _such_as("cmp_01KAK5YDQ4V8M3Z2T9N6C1XHRD"), "Of this campaign."),
    Parameter("submission_id", _such_as("sub_01KAK5Y8B2D4F6H8J1K3M5N7PQ"), "Accepted by this bulk."),
    Parameter("tag", _label(MOST_TAG), "With this tag."),
    Parameter(
        "direction",
        {"type": "string", "enum": ["outbound", "inbound"], "default": "outbound"},
        "`inbound`: what came for the account's numbers, by `to`, `from` and time alone.",
    ),
    *_CREATED,
)
EVENT_FILTERS = (
    Parameter(
        "status",
        _such_as("pending,failed"),
        "Only events that stand so: `pending`, `delivered`, `failed`, several with commas.",
    ),
    Parameter(
        "type",
        _such_as("message.failed,message.undelivered"),
        f"Of this type: {_names(EventType)}, several with commas.",
    ),
    Parameter("message_id", _such_as("msg_01KAK5Y7Q4V8M3Z2T9N6C1XHRD"), "About this message."),
    *_CREATED,
)
