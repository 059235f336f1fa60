import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rules.faults import Fault, ItemErrors
from gateway.rules.template_syntax import MOST_BRACES, MOST_CHARACTERS, MOST_DEPTH
from gateway.rules.templates import (
    MOST_VALUE,
    MOST_VARIANT_SHOWN,
    MOST_VARIANTS,
    Rendered,
    Template,
    parse_template,
)

NUMBER = "+34600000001"


def read(text: str, *, spintax: bool = True) -> Template:
    template = parse_template(text, spintax=spintax)
    assert isinstance(template, Template), template
    return template


def escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def said(text: str, *, spintax: bool = True, seed: str = NUMBER, **values: Any) -> str:
    rendered = read(text, spintax=spintax).render(values, seed)
    assert isinstance(rendered, Rendered), rendered
    return rendered.text


def all_said(text: str, **values: Any) -> dict[str, str | None]:
    """Every text that turned up for many numbers, with the name of its variant."""
    template = read(text)
    found = {}
    for seed in range(40 * template.variants):
        rendered = template.render(values, f"+{seed}")
        assert isinstance(rendered, Rendered)
        found[rendered.text] = rendered.variant
    return found


def fault(text: str, *, spintax: bool = True) -> Fault:
    found = parse_template(text, spintax=spintax)
    assert isinstance(found, Fault)
    return found


def wrong(text: str, values: dict[str, Any], **asked: Any) -> ItemErrors:
    found = read(text).render(values, NUMBER, **asked)
    assert isinstance(found, ItemErrors)
    return found


# --- fields


def test_a_field_becomes_its_value() -> None:
    text = "Hi {first_name}, your 20% discount code is {code}. Use it by May 31."
    assert said(text, first_name="Alice", code="ALICE20") == (
        "Hi Alice, your 20% discount code is ALICE20. Use it by May 31."
    )
    assert read(text).fields == {"first_name", "code"}


def test_numbers_and_booleans_stand_as_json_writes_them() -> None:
    assert said("{a} {b} {c} {d}", a=5, b=12.5, c=True, d=False) == "5 12.5 true false"


def test_a_missing_value_is_the_fields_default() -> None:
    assert said("Hi {name:there}!") == said("Hi {name:there}!", name=None) == "Hi there!"
    assert said("Hi {name:there}!", name="Bob") == "Hi Bob!"
    assert said("at {when:10:30}") == "at 10:30"
    assert said("Hi{name:}!") == "Hi!"


def test_an_empty_value_is_a_value() -> None:
    assert said("Hi {name:there}!", name="") == "Hi !"


def test_each_missing_value_is_named() -> None:
    errors = wrong("{a} {b} {c:x} {d}", {"b": None, "d": 1})
    assert errors.codes == {"variables.a": ["missing"], "variables.b": ["missing"]}
    assert errors.fields["variables.a"] == ["is missing: the text has {a} without a default"]
    assert wrong("{a}", {}, at="").codes == {"a": ["missing"]}


def test_a_field_is_needed_if_it_lacks_its_default_once() -> None:
    assert wrong("{a:x} {a}", {}).codes == {"variables.a": ["missing"]}


def test_a_field_is_needed_whichever_variant_is_chosen() -> None:
    template = read("{Hi {name}|Hello}")
    assert all(isinstance(template.render({}, str(seed)), ItemErrors) for seed in range(20))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ([], "wrong_type"),
        ({"a": 1}, "wrong_type"),
        ("a\0b", "nul"),
        ("\ud800", "lone_surrogate"),
        (1 << 70, "integer_too_large"),
        ("x" * (MOST_VALUE + 1), "too_long"),
    ],
)
def test_a_value_that_can_stand_in_no_text_is_refused(value: Any, code: str) -> None:
    assert wrong("{a}", {"a": value}).codes == {"variables.a": [code]}


def test_values_that_no_field_uses_are_not_looked_at() -> None:
    assert said("Hello", other=[1, 2]) == "Hello"


def test_a_text_that_grows_beyond_any_message_is_refused_before_it_is_made() -> None:
    assert wrong("{a}" * 100, {"a": "x" * MOST_VALUE}).codes == {"text": ["too_many_segments"]}


@pytest.mark.parametrize("values", [{"a": "{b}"}, {"a": "{{x}}"}, {"a": "{x|y}"}])
def test_a_value_is_never_read_as_a_template(values: dict[str, Any]) -> None:
    assert said("{a}", **values) == values["a"]


# --- braces


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=200), st.booleans())
def test_an_escaped_text_says_what_it_says(text: str, spintax: bool) -> None:
    # `{{` that are closed by `}}` side by side are braces to be sent, others may begin a choice.
    assert said(escaped(text), spintax=False) == text
    if "|" not in text:
        assert said(escaped(text), spintax=spintax) == text


@pytest.mark.parametrize("text", ["{{first_name}}", "{{a|b}}", "{{{{}}}}", "}}{{"])
def test_doubled_braces_are_braces_with_and_without_spintax(text: str) -> None:
    assert said(text) == said(text, spintax=False) == text.replace("{{", "{").replace("}}", "}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hi {name", "has { at position 4 that is not closed; write {{ for a brace"),
        ("Hi name}", "has } at position 8 that closes nothing; write }} for a brace"),
        ("Hi {}", "has {} at position 4, without the name of a field; write {{}} for braces"),
        ("{a:{b}}", "has braces within braces at position 1, where nothing is to be chosen with |"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, words: str) -> None:
    assert fault(text).words == words
    assert fault(text).code == "template_not_valid"


@pytest.mark.parametrize("name", ["first name", "1st", "-a", "é", "a" * 65, " a", "a/b", ":x"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    assert f"position 4, and '{name.partition(':')[0][:40]}" in fault(f"Hi {{{name}}}").words


def test_a_choice_is_refused_where_none_was_asked_for() -> None:
    found = fault("{Hello|Hi} there", spintax=False)
    assert found.words == "has a choice at position 1; set spintax, or write {{ and }} for braces"


# --- choices


def test_a_choice_is_one_of_its_options() -> None:
    assert all_said("{Hello|Hi|Hey} {name}", name="Bob") == {"Hello Bob": "Hello", "Hi Bob": "Hi", "Hey Bob": "Hey"}


def test_choices_hold_fields_and_choices_wherever_they_stand() -> None:
    assert all_said("{Hi {name}|{Good day|Hello}, friend}!", name="Bob") == {
        "Hi Bob!": "Hi {name}",
        "Good day, friend!": "Good day, friend",
        "Hello, friend!": "Hello, friend",
    }
    assert set(all_said("{{Hello|Hi} there|Hey}")) == {"Hello there", "Hi there", "Hey"}
    assert set(all_said("{Hey|{Hello|Hi}}")) == {"Hey", "Hello", "Hi"}
    assert set(all_said("{{{a|b} c|d} e|f}")) == {"a c e", "b c e", "d e", "f"}


def test_an_option_may_be_empty() -> None:
    assert all_said("Now{| please}") == {"Now": "(nothing)", "Now please": " please"}


def test_several_choices_are_named_in_their_order() -> None:
    assert set(all_said("{a|b} {c|d}").values()) == {"a | c", "a | d", "b | c", "b | d"}


def test_a_text_without_choices_has_no_variant() -> None:
    assert read("a|b {name:x}").render({}, NUMBER) == Rendered("a|b x", None)


def test_long_names_of_variants_are_cut_and_still_kept_apart() -> None:
    start = "x" * 80
    names = set(all_said(f"{{{start}1|{start}2|{start}3}}").values())
    assert len(names) == 3
    assert all(name is not None and len(name) == MOST_VARIANT_SHOWN for name in names)


def test_each_variant_is_as_likely_as_any_other() -> None:
    template = read("{Hello|{Hi|Hey} there}")
    found = Counter(str(template.render({}, f"+3460{n:07}")) for n in range(3_000))
    assert len(found) == 3
    assert all(850 < count < 1_150 for count in found.values())


def test_a_choice_says_nothing_about_the_choice_of_another_text() -> None:
    first, second = read("{a|b} one"), read("{a|b} two")
    pairs = Counter((str(first.render({}, f"+{n}"))[15], str(second.render({}, f"+{n}"))[15]) for n in range(800))
    assert len(pairs) == 4
    assert min(pairs.values()) > 120


def test_a_repeat_says_the_same_in_another_process() -> None:
    """The choice may depend on nothing but text and number: it stands here to the letter."""
    said_by_number = [said("{Hello|Hi|Hey} {you|friend}", seed=f"+3460000000{n}") for n in range(4)]
    assert said_by_number == EXPECTED


EXPECTED = ["Hey you", "Hey you", "Hi you", "Hey friend"]


PLAIN = st.text("ab ,.", max_size=5)
TREES = st.recursive(
    PLAIN | st.sampled_from(["{name}", "{other:x}"]),
    lambda inner: st.lists(st.lists(inner, max_size=3).map("".join), min_size=2, max_size=3).map(
        lambda options: "{" + "|".join(options) + "}"
    ),
    max_leaves=8,
)
TEXTS = st.lists(TREES, max_size=4).map("".join)


def expansions(text: str) -> set[str]:
    """All that a text with choices may say, innermost choice first: the slow and plain way."""
    found = re.search(r"\{([^{}]*\|[^{}]*)\}", text)
    if found is None:
        return {text}
    return set().union(*(expansions(text[: found.start()] + o + text[found.end() :]) for o in found[1].split("|")))


@given(TEXTS)
def test_every_variant_is_reached_and_nothing_else(text: str) -> None:
    template = parse_template(text, spintax=True)
    if isinstance(template, Fault) or template.variants > 40:
        return
    filled = text.replace("{name}", "N").replace("{other:x}", "x")
    found = {str(template.render({"name": "N"}, str(seed))[0]) for seed in range(40 * template.variants)}
    assert found == expansions(filled)


@given(TEXTS, st.text(max_size=15))
def test_the_same_number_always_gets_the_same_text(text: str, seed: str) -> None:
    parse_template.cache_clear()
    once = read(text).render({"name": "N"}, seed) if isinstance(parse_template(text, spintax=True), Template) else None
    parse_template.cache_clear()
    again = parse_template(text, spintax=True)
    assert once == (again.render({"name": "N"}, seed) if isinstance(again, Template) else None)


# --- hostile texts


@given(st.text("{}|:a \ud800\0", max_size=60), st.booleans())
def test_whatever_is_given_is_a_template_or_a_fault_that_can_be_shown(text: str, spintax: bool) -> None:
    found = parse_template(text, spintax=spintax)
    if isinstance(found, Fault):
        found.words.encode()
    else:
        assert 1 <= found.variants <= MOST_VARIANTS
        rendered = found.render(dict.fromkeys(found.fields, "v"), NUMBER)
        assert isinstance(rendered, Rendered)
        assert (rendered.variant is None) == (found.variants == 1)


def test_depth_variants_and_length_are_bounded() -> None:
    deepest = "{a|" * MOST_DEPTH + "b" + "}" * MOST_DEPTH
    assert read(deepest).variants == MOST_DEPTH + 1
    assert f"deeper than {MOST_DEPTH} at position" in fault("{a|" + deepest + "}").words
    assert read("{a|b}" * 9).variants == 512
    assert fault("{a|b}" * 10).code == "too_many_variants"
    assert fault("{a|b}" * 400).code == "too_many_variants"
    assert len(said("{a}" * MOST_BRACES, a="x")) == MOST_BRACES
    assert fault("{a}" * (MOST_BRACES + 1)).code == "too_long"
    assert read("x" * MOST_CHARACTERS).variants == 1
    assert fault("x" * (MOST_CHARACTERS + 1)).code == "too_long"


@pytest.mark.parametrize("piece", ["{", "}", "{{", "}}", "{|", "|}", "{a|", "{:", "{}", "{a}", "{{a|b} c|"])
def test_any_number_of_braces_is_read(piece: str) -> None:
    found = parse_template(piece * (MOST_CHARACTERS // len(piece)), spintax=True)
    assert isinstance(found, Fault | Template)


def test_variants_kept_ready_are_bounded_and_the_rest_said_all_the_same() -> None:
    template = read("{a|b}" * 9 + "{x}" * 400)
    seeds = [str(seed) for seed in range(200)]
    once = [template.render({"x": 1}, seed) for seed in seeds]
    assert sum(len(plan.pieces) for plan in template._plans.values()) < 12_000
    assert [template.render({"x": 1}, seed) for seed in seeds] == once
