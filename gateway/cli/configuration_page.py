"""Writes docs/configuration.md from the settings: `python -m gateway.cli.configuration_page > docs/configuration.md`.

A test compares the page with this. What a key means is told by the text under it in the settings_* files.
"""

from collections.abc import Iterator
from enum import Enum
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo

from gateway.cli.toml_text import value_text
from gateway.settings import InterfaceVersion, Settings
from gateway.settings.problems import section_in
from gateway.settings.sections import BUILT_IN_LANES, Lane
from gateway.settings.types import Ascii, Section, Within

_INTRODUCTION = """\
# Configuration

<!-- Written by gateway/cli/configuration_page.py; change the settings, not this page. -->

One TOML file, given as `--config FILE`; `config/sluice.example.toml` is one to start from. One account, one carrier and
one route suffice. `sluice check --config FILE` prints the effective configuration with every default written out and
secrets masked, or everything that is wrong with it: file, key, reason and remedy. The same faults stop `sluice run`.

- **Durations** are texts with a unit: `"500ms"`, `"20s"`, `"5m"`, `"72h"`, `"90d"`. Of plain numbers only 0 is taken.
- **Environment**: a variable overrides any key but `include`: `SLUICE_CARRIERS__TELCO__WINDOW=20` is `window` in
  `[carriers.telco]`. Case does not matter, and `_` stands for a hyphen in a name. Lists and tables are written as JSON:
  `SLUICE_HTTP__LISTEN='["0.0.0.0:8080"]'`. A variable for an unknown section or key stops the start, as in the file;
  one without `__` that names no section is left alone (`sluice check` tells of it).
- **Secrets** can stand in files: `password_file`, `secret_files` and an operator token's `file` are looked for in
  `$CREDENTIALS_DIRECTORY` (systemd's `LoadCredential=`), then beside the configuration file; an absolute path is taken
  as it is. A line end after the secret does not count. A secret given by the environment replaces the file.
- **Precedence**, the strongest first: the environment, the file (with what it includes), a carrier's `profile`, the
  default. A profile may say any key of a carrier but `profile`, `hosts`, `system_id`, `password` and `password_file`.
- **Names** of carriers, accounts and lanes are the names of their tables: 1 to 40 letters, digits, hyphens and single
  underscores.
"""


def page() -> str:
    """The whole page, as Markdown."""
    return "\n".join([_INTRODUCTION, *_settings()]).rstrip() + "\n"


def _settings() -> Iterator[str]:
    top = {key: field for key, field in Settings.model_fields.items() if section_in(field.annotation) is None}
    yield from ("## At the top of the file", "", *_table(top), "")
    for key, field in Settings.model_fields.items():
        if (section := section_in(field.annotation)) is not None:
            yield from _section(_header(key, field), section)


def _header(key: str, field: FieldInfo) -> str:
    if get_origin(field.annotation) is dict:
        return f"[{key}.NAME]"
    return f"[[{key}]]" if get_origin(field.annotation) is list else f"[{key}]"


def _section(header: str, section: type[Section]) -> Iterator[str]:
    is_named = header.endswith(".NAME]")
    fields = {key: field for key, field in section.model_fields.items() if not (is_named and key == "name")}
    yield from (f"## `{header}`", "", *_paragraph(section), "", *_table(fields), "")
    if section is Lane:
        yield from (*_lanes(), "")
    for key, field in fields.items():
        if (inner := section_in(field.annotation)) is not None:
            yield from (f"### `{key}` in `{header}`", "", *_paragraph(inner), "", *_table(inner.model_fields), "")


def _paragraph(section: type[Section]) -> list[str]:
    return [" ".join((section.__doc__ or "").split())]


def _table(fields: dict[str, FieldInfo]) -> Iterator[str]:
    yield "| key | default | takes | meaning |"
    yield "| --- | --- | --- | --- |"
    for key, field in fields.items():
        cells = (f"`{key}`", _default(field), _takes(field), " ".join((field.description or "").split()))
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default()
    return "none" if value is None else "see below" if isinstance(value, Section) else f"`{value_text(value, field)}`"


def _takes(field: FieldInfo) -> str:
    bounds = [str(item) for item in field.metadata if isinstance(item, Within | Ascii)]
    if bounds:
        return bounds[0].replace('"', "`")
    return _kind(field.annotation)


def _kind(annotation: Any) -> str:
    parts = get_args(annotation)
    bounds = next((str(part) for part in parts if isinstance(part, Within | Ascii)), None)
    if bounds is not None:
        return bounds
    if get_origin(annotation) in {list, frozenset}:
        return f"list of {_kind(parts[0])}"
    if get_origin(annotation) is dict:
        return "table"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{_choice(member)}`" for member in annotation)
    if annotation is bool:
        return "`true`, `false`"
    if isinstance(annotation, type):
        return "table" if issubclass(annotation, Section) else "text"
    # Annotated[kind, checks] or a union.
    kinds = [_kind(part) for part in parts if part is not type(None) and not hasattr(part, "func")]
    return " or ".join(dict.fromkeys(kinds))


def _choice(member: Enum) -> str:
    return f"{member.value >> 4}.{member.value & 15}" if isinstance(member, InterfaceVersion) else str(member.value)


def _lanes() -> Iterator[str]:
    lanes = Settings.model_validate({}).lanes
    keys = [key for key in Lane.model_fields if key != "name"]
    yield f"| lane | {' | '.join(f'`{key}`' for key in keys)} |"
    yield f"| --- |{' --- |' * len(keys)}"
    for name in BUILT_IN_LANES:
        cells = [value_text(getattr(lanes[name], key), Lane.model_fields[key]) for key in keys]
        yield f"| `{name}` | {' | '.join(f'`{cell}`' for cell in cells)} |"


if __name__ == "__main__":
    print(page(), end="")
