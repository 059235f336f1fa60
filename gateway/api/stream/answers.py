"""What is answered to the lines of a stream: a line of JSON each, in their order."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway import identifiers
from gateway.api import problem_types
from gateway.api.account.limits import limit_problem
from gateway.api.problems import Problem
from gateway.api.refusals import Refusals
from gateway.api.repeats import key_reused
from gateway.flows.accept_lines import Again, LinesOutcome
from gateway.flows.accept_outcomes import ItemError
from gateway.flows.entities import Entity
from gateway.store.interface import LimitReached, StoreBusy, StoreFull

Unset = msgspec.UnsetType
_UNSET = msgspec.UNSET


class LineError(msgspec.Struct):
    """Why a line was not accepted: as the problem of a single message has it."""

    client_id: str | None
    code: str
    detail: str
    retryable: bool
    retry_after: int | Unset = _UNSET
    """Seconds."""
    fields: dict[str, list[str]] | Unset = _UNSET
    codes: dict[str, list[str]] | Unset = _UNSET
    limited_by: str | Unset = _UNSET
    limit: int | Unset = _UNSET


class AcceptedLine(msgspec.Struct):
    """Its message is on disk."""

    line: int
    submission_id: str
    entity: Entity
    replayed: bool | Unset = _UNSET


class RefusedLine(msgspec.Struct):
    line: int
    error: LineError
    replayed: bool | Unset = _UNSET


class Closing(msgspec.Struct):
    """Why the gateway takes no more lines."""

    code: str
    detail: str
    retryable: bool


class ClosingLine(msgspec.Struct):
    closing: Closing


_encode = msgspec.json.Encoder().encode
_encode_lines = msgspec.json.Encoder().encode_lines


def answers_of(
    outcome: LinesOutcome, refusals: Refusals, client_ids: Mapping[int, str | None], wrong: Mapping[int, Problem]
) -> bytes:
    """The answers, rendered. `client_ids`: of lines that no rule refused; `wrong`: the lines that hold no JSON."""
    submission_id = identifiers.public(identifiers.SUBMISSION, outcome.submission)
    if not (outcome.errors or outcome.again or outcome.no_room or outcome.reused or wrong):
        return _encode_lines([_accepted(entity, submission_id) for entity in outcome.entities])
    told: dict[Any, AcceptedLine | RefusedLine] = {
        entity.index: _accepted(entity, submission_id) for entity in outcome.entities
    }
    for error in outcome.errors:
        told[error.index] = RefusedLine(error.index, _fields(error))
    for number, first in outcome.again.items():
        told[number] = _again(number, first, client_ids.get(number))
    if outcome.refusal is not None:
        problem = problem_of(outcome.refusal, refusals)
        for number in outcome.no_room:
            told[number] = _refused(number, problem, client_ids.get(number))
    for number in outcome.reused:
        told[number] = _refused(number, key_reused(), client_ids.get(number))
    told |= {number: _refused(number, problem, None) for number, problem in wrong.items()}
    return _encode_lines([told[number] for number in sorted(told)])


def all_refused(problem: Problem, client_ids: Mapping[int, str | None], wrong: Mapping[int, Problem]) -> bytes:
    """One answer to all lines but those that hold no JSON."""
    told = {number: _refused(number, problem, client_id) for number, client_id in client_ids.items()}
    told |= {number: _refused(number, fault, None) for number, fault in wrong.items()}
    return _encode_lines([told[number] for number in sorted(told)])


def _refused(number: int, problem: Problem, client_id: str | None) -> RefusedLine:
    after = problem.headers.get("Retry-After")
    members = problem.members
    error = LineError(
        client_id,
        problem.kind.code,
        problem.detail,
        problem.retryable,
        _UNSET if after is None else int(after),
        limited_by=members.get("limited_by", _UNSET),
        limit=members.get("limit", _UNSET),
    )
    return RefusedLine(number, error)


def closing_line(problem: Problem) -> bytes:
    """The last line, where it is the gateway that ends the stream."""
    return _encode(ClosingLine(Closing(problem.kind.code, problem.detail, problem.retryable))) + b"\n"


def problem_of(refusal: LimitReached | StoreFull | StoreBusy, refusals: Refusals) -> Problem:
    """What lines are told that found no room."""
    return limit_problem(refusal) if isinstance(refusal, LimitReached) else refusals.problem_of(refusal)


def _accepted(entity: Entity, submission_id: str) -> AcceptedLine:
    number: Any = entity.index
    entity.index = _UNSET
    return AcceptedLine(number, submission_id, entity)


def _fields(error: ItemError) -> LineError:
    detail = f"Not accepted. Correct {len(error.fields)} field{'s' if len(error.fields) != 1 else ''} and send it anew."
    kind = problem_types.INVALID_FIELDS
    return LineError(error.client_id, kind.code, detail, kind.retryable, _UNSET, error.fields, error.codes)


def _again(number: int, first: Again, client_id: str | None) -> AcceptedLine | RefusedLine:
    if first.entity is not None:
        submission_id = identifiers.public(identifiers.SUBMISSION, first.submission)
        told: AcceptedLine | RefusedLine = _accepted(first.entity, submission_id)
    elif first.error is not None:
        told = RefusedLine(number, _fields(first.error))
    else:
        detail = "This line came before, and the message that it was is no longer kept. Nothing was accepted now."
        told = _refused(number, Problem(problem_types.FIRST_ANSWER_ERASED, detail), client_id)
    told.replayed = True
    return told
