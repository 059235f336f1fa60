"""`loads`: settings from a text."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from least_settings import LEAST, Loads

from gateway.settings import Settings, load


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    """Loads a text, by default added to the least configuration there is; `**files` are written beside it."""

    def from_text(
        text: str = "",
        *,
        least: str = LEAST,
        environ: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> Settings:
        for name, content in (files or {}).items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(content)
        (tmp_path / "sluice.toml").write_text(f"{text}\n{least}")
        return load(tmp_path / "sluice.toml", environ or {})

    return from_text
