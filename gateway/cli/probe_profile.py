"""The profile that a probe writes: the carrier's present one, with what was learned laid over it.

What was learned is probe_lessons.py's; how a profile is found and read, settings.profiles'.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from gateway.cli.toml_text import toml_string
from gateway.settings import profiles
from gateway.settings.carriers import Carrier


def present(carrier: Carrier, config: Path) -> dict[str, Any]:
    """The keys of the profile that the carrier has. Raises OSError and ValueError."""
    name = carrier.profile
    return profiles.read(config.parent / name if profiles.is_path(name) else profiles.folder() / f"{name}.toml")


def text_of(carrier: Carrier, under: Mapping[str, Any], learned: Mapping[str, object]) -> str:
    """The profile's file, with what it rests on."""
    at = datetime.now(UTC).strftime("%Y-%m-%d")
    lines = [f"# Profile {carrier.profile}, which {carrier.name} ran with:"] if under else []
    lines += [f"{_key(key)} = {_value(value)}" for key, value in under.items() if key not in learned]
    lines.append(f"# Learned of {carrier.name} by `sluice probe` on {at}; what is not here is as in profile generic.")
    lines += [f"{_key(key)} = {_value(value)}" for key, value in learned.items()]
    return "\n".join(lines) + "\n"


def name_of(file: Path, config: Path) -> str:
    """How `profile` in the configuration names the file: beside the configuration, and never as a built-in one."""
    whole, beside = file.parent.resolve() / file.name, config.parent.resolve()
    name = str(whole.relative_to(beside) if whole.is_relative_to(beside) else whole)
    return name if profiles.is_path(name) else f"./{name}"


@contextmanager
def opened(file: Path | None) -> Iterator[TextIO | None]:
    """The file, opened so that what it holds stays until it is written; one that stays empty is not left behind.

    Raises OSError.
    """
    if file is None:
        yield None
        return
    is_new = not file.exists()
    try:
        with file.open("a", encoding="utf-8") as stream:
            yield stream
    finally:
        if is_new and file.exists() and not file.stat().st_size:
            file.unlink()


def replace(stream: TextIO, text: str) -> None:
    """Write the file anew."""
    stream.truncate(0)
    stream.write(text)


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("_", "").isalnum() else _value(key)


def _value(value: object) -> str:
    """As TOML, on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return toml_string(value) if isinstance(value, str) else json.dumps(value)
