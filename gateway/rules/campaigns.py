"""What a campaign was asked to be, beside its recipients: checked once, kept as JSON with the campaign.

All that a recipient's message needs later stands in it, so that a template or a default that is changed meanwhile
changes no campaign that was accepted before.
"""

import msgspec


class Definition(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything but the recipients, the schedule and the idempotency key, which have columns of their own."""

    campaign_name: str
    message: str
    """The template's text (gateway.rules.templates), of a named template as it stood when the campaign was accepted."""
    lane: str
    validity_ms: int
    """Of each message, from when it is made of its recipient."""
    sender: str | None = None
    """As it was asked for; None: each recipient's own, or the account's default. What is sent stands with each
    recipient."""
    spintax: bool = True
    allow_unicode: bool = False
    transliterate: bool = False
    rate: float = 0.0
    """Messages a second at most; 0: as fast as its lane and carriers let it."""
    tag: str | None = None
    webhook_url: str | None = None
    template: str | None = None
    """The name of the template that `message` was taken from."""
    locale: str | None = None
    options: str | None = None
    """MessageOptions as JSON (gateway.rules.options), for each message; None: nothing is asked for."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Definition).decode


def to_json(definition: Definition) -> str:
    """As it is kept."""
    return _encode(definition).decode()


def from_json(kept: str) -> Definition:
    return _decode(kept)
