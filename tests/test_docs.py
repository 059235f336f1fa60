"""The pages hold together: links lead somewhere, examples of a configuration load, figures and names agree."""

import re
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pytest
from daemons import to_toml

from gateway.cli import COMMANDS
from gateway.settings import load

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = [ROOT / "docs/migrating.md", *sorted((ROOT / "docs/operations").glob("*.md"))]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_WIDTH = 140


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def without_code(page: Path) -> str:
    return re.sub(r"`[^`\n]*`", "`", _FENCE.sub("", page.read_text("utf-8")))


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them: the second of the same words ends in -1."""
    found: dict[str, int] = {}
    anchored = set()
    for heading in re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text("utf-8")), re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", _LINK.sub("", heading).lower()).replace(" ", "-")
        count = found.get(anchor, 0)
        found[anchor] = count + 1
        anchored.add(f"{anchor}-{count}" if count else anchor)
    return anchored


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    broken = []
    for target in _LINK.findall(without_code(page)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", EXAMPLES, ids=name_of)
def test_the_operators_pages_have_no_line_that_is_too_long(page: Path) -> None:
    lines = page.read_text("utf-8").splitlines()
    assert [line for line in lines if len(line) > _WIDTH and not line.lstrip().startswith("|")] == []


def examples() -> list[Any]:
    found = []
    for page in EXAMPLES:
        for number, (_, language, text) in enumerate(_FENCE.findall(page.read_text("utf-8"))):
            if language == "toml":
                found.append(pytest.param(textwrap.dedent(text), id=f"{name_of(page)}-{number}"))
    return found


def laid_over(beneath: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """`given`, and what it does not say as it is beneath."""
    merged = dict(beneath)
    for key, value in given.items():
        under = merged.get(key)
        merged[key] = laid_over(under, value) if isinstance(value, dict) and isinstance(under, dict) else value
    return merged


def whole(example: dict[str, Any]) -> dict[str, Any]:
    """A configuration around a part of one: a carrier, a route and an account as the page goes on from."""
    carrier = {"hosts": ["127.0.0.1:2775"], "system_id": "acme", "password": "secret"}
    around = {
        "carriers": {} if "carriers" in example else {"telco": carrier, "backup": carrier},
        "routes": [{"name": "rest", "tiers": list(example.get("carriers", {"telco": None}))}],
        "accounts": {"shop": {"tokens": [{"sha256": "0" * 64}], "senders": ["SHOP"], "default_sender": "SHOP"}},
    }
    if "accounts" in example and "tokens" in example["accounts"].get("shop", {}):
        around["accounts"] = {}
    return laid_over(around, example)


@pytest.mark.parametrize("example", examples())
def test_every_example_of_a_configuration_is_one_that_loads(example: str, tmp_path: Path) -> None:
    configuration = tmp_path / "sluice.toml"
    given = tomllib.loads(example)
    configuration.write_text(to_toml(whole(given)), "utf-8")
    for file in re.findall(r'"(\w+_(?:password|token|webhook|secret))"', example):
        secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" if "webhook" in file else "sixteen_or_more_"
        (tmp_path / file).write_text(secret, "utf-8")
    load(configuration, {})


def test_there_are_examples_for_both_of_which_somebody_may_come() -> None:
    page = (ROOT / "docs/migrating.md").read_text("utf-8")
    assert len(re.findall(r"^```toml$", page, re.MULTILINE)) >= 4


def test_the_figures_for_sizing_are_those_that_were_measured() -> None:
    measured = (ROOT / "docs/performance.md").read_text("utf-8")
    rows = re.findall(
        r"^\| [^|]+ \| `([\w-]+)` \| ([\d,]+) \| (\d+) µs \|$",
        (ROOT / "docs/operations/sizing.md").read_text("utf-8"),
        re.MULTILINE,
    )
    assert len(rows) >= 5
    for row, rate, cost in rows:
        found = re.search(rf"^\| [^|]+ \| `{row}` \| [^|]+ \| ([^|]+) \| ([^|]+) \|", measured, re.MULTILINE)
        assert found is not None, row
        assert found[1].startswith(f"{cost}:"), row
        assert re.match(rf"{rate}\b", found[2]), row


def test_ceilings_are_binds_times_window_by_round_trip() -> None:
    page = (ROOT / "docs/operations/sizing.md").read_text("utf-8")
    header = re.search(r"^\| round trip((?: \| \d+ binds?, window \d+)+) \|$", page, re.MULTILINE)
    assert header is not None
    slots = [int(binds) * int(window) for binds, window in re.findall(r"(\d+) binds?, window (\d+)", header[1])]
    rows = re.findall(r"^\| (\d+) ms((?: \| [\d,]+/s)+) \|$", page, re.MULTILINE)
    assert len(rows) >= 3
    for milliseconds, cells in rows:
        told = [int(cell.replace(",", "")) for cell in re.findall(r"([\d,]+)/s", cells)]
        assert told == [slot * 1000 // int(milliseconds) for slot in slots]


def test_the_readme_has_every_command() -> None:
    readme = (ROOT / "README.md").read_text("utf-8").partition("\n## Commands\n")[2].partition("\n## ")[0]
    told = re.findall(r"`sluice ([a-z-]+)", "\n".join(re.findall(r"^\| (.+?) \|", readme, re.MULTILINE)))
    assert sorted(told) == sorted(COMMANDS)


def test_the_operators_page_names_only_commands_that_there_are() -> None:
    pages = "\n".join(page.read_text("utf-8") for page in [ROOT / "docs/operations.md", *EXAMPLES])
    assert set(re.findall(r"`sluice ([a-z][a-z-]*)", pages)) <= set(COMMANDS)
