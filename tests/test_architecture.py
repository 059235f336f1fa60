"""House rules that a linter does not know: states as drawn, one package per import name, files that stay readable."""

import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

import gateway
import protocol
from gateway.messages import ENDED, MOVES

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*ROOT.glob("gateway/**/*.py"), *ROOT.glob("protocol/**/*.py")])
MOST_LINES = 400


def drawing() -> str:
    """MOVES as docs/architecture.md shows it."""
    lines = []
    for state, following in MOVES.items():
        if following:
            names = " | ".join(f"{to.name}" for to in sorted(following))
            lines.append(f"    {state.name:<10} -> {names}")
    return "\n".join([*lines, f"    ended: {' '.join(state.name for state in sorted(ENDED))}"])


def test_the_states_are_drawn_as_the_table_has_them() -> None:
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    assert drawing() in page, f"put this into docs/architecture.md:\n\n{drawing()}"


def test_only_this_package_provides_its_import_names() -> None:
    for distribution in distributions():
        tops = {file.parts[0].removesuffix(".py") for file in distribution.files or []}
        if distribution.name != "sluice-smpp":
            assert not tops & {"gateway", "protocol"}, f"{distribution.name} has them too"
    assert {Path(str(package.__file__)).parents[1] for package in (gateway, protocol)} == {ROOT}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_says_what_it_owns_and_is_readable_at_one_sitting(source: Path) -> None:
    text = source.read_text("utf-8")
    assert text.lstrip().startswith('"""') or not text.strip(), "opens with what it owns"
    assert len(text.splitlines()) <= MOST_LINES


def test_importing_the_protocol_starts_nothing() -> None:
    loaded = "import sys, protocol.session, protocol.receipts; print('trio' in sys.modules, 'asyncio' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["False", "False"]
