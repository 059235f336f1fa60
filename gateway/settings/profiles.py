"""Carrier profiles: files of settings that lie beneath a carrier's own, by name (config/carriers) or by path.

A profile is data: keys of a carrier and nothing else. What they mean is told by settings.carriers.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.settings.carriers import Carrier
from gateway.settings.files import Sources
from gateway.settings.problems import Problem, unknown_key

DEFAULT = "generic"
# Beside the code in an installed package (pyproject.toml puts it there), and where it is written in a checkout.
_FOLDERS = (Path(__file__).parent / "carrier_profiles", Path(__file__).parents[2] / "config" / "carriers")
_OWN = ("name", "profile", "hosts", "system_id", "password", "password_file")
"""What is one carrier's alone: no profile may say it."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
KEYS = tuple(key for key in Carrier.model_fields if key not in _OWN)
"""What a profile may say."""


def folder() -> Path:
    """Where the profiles that come with Sluice lie."""
    return next((one for one in _FOLDERS if one.is_dir()), _FOLDERS[0])


def names() -> list[str]:
    """Of the profiles that come with Sluice."""
    return sorted(file.stem for file in folder().glob("*.toml"))


def is_path(profile: str) -> bool:
    """Whether a carrier's `profile` is a file of the user's own rather than a name."""
    return "/" in profile or profile.endswith(".toml")


def lay_beneath(sources: Sources) -> None:
    """Give each carrier what its profile says and it does not say itself, the whole value of a key at a time.

    Raises nothing: what is wrong is in `sources.problems`, and what is wrong with a value is told with its file.
    """
    carriers = sources.data.get("carriers")
    for name, table in carriers.items() if isinstance(carriers, dict) else ():
        profile = table.get("profile", DEFAULT) if isinstance(table, dict) else None
        if not isinstance(profile, str):
            continue  # Settings tells that it must be a text
        file = _file(sources, name, profile)
        if file is None:
            continue
        for key, value in _checked(sources, file).items():
            if key not in table:
                table[key] = value
                sources.given(("carriers", name, key), str(file))


def read(file: Path) -> dict[str, Any]:
    """The table of a profile's file. Raises OSError and ValueError."""
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _file(sources: Sources, carrier: str, profile: str) -> Path | None:
    if is_path(profile):
        return sources.main.parent / profile
    file = folder() / f"{profile}.toml"
    if _NAME.fullmatch(profile) and file.is_file():
        return file
    key = ("carriers", carrier, "profile")
    reason = f'names the profile "{profile}", which is not there; there are {", ".join(names()) or "none"}; '
    hint = f'or give the path of a file of your own, such as "profiles/{carrier}.toml"'
    sources.problems.append(Problem(sources.origin(key), ".".join(key), reason + hint))
    return None


def _checked(sources: Sources, file: Path) -> Mapping[str, Any]:
    """What the profile says and may say; the rest is told as a problem of its file."""
    table = sources.read(file, "is named as a profile and ")
    for key in [key for key in table if key not in KEYS]:
        reason = "is one carrier's own; a profile may not say it" if key in _OWN else unknown_key(key, KEYS)
        sources.problems.append(Problem(str(file), key, reason))
        del table[key]
    return table
