"""docs/carriers.md names tests for what was tried with carriers: each of them exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TRIED = "## What was tried"
LEAST = 50


def test_every_test_that_the_page_names_exists():
    page = (ROOT / "docs" / "carriers.md").read_text("utf-8")
    section = page[page.index(TRIED) + len(TRIED) :].partition("\n## ")[0]
    named = set(re.findall(r"`(test_\w+)`", section))
    sources = [file.read_text("utf-8") for file in (ROOT / "tests").rglob("test_*.py")]
    there = {name for source in sources for name in re.findall(r"def (test_\w+)\(", source)}
    assert len(named) >= LEAST
    assert named - there == set()
