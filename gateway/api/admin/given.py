"""What a call of an operator's says in its body: an object of a few texts."""

from quart import request

from gateway.api.bodies import decode, read_json
from gateway.api.problem_types import NOT_AN_OBJECT
from gateway.api.problems import Problem, invalid_fields
from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.rules.values import shown, type_fault, unstorable

MOST_CHARACTERS = 500


async def words(*names: str) -> dict[str, str]:
    """The fields that are given, of these; what is blank is not given. A body may be left out. Raises as `texts`."""
    if not await request.get_data(cache=True, as_text=False, parse_form_data=False):
        return {}
    given = await texts(*names, such_as='{"why": "its invoice is wrong"}')
    return {name: value for name, value in given.items() if value}


async def texts(*names: str, such_as: str) -> dict[str, str]:
    """The fields that are given, of these; null is not given. Raises a Problem 400, 415 or 422."""
    body = decode(await read_json(request))
    if not isinstance(body, dict):
        raise Problem(NOT_AN_OBJECT, f"Send an object such as {such_as}.")
    errors = ItemErrors()
    for name, value in body.items():
        if name not in names:
            unknown = f"is not a field of this call; it takes {', '.join(names)}"
            errors.add(shown(name), Fault(unknown, FaultCode.UNKNOWN_FIELD))
        elif value is not None and (fault := _fault(value)) is not None:
            errors.add(name, fault)
    if errors.fields:
        raise invalid_fields(errors.fields, errors.codes, done="Nothing was changed")
    return {name: value for name, value in body.items() if value is not None}


def _fault(value: object) -> Fault | None:
    if not isinstance(value, str):
        return type_fault(value, "a string")
    if len(value) > MOST_CHARACTERS:
        words = f"is too long: {len(value)} characters, {MOST_CHARACTERS} are the most"
        return Fault(words, FaultCode.TOO_LONG)
    return unstorable(value)
