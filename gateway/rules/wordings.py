"""How a message's text is asked for: as it stands, as a text with variables, or by a template's name. Pure.

`text` with `variables`, or with `spintax`, is a template; so is what stands under the name in `template`. Whatever else
is asked of a message is gateway.rules.checks'.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.rules.named_templates import NAME, NamedTemplate, Wording, check_locale
from gateway.rules.templates import Rendered, text_fault
from gateway.rules.values import shown, type_fault

FIELDS = frozenset({"template", "variables", "spintax", "locale"})
MOST_VARIABLES = 200
_NO_VALUES: Mapping[str, Any] = {}


def is_worded(get: Callable[[str], Any]) -> bool:
    """Whether the text is to be rendered, or should be refused as if it were; else it goes as it stands."""
    return (
        get("template") is not None
        or get("variables") is not None
        or get("locale") is not None
        or get("spintax") not in (None, False)
    )


def worded(
    get: Callable[[str], Any], seed: str, templates: Mapping[str, NamedTemplate], errors: ItemErrors
) -> Rendered | None:
    """The text for this recipient, whose number is the seed; None: what stands against it is told."""
    before = len(errors.fields)
    values = _values(get("variables"), errors)
    wording = read_wording(get, templates, errors)
    if wording is None or len(errors.fields) > before:
        return None
    rendered = wording.render(values, seed)
    if isinstance(rendered, Rendered):
        return rendered
    for name, words in rendered.fields.items():
        told = "template" if name == "text" and get("template") is not None else name
        errors.fields[told], errors.codes[told] = words, rendered.codes[name]
    return None


def read_wording(
    get: Callable[[str], Any], templates: Mapping[str, NamedTemplate], errors: ItemErrors
) -> Wording | None:
    """What is to be rendered, by `text`, `template`, `locale` and `spintax`; None: what stands against it is told."""
    text, name, locale, spintax = get("text"), get("template"), get("locale"), get("spintax")
    if spintax is not None and type(spintax) is not bool:
        errors.add("spintax", type_fault(spintax, "true or false"))
    elif spintax is not None and name is not None:
        errors.add("spintax", Fault("is the template's own to say; leave it out", FaultCode.NOT_WITH_TEMPLATE))
    checked = None if locale is None else check_locale(locale)
    if isinstance(checked, Fault):
        errors.add("locale", checked)
    elif locale is not None and name is None:
        errors.add("locale", Fault("needs a template, which may have several", FaultCode.NEEDS_TEMPLATE))
    if name is None:
        return _of_text(text, spintax is True, errors)
    if text is not None and type(name) is str:
        errors.add("text", Fault("stands beside a template: give one of them", FaultCode.NOT_WITH_TEMPLATE))
    found = _named(name, templates)
    if isinstance(found, Fault):
        errors.add("template", found)
        return None
    return None if isinstance(checked, Fault) else found.wording(checked)


def _of_text(text: Any, spintax: bool, errors: ItemErrors) -> Wording | None:
    fault = text_fault(text, spintax=spintax)
    if fault is not None:
        errors.add("text", fault)
        return None
    return Wording(text, spintax)


def _named(name: Any, templates: Mapping[str, NamedTemplate]) -> NamedTemplate | Fault:
    if type(name) is not str:
        return type_fault(name, "a string")
    found = templates.get(name)
    if found is not None:
        return found
    words = f"'{shown(name)}' is no template of this account" if NAME.fullmatch(name) else "is no template's name"
    return Fault(f"{words}; PUT /v1/templates/{{name}} keeps one", FaultCode.UNKNOWN_TEMPLATE)


def _values(value: Any, errors: ItemErrors) -> Mapping[str, Any]:
    """The variables, of which only those that the text uses are looked at."""
    if value is None:
        return _NO_VALUES
    if type(value) is not dict:
        errors.add("variables", type_fault(value, 'an object, such as {"first_name": "Alice"}'))
        return _NO_VALUES
    if len(value) > MOST_VARIABLES:
        words = f"has {len(value):,} entries, {MOST_VARIABLES} are the most"
        errors.add("variables", Fault(words, FaultCode.TOO_LONG))
        return _NO_VALUES
    return value
