"""/docs: the calls as one self-contained page, rendered from the OpenAPI document: no other host, no script."""

import base64
import hashlib
import json
from html import escape
from typing import Any

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--mark:#2a6f4e}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1,h2{line-height:1.2}section{border-top:1px solid var(--line);padding:.5rem 0}
code,pre{font:14px/1.45 ui-monospace,monospace}
pre{background:var(--soft);padding:.75rem;overflow:auto;border-radius:6px}
.method{color:var(--mark);font-weight:700}table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;border-bottom:1px solid var(--line);padding:.25rem .75rem .25rem 0}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing but the page's own style, by its digest."""


def docs_page(document: dict[str, Any]) -> str:
    """The page for an OpenAPI document of this gateway."""
    info = document["info"]
    calls = [
        (method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]
    schemas = document["components"]["schemas"]
    index = "".join(f"<li>{_link(method, path, operation)}</li>" for method, path, operation in calls)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(info['title'])}: the API</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(info['title'])}</h1><p>{_prose(info['description'])}</p>"
        f'<p>The same for machines: <a href="/openapi.json">/openapi.json</a>.</p>'
        f"<h2>Calls</h2><ul>{index}</ul>{''.join(_section(*call, schemas) for call in calls)}</body></html>"
    )


def _link(method: str, path: str, operation: dict[str, Any]) -> str:
    call = f'<a href="#{escape(operation["operationId"])}"><code>{method} {escape(path)}</code></a>'
    return f"{call} {_prose(operation['summary'])}"


def _section(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    parts = [
        f'<section id="{escape(operation["operationId"])}">',
        f'<h2><code><span class="method">{method}</span> {escape(path)}</code></h2>',
        f"<p>{_prose(operation['summary'])}. {_prose(operation.get('description', 'Open to anyone.'))}</p>",
        _parameters(operation.get("parameters", [])),
    ]
    if "requestBody" in operation:
        bodies = operation["requestBody"]["content"]
        media = bodies.get("application/json")
        parts.append("<h3>You send</h3>")
        parts.append(
            _lines(bodies) if media is None else f"{_example(media['example'])}{_fields(media['schema'], schemas)}"
        )
    for status, answer in operation["responses"].items():
        content = answer.get("content", {})
        media = content.get("application/json")
        parts.append(f"<h3>{escape(status)}</h3><p>{_prose(answer['description'])}</p>")
        if media is not None:
            parts.append(_example(media["example"]))
        else:
            parts.append(_lines(content))
        problems = content.get("application/problem+json", {}).get("examples", {})
        parts.extend(_example(problem["value"]) for problem in problems.values())
    return "".join(parts) + "</section>"


def _parameters(parameters: list[dict[str, Any]]) -> str:
    if not parameters:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(parameter['name'])}</code></td><td>{escape(parameter['in'])}</td>"
        f"<td>{_prose(parameter.get('description', ''))}</td></tr>"
        for parameter in parameters
    )
    return f"<table><tr><th>Parameter</th><th>In</th><th>Meaning</th></tr>{rows}</table>"


def _fields(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    reference = schema.get("$ref") or schema.get("items", {}).get("$ref", "")
    described = schemas[reference.rpartition("/")[2]]
    needed = described.get("required", [])
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{'needed' if name in needed else ''}</td>"
        f"<td>{_prose(field.get('description', ''))}</td></tr>"
        for name, field in described["properties"].items()
    )
    return f"<table><tr><th>Field</th><th></th><th>Meaning</th></tr>{rows}</table>"


def _example(value: Any) -> str:
    return f"<pre>{escape(json.dumps(value, ensure_ascii=False, indent=2))}</pre>"


def _lines(content: dict[str, Any]) -> str:
    """A body that is lines of JSON."""
    return "".join(
        f"<pre>{escape(media['example'])}</pre>" for kind, media in content.items() if kind.endswith("ndjson")
    )


def _prose(text: str) -> str:
    """Escaped, with what stands in backticks as code."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces))
