"""What others wrote is shown in a terminal and never steers it."""

import pytest
from rich.text import Text

from gateway.cli import tables


def test_what_would_steer_the_terminal_is_taken_out(capsys: pytest.CaptureFixture[str]) -> None:
    made = tables.listing(("name", "why"), [("\x1b]0;owned\x07", Text("a\x9b31mb\u202ec", style="red"))])
    tables.console().print(made, "\x1b[2J")
    shown = capsys.readouterr().out
    assert "\ufffd]0;own" in shown
    assert "a\ufffd31mb" in shown
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(shown)


def test_colours_of_our_own_stay(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    tables.console().print(tables.status("failed"))
    assert "\x1b[31mfailed" in capsys.readouterr().out
