"""The calls about opt-outs and opt-ins, as description/operations.py lists them: the same for both."""

from typing import Any, NamedTuple

from gateway.api import problem_types
from gateway.api.consents import schemas
from gateway.api.description.operation import AGAIN, BODY, CURSOR, LIMIT, REPEATED, Answer, Operation, Parameter
from gateway.settings import Scope

SENDER = Parameter("sender", {"type": "string"}, "Only what is about this sender alone.")
FORMAT = Parameter("format", {"type": "string", "enum": ["csv", "ndjson"], "default": "csv"}, "What it comes as.")
_CSV = "number,sender,at,source,evidence\n+34600000001,,2025-05-24T09:30:00.000Z,web form,form 8841\n"
_NDJSON = '{"number": "+34600000001", "source": "web form"}\n"+34600000002"\n'


class _Kind(NamedTuple):
    name: str
    path: str
    put: str
    one: Any
    of_number: Any
    page: Any
    what: str


_KINDS = (
    _Kind(
        "opt_out",
        "/v1/opt-outs",
        "Write to a number no more, in lanes that respect opt-outs",
        schemas.OptOut,
        schemas.NumbersOptOuts,
        schemas.OptOutList,
        "opt-outs",
    ),
    _Kind(
        "opt_in",
        "/v1/opt-ins",
        "Note that somebody agreed to be written to, for lanes that require it",
        schemas.OptIn,
        schemas.NumbersOptIns,
        schemas.OptInList,
        "opt-ins",
    ),
)


def _operations(kind: _Kind) -> tuple[Operation, ...]:
    name, path = kind.name, kind.path
    return (
        Operation(
            f"list_{name}s",
            "GET",
            path,
            Scope.OPT_OUTS,
            f"List {kind.what}, by number",
            (Answer(200, kind.page, "One page."),),
            (problem_types.INVALID_FIELDS,),
            query=(LIMIT, CURSOR),
        ),
        Operation(
            f"export_{name}s",
            "GET",
            f"{path}/export",
            Scope.OPT_OUTS,
            f"All {kind.what} as a file",
            (
                Answer(
                    200,
                    None,
                    "All of them, by number; an import takes the same.",
                    others={"text/csv": _CSV, "application/x-ndjson": _NDJSON},
                ),
            ),
            (problem_types.INVALID_FIELDS,),
            query=(FORMAT,),
        ),
        Operation(
            f"import_{name}s",
            "POST",
            f"{path}/import",
            Scope.OPT_OUTS,
            f"Keep many {kind.what}. What is kept already stays as it is, so a repeat does no harm",
            (Answer(200, schemas.Imported, "All that is right is kept.", AGAIN),),
            (problem_types.INVALID_FIELDS, problem_types.NOT_AN_ARRAY, problem_types.TOO_MANY_ITEMS, *BODY, *REPEATED),
            list[schemas.ImportedConsent],
            keyed=True,
            other_bodies={"text/csv": _CSV, "application/x-ndjson": _NDJSON},
        ),
        Operation(
            f"put_{name}",
            "PUT",
            f"{path}/{{number}}",
            Scope.OPT_OUTS,
            kind.put,
            (
                Answer(201, kind.one, "It is kept."),
                Answer(200, kind.one, "It is kept in the place of an earlier one of the same number and sender."),
            ),
            (problem_types.INVALID_FIELDS, problem_types.NOT_AN_OBJECT, problem_types.STORE_BUSY, *BODY),
            schemas.NewConsent,
        ),
        Operation(
            f"get_{name}",
            "GET",
            f"{path}/{{number}}",
            Scope.OPT_OUTS,
            f"The {kind.what} of a number",
            (Answer(200, kind.of_number, "Those that there are."),),
            (problem_types.NOT_FOUND, problem_types.INVALID_FIELDS),
        ),
        Operation(
            f"delete_{name}",
            "DELETE",
            f"{path}/{{number}}",
            Scope.OPT_OUTS,
            f"Forget the {kind.what} of a number, or that of one sender",
            (Answer(204, None, "They are gone."),),
            (problem_types.NOT_FOUND, problem_types.INVALID_FIELDS, problem_types.STORE_BUSY),
            query=(SENDER,),
        ),
    )


CONSENT_OPERATIONS = tuple(operation for kind in _KINDS for operation in _operations(kind))
