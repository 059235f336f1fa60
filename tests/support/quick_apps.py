"""Apps are built by the thousand in these tests, and most of what that takes is the same for each, or never asked for.

Only the making is put off or kept: what an app answers stays what it would be.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import msgspec
from werkzeug.routing import Rule

from gateway.api import app as callers_app

_compiled = Rule._compile_builder
_rendered = callers_app.docs_page


@contextmanager
def quickly_built() -> Iterator[None]:
    """Meanwhile apps of this process are built so."""
    with patch.object(Rule, "_compile_builder", _on_demand), patch.object(callers_app, "docs_page", _rendered_once()):
        yield


def _on_demand(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
    """What makes a path out of a rule's variables is compiled once a path is asked for, which is seldom."""

    def build(bound: Rule, **values: Any) -> tuple[str, str]:
        return _compiled(rule, append_unknown)(bound, **values)

    return build


def _rendered_once() -> Callable[[dict[str, Any]], str]:
    """The page of a document that had one before is the same page."""
    pages: dict[bytes, str] = {}

    def docs_page(document: dict[str, Any]) -> str:
        key = msgspec.json.encode(document)
        if key not in pages:
            pages[key] = _rendered(document)
        return pages[key]

    return docs_page
