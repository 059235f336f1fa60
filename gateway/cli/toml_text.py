"""Settings as TOML text, without what is secret. Used by `sluice check` and by the configuration page."""

import json
from collections.abc import Iterator
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from gateway.settings import InterfaceVersion, Scope, Settings
from gateway.settings.accounts import SignedEndpoint
from gateway.settings.countries import CountryRules
from gateway.settings.types import Section, format_duration, is_duration

MASK = "***"
# What a file gives is not written beside the file's name: the text is to be a configuration again.
_GIVEN_BY = {"password": "password_file", "token": "token_file", "sha256": "file"}


def settings_text(settings: Settings) -> str:
    """The whole effective configuration, every default written out but those of countries, secrets masked."""
    return "\n".join(_section_lines(settings, "")).strip() + "\n"


def value_text(value: Any, field: FieldInfo) -> str:
    """One value as TOML, as it stands after `key =`."""
    if isinstance(value, float) and is_duration(field.metadata):
        return toml_string(format_duration(value))
    return _plain_text(value)


def _section_lines(section: Section, name: str) -> Iterator[str]:
    tables: list[tuple[str, Any]] = []
    for key, value, text in _entries(section):
        if isinstance(value, Section) and key in type(section).model_fields and not name:
            tables.append((f"[{key}]", value))
        elif isinstance(value, dict) and not name:
            tables += [(f"[{key}.{entry}]", table) for entry, table in value.items()]
        elif isinstance(value, list) and value and isinstance(value[0], Section) and not name:
            tables += [(f"[[{key}]]", table) for table in value]
        elif not (name.startswith(("[carriers.", "[accounts.", "[lanes.")) and key == "name"):
            yield f"{key} = {text}"
    for header, table in tables:
        yield ""
        yield header
        yield from _section_lines(table, header)


def _entries(section: Section) -> Iterator[tuple[str, Any, str]]:
    """Key, value and text of everything set, but for what a file gives."""
    for key, field in type(section).model_fields.items():
        value = getattr(section, key)
        if isinstance(section, CountryRules) and key not in section.model_fields_set:
            continue
        if value is None or getattr(section, _GIVEN_BY.get(key, ""), None) is not None:
            continue
        if isinstance(section, SignedEndpoint) and key == "secrets":
            value = value[: len(value) - len(section.secret_files)]
            if not value:
                continue
        if key == "sha256":
            value = f"{value[:8]}{MASK}"
        if key == "url" and urlsplit(value).query:
            value = f"{value.partition('?')[0]}?{MASK}"
        yield key, value, value_text(value, field)


def _plain_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, InterfaceVersion):
        return toml_string(f"{value >> 4}.{value & 15}")
    if isinstance(value, Enum):
        return toml_string(str(value))
    if isinstance(value, SecretStr):
        return toml_string(MASK)
    if isinstance(value, int):
        return f"{value:_}"
    if isinstance(value, float):
        return f"{value:_.0f}" if value.is_integer() else str(value)
    if isinstance(value, Section):
        return f"{{ {', '.join(f'{key} = {text}' for key, _, text in _entries(value))} }}"
    if isinstance(value, dict):
        entries = ", ".join(f"{toml_string(key)} = {_plain_text(item)}" for key, item in value.items())
        return f"{{ {entries} }}" if entries else "{}"
    if isinstance(value, list):
        return f"[{', '.join(_plain_text(item) for item in value)}]"
    if isinstance(value, frozenset):
        return _plain_text([member for member in Scope if member in value])
    return toml_string(str(value))


def toml_string(text: str) -> str:
    """A TOML basic string has the escapes of JSON, and no pairs of surrogates; DEL it wants escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
