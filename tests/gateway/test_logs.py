"""How a line looks, what it can't show, and that every key of every line is explained."""

import ast
import io
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.logs import Logfmt, is_journal, masked, quoted, redacted, stack_of, without_numbers
from gateway.store.audit import What

ROOT = Path(__file__).parents[2]
LINE = re.compile(r'(?:[a-z_]+=(?:"(?:[^"\\]|\\.)*"|[^\s"]*)(?: |$))+')


def line_of(message: str, *arguments: Any, to_journal: bool = False, level: int = logging.INFO, **more: Any) -> str:
    """As it would be written."""
    into = io.StringIO()
    handler = logging.StreamHandler(into)
    handler.setFormatter(Logfmt(to_journal=to_journal))
    logger = logging.Logger("sluice.daemon")
    logger.addHandler(handler)
    logger.log(level, message, *arguments, **more)
    return into.getvalue().removesuffix("\n")


def test_a_line_is_pairs_of_key_and_value_and_its_first_words_are_msg() -> None:
    line = line_of("webhook not taken: account=%s error=%s", "shop", quoted('said "no" to\nus'))
    at, _, rest = line.partition(" ")
    assert re.fullmatch(r"at=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", at)
    assert rest == 'level=info room=daemon msg="webhook not taken" account=shop error="said \\"no\\" to\\nus"'
    assert LINE.fullmatch(line)


def test_for_the_journal_a_priority_stands_in_place_of_the_time() -> None:
    levels = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
    lines = [line_of("stopped", to_journal=True, level=level) for level in levels]
    assert [line[:3] for line in lines] == ["<7>", "<6>", "<4>", "<3>", "<2>"]
    assert lines[1] == "<6>level=info room=daemon msg=stopped"


def test_the_journal_is_known_by_device_and_inode_of_standard_error(tmp_path: Path) -> None:
    with (tmp_path / "a").open("w") as file, (tmp_path / "b").open("w") as other:
        status = os.fstat(file.fileno())
        journal_stream = f"{status.st_dev}:{status.st_ino}"
        assert is_journal(file.fileno(), journal_stream)
        assert not is_journal(other.fileno(), journal_stream), "redirected to a file"
        assert not is_journal(file.fileno(), "")


def test_an_entry_is_one_line_whatever_it_holds() -> None:
    line = line_of("of a library\nand more: bind=%s", "a\r\nb")
    assert "\n" not in line
    assert "\r" not in line


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("to +34600000123.", "to ...123."),
        ("at=2026-11-22T18:04:05+00:00", "at=2026-11-22T18:04:05+00:00"),
        ("Authorization: Bearer sk_live_1", "Authorization: Bearer ***"),
        ("token sk_live_1 and whsec_aB+/=", "token sk_*** and whsec_***"),
        ("https://user:pass@shop.example/x", "https://***@shop.example/x"),
        ("message=msg_01KAK5Y7Q4V8M3Z2T9N6C1XHRD ms=41", "message=msg_01KAK5Y7Q4V8M3Z2T9N6C1XHRD ms=41"),
    ],
)
def test_what_looks_private_is_masked_and_nothing_else(said: str, shown: str) -> None:
    assert masked(said) == shown
    assert shown in line_of("%s", said) or quoted(shown) in line_of("%s", said)


class HarmlessError(Exception):
    may_be_logged = True


def fail_with(words: str) -> None:
    try:
        raise ValueError(words)
    except ValueError as error:
        raise ExceptionGroup(words, [LookupError(words), HarmlessError("the disk is full")]) from error


def test_of_exceptions_the_kinds_and_places_are_shown_and_no_words() -> None:
    words = "Koli" + "bri"
    with pytest.raises(ExceptionGroup) as raised:
        fail_with(words)
    line = line_of("ended", exc_info=raised.value)
    assert stack_of(raised.value).count("Traceback of ") == 4
    assert words not in line
    for shown in ("ValueError", "LookupError", "HarmlessError: the disk is full", "test_logs.py", "Traceback"):
        assert shown in line
    assert "\n" not in line


def test_a_fault_that_ends_the_process_is_one_line_without_words() -> None:
    program = "from gateway import logs; logs.set_up('info'); raise ValueError(logs.sys.argv[1])"
    ended = subprocess.run(
        [sys.executable, "-c", program, "Kolibri at the end"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert 'level=critical room=daemon msg="ended by a fault" fault=' in line
    assert "ValueError" in line
    assert "at the end" not in line


def test_a_number_is_named_by_its_last_three_digits() -> None:
    assert redacted("+34600000123") == "...123"


def test_a_value_is_quoted_where_it_has_to_be() -> None:
    assert [quoted(value) for value in ("plain", "", "two words", 'a"b', "a=b", 7, "é")] == [
        "plain",
        '""',
        '"two words"',
        '"a\\"b"',
        '"a=b"',
        "7",
        '"é"',
    ]
    assert json.loads(quoted("line\nbreak")) == "line\nbreak"


def logged_formats() -> list[tuple[str, str]]:
    """Every format that the gateway gives to a logger, with its file."""
    found = []
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        if "simulator" in path.parts or "cli" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                of = node.func.value
                is_logger = isinstance(of, ast.Name) and of.id in ("log", "_log")
                if is_logger and node.func.attr in (
                    "debug",
                    "info",
                    "warning",
                    "error",
                    "exception",
                    "critical",
                    "log",
                ):
                    words = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                    found += [(path.name, text) for text in words[:1]]
    return found


def test_every_key_that_is_logged_is_explained() -> None:
    page = (ROOT / "docs/logs.md").read_text("utf-8")
    section = page.partition("## Keys")[2].partition("## The audit")[0] + page.partition("## Every minute")[2]
    explained = set(re.findall(r"`([a-z_]+)`", section))
    formats = logged_formats()
    assert len(formats) > 30, "the search must find the lines"
    used = {key for _, text in formats for key in re.findall(r"\b([a-z_]+)=", text)}
    assert used - explained == set()


def test_every_line_about_a_message_is_explained() -> None:
    page = (ROOT / "docs/logs.md").read_text("utf-8")
    section = page.partition("## A message, stage by stage")[2].partition("## Every minute")[0]
    table = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| `([a-z_ ]+)` \|$", section, re.MULTILINE))
    stages = [text for file, text in logged_formats() if file == "stages.py" and not text.startswith("in doubt")]
    assert {text.split()[0]: " ".join(re.findall(r"(\w+)=", text)) for text in stages} == table


def test_everything_that_is_audited_is_explained() -> None:
    page = (ROOT / "docs/logs.md").read_text("utf-8")
    section = page.partition("## The audit")[2].partition("\n## ")[0]
    first_cells = re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE)
    assert {word for cell in first_cells for word in re.findall(r"`(\w+)`", cell)} - {"what"} == {w.value for w in What}


def test_no_line_is_put_together_before_it_is_known_that_somebody_listens() -> None:
    for file, text in logged_formats():
        assert "{" not in text, file


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ('senders: ["SHOP", "34600123456"] -> ["+34600123456"]', 'senders: ["SHOP", "...456"] -> ["...456"]'),
        ("prefix[0] is '3460012345612345'; write", "prefix[0] is '...345'; write"),
        ('prefix: ["34600"] -> ["3461234"]', 'prefix: ["34600"] -> ["3461234"]'),
        ("disk_low: 1073741824 -> 0", "disk_low: 1073741824 -> 0"),
    ],
)
def test_of_the_configuration_whole_numbers_alone_are_hidden(said: str, shown: str) -> None:
    assert without_numbers(said) == shown
