"""Which texts are keywords."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rules.keywords import Keyword, KeywordKind, Keywords
from gateway.settings.opt_outs import BUILT_IN, OptOuts

USUAL = Keywords(OptOuts())
SPOKEN = Keywords(OptOuts(stop=["BAJA", "ARRÊT", "ΔΙΑΚΟΠΗ", "停止"], start=["ALTA"], help=["ayuda"]))


@pytest.mark.parametrize(("kind", "word"), [(kind, word) for kind, words in BUILT_IN.items() for word in words])
def test_the_usual_words_are_known(kind: str, word: str) -> None:
    for text in (word, word.lower(), f"  {word.title()}!\n", f'"{word}."'):
        assert USUAL.read(text) == Keyword(KeywordKind(kind), word)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("baja", "BAJA"),
        ("Arret", "ARRÊT"),
        ("arrêt !", "ARRÊT"),
        ("διακοπή", "ΔΙΑΚΟΠΗ"),
        ("停止。", "停止"),
        ("AYUDA?", "ayuda"),
    ],
)
def test_words_of_other_languages_are_known_with_and_without_accents(text: str, word: str) -> None:
    found = SPOKEN.read(text)
    assert found is not None
    assert found.word == word


@pytest.mark.parametrize("text", ["", " ", "!?", "stop by at five", "don't stop", "STOPP", "BAJA", "x" * 5000, "🛑"])
def test_anything_else_is_none(text: str) -> None:
    assert USUAL.read(text) is None


@given(st.text())
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    found = USUAL.read(text)
    assert found is None or found.kind in KeywordKind
