"""Templates and static files: read once at the start, from the package; a static file's URL holds its digest."""

import hashlib
from importlib.resources import files
from typing import Any, NamedTuple

from jinja2 import DictLoader, Environment, StrictUndefined

from gateway.console.plots import written
from gateway.console.visible import finalized

_PACKAGE = files("gateway.console")
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


class StaticFile(NamedTuple):
    octets: bytes
    content_type: str
    digest: str


def static_files() -> dict[str, StaticFile]:
    """All of the package, by their names."""
    found = {}
    for file in (_PACKAGE / "static").iterdir():
        suffix = file.name[file.name.rfind(".") :]
        if suffix in _TYPES:
            octets = file.read_bytes()
            found[file.name] = StaticFile(octets, _TYPES[suffix], hashlib.sha256(octets).hexdigest()[:16])
    return found


class Templates:
    """Renders HTML; what a template is given shows as text, whatever it holds."""

    def __init__(self, static: dict[str, StaticFile]) -> None:
        self._static = static
        sources = {file.name: file.read_text("utf-8") for file in (_PACKAGE / "templates").iterdir() if file.is_file()}
        self._sources = sources
        self._environment = Environment(
            loader=DictLoader(sources),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=finalized,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
        )
        self._environment.globals["static"] = self._url
        self._environment.filters.update(clock=clock, written=written)

    def render(self, template: str, context: dict[str, Any]) -> str:
        return self._environment.get_template(template).render(context)

    def add(self, name: str, source: str) -> None:
        """One that is not in the package."""
        self._sources[name] = source

    def _url(self, name: str) -> str:
        return f"/console/static/{self._static[name].digest}/{name}"


def clock(at: str) -> str:
    """A time of RFC 3339 in UTC as people read it: `2026-11-22 18:04:05`."""
    return at[:19].replace("T", " ")
