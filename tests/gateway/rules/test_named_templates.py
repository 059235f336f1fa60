from typing import Any

import pytest

from gateway.rules.faults import ItemErrors
from gateway.rules.named_templates import (
    MOST_CHARACTERS,
    MOST_FIELDS,
    MOST_LOCALES,
    NamedTemplate,
    check_template,
    from_json,
    to_json,
)
from gateway.rules.templates import Rendered

MANY = [f"a{first}{second}" for first in "abcdefgh" for second in "abcdefgh"][: MOST_LOCALES + 1]
CODE: dict[str, Any] = {
    "text": "Hi {first_name}, your code is {code}.",
    "locales": {"es": "Hola {first_name}, tu codigo es {code}.", "pt-BR": "Oi {first_name}: {code}"},
    "required": ["code"],
    "defaults": {"first_name": "there"},
}


def kept(**changes: Any) -> NamedTemplate:
    found = check_template({**CODE, **changes})
    assert isinstance(found, NamedTemplate), found
    return found


def codes(body: dict[str, Any]) -> dict[str, list[str]]:
    found = check_template(body)
    assert isinstance(found, ItemErrors)
    assert found.fields.keys() == found.codes.keys()
    return found.codes


def said(template: NamedTemplate, locale: str | None = None, **values: Any) -> str:
    rendered = template.wording(locale).render(values, "+34600000001")
    assert isinstance(rendered, Rendered), rendered
    return rendered.text


def test_a_text_is_enough() -> None:
    assert check_template({"text": "Hello"}) == NamedTemplate("Hello", {}, (), False, {})


def test_what_is_kept_comes_back_as_it_was() -> None:
    template = kept(defaults={"first_name": 5, "code": True}, required=[])
    assert from_json(to_json(template)) == template


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        (None, "Hi Bob, your code is 1."),
        ("es", "Hola Bob, tu codigo es 1."),
        ("es-MX", "Hola Bob, tu codigo es 1."),
        ("ES_mx", "Hola Bob, tu codigo es 1."),
        ("es-Latn-MX", "Hola Bob, tu codigo es 1."),
        ("pt-br", "Oi Bob: 1"),
        ("pt", "Hi Bob, your code is 1."),
        ("de", "Hi Bob, your code is 1."),
    ],
)
def test_a_language_falls_back_to_the_wider_one_and_then_to_the_text(locale: str | None, text: str) -> None:
    assert said(kept(), locale, first_name="Bob", code=1) == text


def test_a_default_stands_for_what_is_not_given() -> None:
    assert said(kept(), code=1) == said(kept(), code=1, first_name=None) == "Hi there, your code is 1."


def test_the_templates_default_goes_before_that_of_the_text() -> None:
    assert said(kept(text="Hi {first_name:you}{code:}", locales=None), code="") == "Hi there"


def test_what_is_required_has_to_be_given_even_where_the_text_could_do_without() -> None:
    template = kept(text="Code {code:none}, {first_name}", locales=None)
    found = template.wording().render({"first_name": []}, "+34600000001", at="")
    assert isinstance(found, ItemErrors)
    assert found.codes == {"code": ["missing"], "first_name": ["wrong_type"]}
    assert found.fields["code"] == ["is missing: the template requires it"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"text": None}, {"text": ["missing"]}),
        ({"text": 5}, {"text": ["wrong_type"]}),
        ({"text": ""}, {"text": ["empty"]}),
        ({"text": "Hi {"}, {"text": ["template_not_valid"]}),
        ({"text": "{a|b}"}, {"text": ["template_not_valid"]}),
        ({"text": "{a|b}" * 10, "spintax": True}, {"text": ["too_many_variants"]}),
        ({"text": "x" * 5_001}, {"text": ["too_long"]}),
        ({"text": "a\0b"}, {"text": ["nul"]}),
        ({"spintax": 1}, {"spintax": ["wrong_type"]}),
        ({"locales": []}, {"locales": ["wrong_type"]}),
        ({"locales": {"es": 5, "spanish!": "x", "fr": "{"}}, {
            "locales.es": ["wrong_type"], "locales.spanish!": ["not_a_locale"], "locales.fr": ["template_not_valid"],
        }),
        ({"locales": {"es-mx": "{code}", "es_MX": "{code}"}}, {"locales.es_MX": ["given_twice"]}),
        ({"locales": dict.fromkeys(MANY, "x")}, {"locales": ["too_long"]}),
        ({"locales": dict.fromkeys(MANY[:5], "x" * (MOST_CHARACTERS // 5))}, {"locales": ["too_long"]}),
        ({"required": "code"}, {"required": ["wrong_type"]}),
        ({"required": ["code", 5]}, {"required": ["wrong_type"]}),
        ({"required": ["cod"]}, {"required": ["unknown_variable"]}),
        ({"required": ["not a name"]}, {"required": ["template_not_valid"]}),
        ({"required": ["code"] * (MOST_FIELDS + 1)}, {"required": ["too_long"]}),
        ({"defaults": ["code"]}, {"defaults": ["wrong_type"]}),
        ({"defaults": {"code": "1"}}, {"defaults.code": ["given_twice"]}),
        ({"defaults": {"cod": "1", "first_name": None}}, {
            "defaults.cod": ["unknown_variable"], "defaults.first_name": ["wrong_type"],
        }),
        ({"defaults": {f"a{n}": 1 for n in range(MOST_FIELDS + 1)}}, {"defaults": ["too_long"]}),
        ({"txt": "x"}, {"txt": ["unknown_field"]}),
        ({"\ud800" + "x" * 50: "x"}, {"?" + "x" * 39: ["unknown_field"]}),
    ],
)  # fmt: skip
def test_each_wrong_field_is_named(changes: dict[str, Any], expected: dict[str, list[str]]) -> None:
    assert codes({**CODE, **changes}) == expected


def test_null_is_as_good_as_absent() -> None:
    nothing = dict.fromkeys(["locales", "required", "spintax", "defaults"])
    assert check_template({"text": "Hello", **nothing}) == check_template({"text": "Hello"})


def test_fields_are_those_of_all_texts() -> None:
    template = kept(text="{b} {a|x}", locales={"es": "{c}"}, required=[], defaults={}, spintax=True)
    assert (template.fields, template.variants) == (["b", "c"], 2)
