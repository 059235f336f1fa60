"""/problems/TYPE: what each problem means, what to do, and an example; as JSON, or as a small page for people.

The same stands in docs/problems, a page for each type: `python -m gateway.cli.problem_pages docs/problems` writes them.
"""

from html import escape
from textwrap import fill

from msgspec import json
from quart import Response, request
from werkzeug.exceptions import NotFound

from gateway.api.description.problem_causes import CAUSES
from gateway.api.description.problem_examples import PROBLEM_EXAMPLES
from gateway.api.problem_types import TYPES, ProblemType

CONTENT_SECURITY_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


async def problem_page(slug: str) -> Response:
    """The explanation of one type. Raises NotFound."""
    kind = TYPES.get(slug)
    if kind is None:
        raise NotFound
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        return Response(
            _html(kind),
            headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY},
            content_type="text/html; charset=utf-8",
        )
    document = {
        "type": f"/problems/{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "code": kind.code,
        "retryable": kind.retryable,
        "cause": CAUSES[slug],
        "explanation": kind.explanation,
        "example": PROBLEM_EXAMPLES[slug],
    }
    return Response(json.encode(document), content_type="application/json")


def markdown(kind: ProblemType) -> str:
    """The page of docs/problems."""
    return (
        f"# {kind.title}\n\n"
        f"{_filled(f'Status {kind.status}, `code` `{kind.code}`, `type` `/problems/{kind.slug}`. {_again(kind)}')}\n\n"
        f"## Cause\n\n{_filled(CAUSES[kind.slug])}\n\n"
        f"## What to do\n\n{_filled(kind.explanation)}\n\n"
        f"## Example\n\n```json\n{_example(kind)}\n```\n"
    )


def index() -> str:
    """docs/problems/README.md: all types in a table."""
    rows = sorted(TYPES.values(), key=lambda kind: (kind.status, kind.code))
    table = "\n".join(map(_row, rows))
    return (
        "# Problems\n\n"
        "Every error of the HTTP API is a problem document (RFC 9457). Its `type` is a page of the gateway, which says "
        "what stands here.\n`retryable` tells whether the same call may succeed later without any change to it.\n\n"
        f"| status | `code` | what to do | `retryable` |\n| --- | --- | --- | --- |\n{table}\n"
    )


def _row(kind: ProblemType) -> str:
    retry = "yes" if kind.retryable else "no"
    return f"| {kind.status} | [`{kind.code}`]({kind.slug}.md) | {kind.explanation} | {retry} |"


def _filled(words: str) -> str:
    return fill(words, 120, break_long_words=False, break_on_hyphens=False)


def _again(kind: ProblemType) -> str:
    if kind.retryable:
        return "The same call may succeed later."
    return "The same call will fail again until something is changed."


def _example(kind: ProblemType) -> str:
    return json.format(json.encode(PROBLEM_EXAMPLES[kind.slug]), indent=2).decode()


def _html(kind: ProblemType) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(kind.title)}</title>'
        f"<h1>{escape(kind.title)}</h1><p>Status {kind.status}, code <code>{kind.code}</code>. {_again(kind)}</p>"
        f"<h2>Cause</h2><p>{escape(CAUSES[kind.slug])}</p><h2>What to do</h2><p>{escape(kind.explanation)}</p>"
        f'<h2>Example</h2><pre>{escape(_example(kind))}</pre><p><a href="/docs">All calls</a></p></html>'
    )
