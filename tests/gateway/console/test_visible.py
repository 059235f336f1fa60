"""What others wrote is shown so that it can't lie: characters that turn or hide text are named."""

import pytest
from markupsafe import Markup

from gateway.console.rendering import Templates, static_files
from gateway.console.visible import finalized, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("exe.\u202egpj", "exe.⟨U+202E⟩gpj"),
        ("a\u2066b\u2069", "a⟨U+2066⟩b⟨U+2069⟩"),
        ("SH\u200bOP", "SH⟨U+200B⟩OP"),
        ("nul\x00esc\x1b[31m", "nul⟨U+0000⟩esc⟨U+001B⟩[31m"),
        ("half \ud83d", "half ⟨U+D83D⟩"),
        ("tag \U000e0041", "tag ⟨U+E0041⟩"),
    ],
)
def test_characters_that_turn_or_hide_text_are_named(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize("text", ["Grüße, José ñ", "👨‍👩‍👧", "می‌خواهم", "first\nsecond\tthird", "<b>"])
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_markup_and_what_is_no_text_are_left_alone() -> None:
    assert finalized(Markup("<b>\u202e</b>")) == "<b>\u202e</b>"
    assert finalized(7) == 7


def test_every_expression_of_every_template_is_shown_so_and_escaped() -> None:
    html = Templates(static_files()).render(
        "error.html", {"title": "<i>\u202e", "words": "", "code": 1, "request_id": ""}
    )
    assert "&lt;i&gt;⟨U+202E⟩" in html
    assert "\u202e" not in html
