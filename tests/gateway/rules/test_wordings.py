"""How a message asks for its text, through the check of the whole item."""

from typing import Any

import pytest

from gateway.rules.checks import Checked, ItemCheck
from gateway.rules.faults import ItemErrors
from gateway.rules.named_templates import NamedTemplate
from gateway.rules.routing import Router
from gateway.settings import Account, Lane, Route

NOW = 1_795_284_245_123  # 2026-11-21T18:04:05.123Z
TO = {"to": "+34600000001"}
MISSING = ["missing"]
TEMPLATES = {
    "code": NamedTemplate("Hi {name}, code {code}", {"es": "Hola {name}: {code}"}, ("code",), False, {"name": "you"}),
    "spun": NamedTemplate("{Hello|Hi} {name}", {}, (), True, {}),
    "accents": NamedTemplate("Привет {name}", {}, (), False, {}),
}


def an_item_check() -> ItemCheck:
    settings = {"name": "shop", "senders": ["SHOP"], "default_sender": "SHOP"}
    return ItemCheck(
        Account.model_validate(settings),
        lanes={"transactional": Lane.model_validate({"name": "transactional", "priority": 2, "validity": "24h"})},
        router=Router([Route.model_validate({"name": "rest", "tiers": ["telco"]})]),
        schedule_ahead=86_400.0,
        longest_validity=86_400.0,
        url_refusal=lambda url: None,
        message_tlvs={},
        templates=TEMPLATES,
    )


def good(**item: Any) -> Checked:
    found = an_item_check().check(TO | item, NOW)
    assert isinstance(found, Checked), found
    return found


def wrong(**item: Any) -> dict[str, list[str]]:
    """The codes by field."""
    found = an_item_check().check(TO | item, NOW)
    assert isinstance(found, ItemErrors), found
    assert found.fields.keys() == found.codes.keys()
    return found.codes


@pytest.mark.parametrize("text", ["Hi {name}", "{a|b}", "{{x}}", "}{", "{"])
@pytest.mark.parametrize("further", [{}, {"spintax": False}, {"variables": None, "template": None}])
def test_braces_in_a_plain_text_stay_as_written(text: str, further: dict[str, Any]) -> None:
    assert good(text=text, **further)[4] == text
    assert good(text=text, **further).variant is None


def test_a_text_with_variables_is_a_template() -> None:
    assert good(text="Hi {name:you}, {{ok}}", variables={}).text == "Hi you, {ok}"
    assert good(message="Hi {name}", variables={"name": "Bob", "unused": []}).text == "Hi Bob"


def test_a_text_with_spintax_is_a_template_too_and_its_variant_is_told() -> None:
    found = good(text="{Hello|Hi} there", spintax=True)
    assert found.text == f"{found.variant} there"
    assert found == good(text="{Hello|Hi} there", spintax=True)
    others = {good(to=f"+3460000000{n}", text="{Hello|Hi} there", spintax=True).variant for n in range(10)}
    assert others == {"Hello", "Hi"}


def test_however_a_number_is_written_it_gets_the_same_variant() -> None:
    for n in range(10):
        item = {"text": "{a|b|c|d|e}", "spintax": True}
        assert good(to=f"+34 600 000 00{n}", **item) == good(to=f"+3460000000{n}", **item)


def test_a_named_template_gives_the_text_in_the_language_asked_for() -> None:
    assert good(template="code", variables={"code": 7}).text == "Hi you, code 7"
    assert good(template="code", locale="es-MX", variables={"code": 7, "name": "Ana"}).text == "Hola Ana: 7"
    assert good(template="spun", variables={"name": "Ana"}).variant in ("Hello", "Hi")


@pytest.mark.parametrize(
    ("item", "codes"),
    [
        ({"template": "nope"}, {"template": ["unknown_template"]}),
        ({"template": "No such\ud800 name!"}, {"template": ["unknown_template"]}),
        ({"template": 5}, {"template": ["wrong_type"]}),
        ({"template": "code"}, {"variables.code": ["missing"]}),
        ({"template": "code", "text": "Hello"}, {"text": ["not_with_template"]}),
        ({"template": "code", "message": "Hello", "variables": {"code": 1}}, {"message": ["not_with_template"]}),
        ({"template": "spun", "spintax": True, "variables": {"name": "x"}}, {"spintax": ["not_with_template"]}),
        ({"template": "code", "locale": "spanish!", "variables": {"code": 1}}, {"locale": ["not_a_locale"]}),
        ({"template": "code", "locale": 5, "variables": {"code": 1}}, {"locale": ["wrong_type"]}),
        ({"template": "code", "variables": {"code": [1]}}, {"variables.code": ["wrong_type"]}),
        ({"template": "code", "variables": []}, {"variables": ["wrong_type"]}),
        ({"template": "code", "variables": {f"v{n}": 1 for n in range(201)}}, {"variables": ["too_long"]}),
        ({"template": "accents", "variables": {"name": "x"}}, {"template": ["needs_unicode"]}),
        ({"template": "accents"}, {"variables.name": ["missing"]}),
        ({"text": "Hello", "locale": "es"}, {"locale": ["needs_template"]}),
        ({"text": "Hi {name}", "variables": {}}, {"variables.name": ["missing"]}),
        ({"text": "Hi {name", "variables": {}}, {"text": ["template_not_valid"]}),
        ({"message": "Hi {name", "variables": {}}, {"message": ["template_not_valid"]}),
        ({"text": "{a|b}", "variables": {}}, {"text": ["template_not_valid"]}),
        ({"text": "{a|b}" * 10, "spintax": True}, {"text": ["too_many_variants"]}),
        ({"text": "Hi {name}", "spintax": True}, {"variables.name": ["missing"]}),
        ({"text": "{a}", "variables": {"a": ""}}, {"text": ["empty"]}),
        ({"text": "{a}", "variables": {"a": "a\0b"}}, {"variables.a": ["nul"]}),
        ({"text": "{a}", "variables": {"a": "\ud800"}}, {"variables.a": ["lone_surrogate"]}),
        ({"text": "{a} {b}", "variables": {"a": "x" * 6_000}}, {"variables.a": ["too_long"], "variables.b": MISSING}),
        ({"text": 5, "variables": {}}, {"text": ["wrong_type"]}),
        ({"text": "", "variables": {}}, {"text": ["empty"]}),
        ({"variables": {"a": 1}}, {"text": ["missing"]}),
        ({"text": "Hello", "spintax": "yes"}, {"spintax": ["wrong_type"]}),
    ],
)  # fmt: skip
def test_whatever_is_wrong_is_told_by_its_field(item: dict[str, Any], codes: dict[str, list[str]]) -> None:
    assert wrong(**item) == codes


def test_faults_of_the_template_stand_beside_those_of_other_fields() -> None:
    item = {"to": "+3460000000", "template": "code", "lane": "fast"}
    assert wrong(**item) == {"to": ["number_too_short"], "lane": ["unknown_lane"], "variables.code": ["missing"]}


def test_a_text_that_needs_unicode_once_its_values_are_in_is_refused_with_the_place() -> None:
    found = an_item_check().check(TO | {"text": "Hi {name}", "variables": {"name": "🙂"}}, NOW)
    assert isinstance(found, ItemErrors)
    assert found.fields == {"text": ["has '🙂' at position 4, which GSM 03.38 cannot carry; set allow_unicode"]}
