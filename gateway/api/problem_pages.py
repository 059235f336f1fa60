"""/problems/TYPE: what each problem means and what to do, as JSON, or as a small page for people."""

from html import escape

from msgspec import json
from quart import Response, request
from werkzeug.exceptions import NotFound

from gateway.api.problems import TYPES

CONTENT_SECURITY_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


async def problem_page(slug: str) -> Response:
    """The explanation of one type. Raises NotFound."""
    kind = TYPES.get(slug)
    if kind is None:
        raise NotFound
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        again = (
            "The same call may succeed later."
            if kind.retryable
            else "The same call will fail again until something is changed."
        )
        page = (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(kind.title)}</title>'
            f"<h1>{escape(kind.title)}</h1>"
            f"<p>Status {kind.status}, code <code>{kind.code}</code>. {again}</p><p>{escape(kind.explanation)}</p>"
            '<p><a href="/docs">All calls</a></p></html>'
        )
        return Response(
            page, headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY}, content_type="text/html; charset=utf-8"
        )
    document = {
        "type": f"/problems/{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "code": kind.code,
        "retryable": kind.retryable,
        "explanation": kind.explanation,
    }
    return Response(json.encode(document), content_type="application/json")
