"""The JSON of inbound messages in lists, as structs that render it and describe it in /openapi.json."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from gateway.api.description.schemas import Encoding, Time

Parts = Annotated[int, Meta(description="As many as the handset sent it in.")]
Complete = Annotated[bool, Meta(description="false: parts never came; `[…]` stands for them in the text.")]
ReceivedAt = Annotated[str, Meta(description="When the last part came.", extra_json_schema={"format": "date-time"})]


class InboundMessage(Struct):
    """A text that came for one of the account's numbers, as `direction=inbound` lists it."""

    id: str
    direction: Literal["inbound"]
    status: Literal["received"]
    sender: Annotated[str, Meta(description="The handset.")] = field(name="from")
    to: str
    text: Annotated[str | None, Meta(description="null once it is erased.")]
    encoding: Encoding
    parts: Parts
    complete: Complete
    carrier: str
    received_at: ReceivedAt
    text_erased_at: Time | None


class InboundList(Struct):
    """One page, newest first."""

    entities: list[InboundMessage]
    next_cursor: str | None
