"""The fields of a campaign in a query string, where its body is recipients alone: read as the JSON they stand for.

What the values mean is gateway/rules/campaign_checks'.
"""

import re
from typing import Any

from quart import Request

from gateway.api.problems import invalid_fields
from gateway.rules.faults import Fault, FaultCode, ItemErrors

_FLAGS = frozenset({"spintax", "allow_unicode", "allowUnicode", "transliterate"})
_NUMBERS = frozenset({"validity", "rate", "max_parts"})
_WORDS = {"true": True, "1": True, "false": False, "0": False}
_WHOLE = re.compile(r"[0-9]{1,15}", re.ASCII).fullmatch
_DECIMAL = re.compile(r"[0-9]{1,15}\.[0-9]{1,6}", re.ASCII).fullmatch


def definition_of_query(request: Request) -> dict[str, Any]:
    """Raises a Problem 422."""
    fields: dict[str, Any] = {}
    errors = ItemErrors()
    for name, values in request.args.lists():
        if len(values) > 1:
            errors.add(name[:40], Fault("is given more than once", FaultCode.GIVEN_TWICE))
        elif name in _FLAGS:
            if values[0].lower() not in _WORDS:
                errors.add(name, Fault("must be true or false", FaultCode.WRONG_TYPE))
            else:
                fields[name] = _WORDS[values[0].lower()]
        elif name in _NUMBERS:
            fields[name] = _number(values[0])
        else:
            fields[name] = values[0]
    if errors.fields:
        raise invalid_fields(errors.fields, errors.codes)
    return fields


def _number(text: str) -> int | float | str:
    """As it is where it is none: then its own rule tells."""
    if _WHOLE(text):
        return int(text)
    return float(text) if _DECIMAL(text) else text
