"""The examples of the calls about templates, by operation: what is sent and what is answered."""

from typing import Any

_REQUEST: dict[str, Any] = {
    "text": "Hi {first_name}, your code is {code}.",
    "locales": {"es": "Hola {first_name}, tu código es {code}."},
    "required": ["code"],
    "defaults": {"first_name": "there"},
}
_TEMPLATE: dict[str, Any] = {
    "name": "login-code",
    "text": "Hi {first_name}, your code is {code}.",
    "locales": {"es": "Hola {first_name}, tu código es {code}."},
    "required": ["code"],
    "spintax": False,
    "defaults": {"first_name": "there"},
    "fields": ["code", "first_name"],
    "variants": 1,
    "created_at": "2026-11-21T18:04:05.123Z",
    "updated_at": "2026-11-21T18:04:05.123Z",
}
TEMPLATE_EXAMPLES: dict[str, tuple[Any, Any]] = {
    "put_template": (_REQUEST, _TEMPLATE),
    "list_templates": (None, {"entities": [_TEMPLATE], "next_cursor": None}),
    "get_template": (None, _TEMPLATE),
    "delete_template": (None, None),
}
