"""Makes benchmarks_support importable and gives the tests their `report`."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]):
    def say(title: str, **figures: object) -> None:
        with capsys.disabled():
            print(f"\n{title}: " + ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items()))

    return say
