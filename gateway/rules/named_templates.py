"""Named templates of an account: what `PUT /v1/templates/{name}` may hold, and the wording that a locale gets. Pure.

How a text is read and rendered is gateway.rules.templates'; where they are kept, gateway.flows.templates'.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.rules.template_syntax import field_fault
from gateway.rules.templates import Rendered, Template, parse_template, text_fault, written_value
from gateway.rules.values import shown, type_fault

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
LOCALE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")
MOST_LOCALES = 50
MOST_FIELDS = 100
"""In `required`, and in `defaults`."""
MOST_CHARACTERS = 20_000
"""Of all its texts together."""
FIELDS = ("text", "locales", "required", "spintax", "defaults")
Value = str | int | float | bool
_MOST_UNKNOWN_TOLD = 20


class Wording(msgspec.Struct, frozen=True, omit_defaults=True):
    """A template's text in one language, with all that rendering it needs: a campaign keeps it as it was then."""

    text: str
    spintax: bool = False
    required: tuple[str, ...] = ()
    """Fields that have to be given, whatever the text has."""
    defaults: dict[str, Value] = {}

    def template(self) -> Template | Fault:
        return parse_template(self.text, spintax=self.spintax)

    def render(self, values: Mapping[str, Any], seed: str, *, at: str = "variables.") -> Rendered | ItemErrors:
        """As Template.render does, with the defaults, and nothing required left out."""
        template = self.template()
        if isinstance(template, Fault):
            return ItemErrors.of("text", template)
        errors = ItemErrors()
        self.require(values, errors, at=at)
        rendered = template.render(self.filled(values), seed, at=at)
        if not errors.fields:
            return rendered
        if isinstance(rendered, ItemErrors):
            errors.fields, errors.codes = {**rendered.fields, **errors.fields}, {**rendered.codes, **errors.codes}
        return errors

    def require(self, values: Mapping[str, Any], errors: ItemErrors, *, at: str = "variables.") -> None:
        """Tell what is required and not given."""
        for name in self.required:
            if values.get(name) is None:
                errors.add(at + name, Fault("is missing: the template requires it", FaultCode.MISSING))

    def filled(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The values, with the defaults of those that are not given."""
        if not self.defaults:
            return values
        return {**self.defaults, **{name: value for name, value in values.items() if value is not None}}


class NamedTemplate(msgspec.Struct, frozen=True):
    """What is kept under a name."""

    text: str
    locales: dict[str, str]
    required: tuple[str, ...]
    spintax: bool
    defaults: dict[str, Value]

    def wording(self, locale: str | None = None) -> Wording:
        """In the language asked for, else in the one that it belongs to (`es-MX`: `es`), else its own text."""
        text = self.text
        if locale is not None:
            by_locale = {_folded(name): text for name, text in self.locales.items()}
            subtags = _folded(locale).split("-")
            while subtags:
                found = by_locale.get("-".join(subtags))
                if found is not None:
                    text = found
                    break
                subtags.pop()
        return Wording(text, self.spintax, self.required, self.defaults)

    @property
    def fields(self) -> list[str]:
        """All that its texts have, in alphabetical order."""
        return sorted(_fields_of([self.text, *self.locales.values()], spintax=self.spintax))

    @property
    def variants(self) -> int:
        """Of its own text."""
        template = parse_template(self.text, spintax=self.spintax)
        return template.variants if isinstance(template, Template) else 1


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(NamedTemplate).decode


def to_json(template: NamedTemplate) -> str:
    return _encode(template).decode()


def from_json(kept: str) -> NamedTemplate:
    return _decode(kept)


def check_locale(value: Any) -> str | Fault:
    if type(value) is not str:
        return type_fault(value, "a string")
    if not LOCALE.fullmatch(value):
        return Fault("is no locale; write it as es or es-MX", FaultCode.NOT_A_LOCALE)
    return value


def check_template(body: Mapping[str, Any]) -> NamedTemplate | ItemErrors:
    """A template from the members of a body, or all that is wrong with them."""
    errors = ItemErrors()
    for name in [name for name in body if name not in FIELDS][:_MOST_UNKNOWN_TOLD]:
        words = f"is not a field of a template: it takes {', '.join(FIELDS)}"
        errors.add(shown(name), Fault(words, FaultCode.UNKNOWN_FIELD))
    spintax = body.get("spintax")
    if spintax is not None and type(spintax) is not bool:
        errors.add("spintax", type_fault(spintax, "true or false"))
    is_spun = spintax is True
    text = _text(body.get("text"), "text", errors, spintax=is_spun)
    locales = _locales(body.get("locales"), errors, spintax=is_spun)
    texts = [text, *locales.values()]
    if sum(map(len, texts)) > MOST_CHARACTERS:
        has = f"{sum(map(len, texts)):,} characters with the template's own text"
        words = f"are too long together: {has}, {MOST_CHARACTERS:,} are the most"
        errors.add("locales", Fault(words, FaultCode.TOO_LONG))
    # What its texts have is known only once they can be read.
    known = None if errors.fields else _fields_of(texts, spintax=is_spun)
    required = _required(body.get("required"), known, errors)
    defaults = _defaults(body.get("defaults"), known, required, errors)
    return errors if errors.fields else NamedTemplate(text, locales, required, is_spun, defaults)


def _text(value: Any, name: str, errors: ItemErrors, *, spintax: bool) -> str:
    fault = text_fault(value, spintax=spintax)
    if fault is not None:
        errors.add(name, fault)
    return value if type(value) is str else ""


def _locales(value: Any, errors: ItemErrors, *, spintax: bool) -> dict[str, str]:
    if value is None:
        return {}
    if type(value) is not dict:
        errors.add("locales", type_fault(value, 'an object, such as {"es": "Hola {name}"}'))
        return {}
    if len(value) > MOST_LOCALES:
        errors.add("locales", _too_many(len(value), MOST_LOCALES))
        return {}
    found: dict[str, str] = {}
    for name, text in value.items():
        at = f"locales.{shown(name)}"
        locale = check_locale(name)
        if isinstance(locale, Fault):
            errors.add(at, locale)
        elif _folded(name) in map(_folded, found):
            errors.add(at, Fault("is given twice, written otherwise", FaultCode.GIVEN_TWICE))
        else:
            found[name] = _text(text, at, errors, spintax=spintax)
    return found


def _required(value: Any, known: frozenset[str] | None, errors: ItemErrors) -> tuple[str, ...]:
    if value is None:
        return ()
    if type(value) is not list:
        errors.add("required", type_fault(value, 'an array of names, such as ["first_name"]'))
        return ()
    if any(type(name) is not str for name in value):
        errors.add("required", Fault("must hold nothing but names of fields, as strings", FaultCode.WRONG_TYPE))
        return ()
    if len(value) > MOST_FIELDS:
        errors.add("required", _too_many(len(value), MOST_FIELDS))
        return ()
    for name in dict.fromkeys(value):
        fault = _name_fault(name, known)
        if fault is not None:
            errors.add("required", fault)
    return tuple(dict.fromkeys(value))


def _defaults(
    value: Any, known: frozenset[str] | None, required: tuple[str, ...], errors: ItemErrors
) -> dict[str, Value]:
    if value is None:
        return {}
    if type(value) is not dict:
        errors.add("defaults", type_fault(value, 'an object, such as {"first_name": "there"}'))
        return {}
    if len(value) > MOST_FIELDS:
        errors.add("defaults", _too_many(len(value), MOST_FIELDS))
        return {}
    for name, default in value.items():
        written = type_fault(None, "a string, a number, true or false") if default is None else written_value(default)
        fault = _name_fault(name, known) or (written if isinstance(written, Fault) else None)
        if fault is None and name in required:
            fault = Fault("is required, so that its default is never used: take one of them out", FaultCode.GIVEN_TWICE)
        if fault is not None:
            errors.add(f"defaults.{shown(name)}", fault)
    return value


def _name_fault(name: str, known: frozenset[str] | None) -> Fault | None:
    fault = field_fault(name)
    if fault is None and known is not None and name not in known:
        return Fault(f"'{name}' is in none of the texts", FaultCode.UNKNOWN_VARIABLE)
    return fault


def _fields_of(texts: list[str], *, spintax: bool) -> frozenset[str]:
    read = (parse_template(text, spintax=spintax) for text in texts)
    return frozenset().union(*(template.fields for template in read if isinstance(template, Template)))


def _folded(locale: str) -> str:
    return locale.lower().replace("_", "-")


def _too_many(has: int, most: int) -> Fault:
    return Fault(f"has {has:,} entries, {most} are the most", FaultCode.TOO_LONG)
