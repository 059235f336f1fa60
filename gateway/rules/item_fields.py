"""The fields of an item that asks for a message, with their aliases and what other gateways call them. Pure."""

from gateway.rules.field_names import FieldNames

ALIASES = {"message": "text", "clientId": "client_id", "allowUnicode": "allow_unicode"}
FIELDS = frozenset({
    "to", "text", "from", "client_id", "allow_unicode", "lane", "schedule", "validity", "webhook_url", "tag",
    "transliterate", "max_parts", "flash", "tlvs", "template", "variables", "spintax", "locale",
})  # fmt: skip

OTHER_NAMES = {
    "body": "text", "content": "text", "msg": "text", "phone": "to", "number": "to", "recipient": "to",
    "destination": "to", "sender": "from", "source": "from", "ttl": "validity", "callback_url": "webhook_url",
}  # fmt: skip
"""What other gateways call our fields."""

ITEM_FIELDS = FieldNames(
    FIELDS, ALIASES, OTHER_NAMES, "is not a field", most_told=50, most_guessed=3, tells_aliases=True
)
