"""A problem document (RFC 9457), raised anywhere in a call to end it. Its types are in problem_types.py."""

from typing import Any

from msgspec import json
from quart import Response

from gateway import identifiers
from gateway.api.problem_types import BODY_TOO_LARGE, INVALID_FIELDS, NOT_FOUND, ProblemType

CONTENT_TYPE = "application/problem+json"

Messages = dict[str, list[str]]
"""Sentences, or codes, by field."""


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it so
    """Raised anywhere in a call to end it with a problem document. `detail` must hold no text, token or full number."""

    def __init__(
        self,
        kind: ProblemType,
        detail: str,
        *,
        fields: Messages | None = None,
        codes: Messages | None = None,
        members: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        retryable: bool | None = None,
    ) -> None:
        """`retryable`: where it is not as with the others of its kind."""
        super().__init__(kind.slug)
        self.kind = kind
        self.retryable = kind.retryable if retryable is None else retryable
        self.detail = detail
        self.fields = fields
        self.codes = codes
        self.members = members or {}
        self.headers = headers or {}

    def response(self, request_id: int) -> Response:
        """The problem document, to be answered."""
        return Response(self.body(request_id), self.kind.status, self.headers, content_type=CONTENT_TYPE)

    def body(self, request_id: int) -> bytes:
        """The problem document, rendered."""
        document: dict[str, Any] = {
            "type": f"/problems/{self.kind.slug}",
            "title": self.kind.title,
            "status": self.kind.status,
            "code": self.kind.code,
            "detail": self.detail,
            "retryable": self.retryable,
            "request_id": identifiers.public(identifiers.REQUEST, request_id),
        }
        if self.fields is not None:
            document["fields"] = self.fields
            document["codes"] = self.codes or {}
        document.update(self.members)
        return json.encode(document)


def invalid_fields(fields: Messages, codes: Messages, *, done: str = "Nothing was accepted") -> Problem:
    """A 422 that names each field."""
    count = len(fields)
    detail = f"{done}. Correct {count} field{'s' if count != 1 else ''} and send again."
    return Problem(INVALID_FIELDS, detail, fields=fields, codes=codes)


def invalid_field(name: str, sentence: str, code: str) -> Problem:
    """A 422 for one field or parameter of a call that is no submission."""
    return invalid_fields({name: [sentence]}, {name: [code]}, done="Nothing was done")


def body_too_large(limit: int, hint: str = "") -> Problem:
    """A 413 of a body of more than `limit` octets. `hint`: what to do instead."""
    words = f"The body is larger than {limit:,} bytes{hint}."
    return Problem(BODY_TOO_LARGE, words, members={"limit_bytes": limit})


def not_found(what: str) -> Problem:
    """A 404 that does not tell whether the thing is another account's."""
    return Problem(NOT_FOUND, f"This account has no {what} with this id.")


def not_found_anywhere(what: str) -> Problem:
    """A 404 to an operator, who asks about all accounts."""
    return Problem(NOT_FOUND, f"There is no {what} with this id.")
