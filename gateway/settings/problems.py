"""What is wrong with a configuration, in plain words: one Problem for each fault, with its file, key and remedy.

Values are never shown where a secret may stand. What is a fault is decided by the sections and by settings.checks.
"""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.settings.types import Section

Path = tuple[str | int, ...]

_SECRET_KEYS = frozenset({"password", "secrets", "tokens"})
_KINDS = {
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}
# What was given instead of these is not shown: it may be a secret that stands one level too high.
_CONTAINERS = {
    "list_type": 'a list, such as ["..."]',
    "frozen_set_type": 'a list, such as ["..."]',
    "dict_type": "a table",
    "model_type": "a table",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: the file or environment variable it stands in, the key, and the reason with its remedy."""

    origin: str
    key: str
    reason: str

    def __str__(self) -> str:
        return f"{self.origin}: {self.key} {self.reason}" if self.key else f"{self.origin}: {self.reason}"


class ConfigurationError(Exception):
    """The configuration cannot be used. Its text names every problem at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        count = len(self.problems)
        told = f"The configuration cannot be used; {count} {'thing is' if count == 1 else 'things are'} wrong:"
        super().__init__("\n".join([told, *(f"- {problem}" for problem in self.problems)]))


@dataclass(frozen=True, slots=True)
class Fault:
    """A Problem whose origin is not looked up yet."""

    path: Path
    reason: str


def key_of(path: Path) -> str:
    """`carriers.telco.hosts[0]`, as one would say it; the first of a list is 0, as in the environment's JSON."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def section_in(annotation: Any) -> type[Section] | None:
    """The section that a field holds: itself, in a list or dict, or optional."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for part in get_args(annotation) if (found := section_in(part)) is not None), None)


def section_at(root: type[Section], path: Path) -> type[Section] | None:
    """The section whose keys stand under a path; None where there is none."""
    section: type[Section] | None = root
    steps = iter(path)
    for step in steps:
        field = section.model_fields.get(str(step)) if section is not None else None
        if field is None:
            return None
        if get_origin(field.annotation) in {dict, list}:
            next(steps, None)
        section = section_in(field.annotation)
    return section


def explain(error: ValidationError, root: type[Section]) -> Iterator[Fault]:
    """Every fault that pydantic found, in our words."""
    for details in error.errors(include_url=False):
        path = details["loc"]
        if path and path[-1] == "name" and path[0] in {"carriers", "accounts", "lanes"}:
            path = path[:-1]
        yield Fault(path, _reason(details, root))


def _reason(details: ErrorDetails, root: type[Section]) -> str:
    path, kind, context = details["loc"], details["type"], details.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "extra_forbidden":
        return _unknown_key(path, root)
    if kind == "missing":
        section = section_at(root, path[:-1])
        field = section.model_fields.get(str(path[-1])) if section is not None else None
        return f"is missing. {' '.join(field.description.split())}" if field and field.description else "is missing"
    if kind == "enum":
        return f"{_shown(details)}must be {context['expected']}"
    if kind in {"too_short", "too_long"}:
        return (
            "is empty; give at least one" if kind == "too_short" else f"has more than {context['max_length']} entries"
        )
    if kind in _CONTAINERS:
        return f"must be {_CONTAINERS[kind]}"
    if kind in _KINDS:
        return f"{_shown(details)}must be {_KINDS[kind]}"
    return details["msg"][:1].lower() + details["msg"][1:]


def _shown(details: ErrorDetails) -> str:
    """`is 'x', but ` for a plain value in a place where no secret stands."""
    value = details["input"]
    if _SECRET_KEYS.intersection(map(str, details["loc"])) or not isinstance(value, str | int | float):
        return ""
    return f"is {str(value).lower() if isinstance(value, bool) else repr(value)}, but "


def _unknown_key(path: Path, root: type[Section]) -> str:
    section = section_at(root, path[:-1])
    known = [name for name in section.model_fields if name != "name" or section.__name__ == "Route"] if section else []
    return unknown_key(str(path[-1]), known)


def unknown_key(key: str, known: Iterable[str]) -> str:
    """The reason for a key that is not among those known."""
    close = difflib.get_close_matches(key, known := list(known), n=1)
    if close:
        return f'is no key that Sluice knows; did you mean "{close[0]}"?'
    return f"is no key that Sluice knows; here it knows {', '.join(sorted(known))}"
