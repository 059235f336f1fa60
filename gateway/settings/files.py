"""Where settings come from: the TOML file, the files it includes, the environment over both; each key with its origin.

What the keys mean is not known here; that is told by Settings.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource

from gateway.settings.problems import Problem, key_of

PREFIX = "SLUICE_"
_DELIMITER = "__"
# A secret given in the environment replaces the file that the configuration names for it, and the other way round.
_INSTEAD_OF = {
    "password": "password_file",
    "password_file": "password",
    "secrets": "secret_files",
    "secret_files": "secrets",
    "token": "token_file",
    "token_file": "token",
}


@dataclass(slots=True)
class Sources:
    """Everything that was given, as one tree, with the origin of each key and what went wrong in reading."""

    main: Path
    data: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _origins: dict[tuple[str | int, ...], str] = field(default_factory=dict)

    def origin(self, path: tuple[str | int, ...]) -> str:
        """The file or environment variable that gave a key, or the table it is missing in."""
        while path:
            if path in self._origins:
                return self._origins[path]
            path = path[:-1]
        return str(self.main)

    def given(self, path: tuple[str | int, ...], origin: str) -> None:
        """A key was added to `data` that came from there."""
        self._origins[path] = origin

    def read_files(self) -> None:
        """The main file, then what it includes. Raises nothing: see `problems`."""
        table = self.read(self.main)
        self._merge(self.data, table, str(self.main), ())
        for file in self._included(table.get("include", [])):
            table = self.read(file)
            if table.pop("include", None) is not None:
                self._note(str(file), "include", f"may stand in {self.main} alone; remove it here")
            self._merge(self.data, table, str(file), ())

    def read_environment(self, names: type[BaseSettings], environ: Mapping[str, str]) -> None:
        """Lay the variables `SLUICE_SECTION__KEY` over the files. Names of tables are found whatever their case."""
        variables = {name.lower(): name for name in environ if name.upper().startswith(PREFIX)}
        for lowered, name in variables.items():
            section, delimiter, _ = lowered.removeprefix(PREFIX.lower()).partition(_DELIMITER)
            if section == "include":
                self._note(f"environment variable {name}", "", "include may stand in the file alone; unset it")
            elif delimiter and section not in names.model_fields:
                known = ", ".join(sorted(names.model_fields))
                self._note(f"environment variable {name}", "", f"{section!r} is no section; the sections are {known}")
        self._overlay(self.data, _Environment(names, environ)(), (), (), variables)

    def _note(self, origin: str, key: str, reason: str) -> None:
        self.problems.append(Problem(origin, key, reason))

    def read(self, file: Path, named: str = "") -> dict[str, Any]:
        """The table of a file, empty where it has none. Raises nothing: see `problems`. `named`: in words, by what."""
        try:
            return tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            self._note(str(file), "", f"{named}cannot be read: {error.strerror}")
        except UnicodeDecodeError as error:
            self._note(str(file), "", f"is not UTF-8: byte {error.start} is none")
        except tomllib.TOMLDecodeError as error:
            self._note(str(file), "", f"is not TOML: {error}")
        return {}

    def _included(self, patterns: object) -> Iterator[Path]:
        for pattern in patterns if isinstance(patterns, list) else []:
            if not isinstance(pattern, str) or not pattern:
                continue  # Settings tells that it must be a text
            found = matching(pattern, self.main.parent)
            if not found and not set("*?[").intersection(pattern):
                self._note(str(self.main), "include", f"names {self.main.parent / pattern}, which does not exist")
            yield from (file for file in found if not file.samefile(self.main))

    def _merge(self, into: dict[str, Any], table: dict[str, Any], origin: str, path: tuple[str, ...]) -> None:
        for key, value in table.items():
            here = (*path, key)
            if isinstance(value, dict) and isinstance(into.setdefault(key, {}), dict):
                self._origins.setdefault(here, origin)
                self._merge(into[key], value, origin, here)
            elif here in self._origins:
                self._note(origin, key_of(here), f"is given in {self._origins[here]} too; keep one")
            else:
                into[key] = value
                self._origins[here] = origin

    def _overlay(
        self,
        into: dict[str, Any],
        given: dict[str, Any],
        path: tuple[str, ...],
        spelled: tuple[str, ...],
        variables: dict[str, str],
    ) -> None:
        for spelling, value in given.items():
            key = next((known for known in into if fold(known) == fold(spelling)), spelling)
            here, variable = (*path, key), (*spelled, spelling)
            if isinstance(value, dict):
                if not isinstance(into.get(key), dict):
                    into[key] = {}
                self._origins.setdefault(here, _origin(variable, variables))
                self._overlay(into[key], value, here, variable, variables)
                continue
            into[key] = value
            self._origins[here] = _origin(variable, variables)
            if (other := _INSTEAD_OF.get(key)) is not None and other not in given:
                into.pop(other, None)


def matching(pattern: str, folder: Path) -> list[Path]:
    """The files that one of `include` means, in the order in which they are read; `folder`: of the configuration."""
    relative = Path(pattern)
    start = Path(relative.anchor) if relative.is_absolute() else folder
    return sorted(start.glob(str(relative.relative_to(relative.anchor))))


def fold(name: str) -> str:
    """A table's name as an environment variable can spell it: without case, and with _ for the hyphen."""
    return name.lower().replace("-", "_")


def unused_variables(names: type[BaseSettings], environ: Mapping[str, str]) -> list[str]:
    """Variables with our prefix that set nothing. No reason to stop: orchestrators set some for a service so named."""
    return sorted(
        name
        for name in environ
        if name.upper().startswith(PREFIX)
        and _DELIMITER not in name
        and name.upper().removeprefix(PREFIX).lower() not in names.model_fields
    )


def _origin(spelled: tuple[str, ...], variables: dict[str, str]) -> str:
    """The variable that gave a key: its own, one that gave a table around it as JSON, or one for a key below it."""
    lowered = [PREFIX.lower() + _DELIMITER.join(spelled[:length]) for length in range(len(spelled), 0, -1)]
    name = next((variables[name] for name in lowered if name in variables), None)
    below = (variables[name] for name in variables if name.startswith(lowered[0] + _DELIMITER))
    return f"environment variable {name or next(below)}"


class _Environment(EnvSettingsSource):
    """The variables as a tree: lists and tables as JSON, names in lower case."""

    def __init__(self, names: type[BaseSettings], environ: Mapping[str, str]) -> None:
        super().__init__(names, case_sensitive=False, env_prefix=PREFIX, env_nested_delimiter=_DELIMITER)
        self.env_vars = {name.lower(): value for name, value in environ.items()}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """JSON; a text that is none is left as it is, for Settings to refuse under its full key."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value
