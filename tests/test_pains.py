"""tests/pains.md names tests for what carriers do wrong: each row has some, and each of them exists."""

import re
from pathlib import Path

TESTS = Path(__file__).parent
ROWS = 65
"""Forty-one faults met in the field and one of our own making, and twenty-three of servers on the wire."""


def test_every_fault_in_the_table_has_tests_and_each_of_them_exists():
    rows = re.findall(
        r"^\| (?!what goes wrong|what servers do|---)(.+?) \| (.+) \|$",
        (TESTS / "pains.md").read_text("utf-8"),
        re.MULTILINE,
    )
    sources = [file.read_text("utf-8") for file in TESTS.rglob("test_*.py")]
    there = {name for source in sources for name in re.findall(r"def (test_\w+)\(", source)}
    named = {words: set(re.findall(r"`(test_\w+)`", tests)) for words, tests in rows}
    assert len(named) == len(rows) == ROWS
    assert {words: tests for words, tests in named.items() if not tests} == {}
    assert {words: tests - there for words, tests in named.items() if tests - there} == {}
