"""What differs between two configurations, told in words without secrets, and the one that a reload can bring in force.

Pure. How each key comes into force is kinds.py's table.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from pydantic import BaseModel, SecretStr

from gateway.settings import Settings
from gateway.settings.carriers import Carrier
from gateway.settings.kinds import KINDS, Kind, keys_of
from gateway.settings.routes import Route

_SECRETS = frozenset({"password", "tokens", "token", "secrets", "secret_files", "token_file", "password_file", "url"})
"""Keys whose values are never told; the URL of an endpoint may hold a secret, that of the store holds none."""
_LONGEST_VALUE = 60
_CHANGED = "(changed)"


class Change(NamedTuple):
    """One key, or one table that came or went."""

    path: str
    """`carriers.telco.window`"""
    words: str
    """`10 -> 20`, `added`, `removed`, `(changed)`."""
    kind: Kind

    @property
    def line(self) -> str:
        """For people."""
        return f"{self.path}: {self.words}"


class Reloaded(NamedTuple):
    """What a reload did, in lines for people."""

    changed: list[str]
    needs_restart: list[str]
    """What is as before until the next start."""


def changes(old: Settings, new: Settings) -> list[Change]:
    """All that differs, in the order of the configuration."""
    found: list[Change] = []
    for name in Settings.model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        if name == "routes":
            found += _of_routes(before, after)
        elif isinstance(before, BaseModel):
            found += _of_section(name, name, before, after)
        elif isinstance(before, Mapping):
            found += _of_tables(name, before, after)
        else:
            found.append(Change(name, _words(name, before, after), KINDS.get(("", name), Kind.LIVE)))
    return found


def effective(old: Settings, new: Settings) -> Settings:
    """The new ones, but for what needs a restart: that stays as it was."""
    kept: dict[str, Any] = {}
    for name in ("http", "operator", "process", "store", "webhooks", "lookup"):
        kept[name] = _with_old(getattr(old, name), getattr(new, name), keys_of(name, Kind.RESTART))
    of_carriers = keys_of("carriers", Kind.RESTART)
    kept["carriers"] = {
        name: _with_old(old.carriers[name], one, of_carriers) if name in old.carriers else one
        for name, one in new.carriers.items()
    }
    return new.model_copy(update=kept)


def needs_new_binds(old: Carrier, new: Carrier) -> bool:
    """Whether binds made by the old settings would not be made so by the new ones."""
    return any(getattr(old, key) != getattr(new, key) for key in keys_of("carriers", Kind.REBIND))


def _with_old(old: BaseModel, new: BaseModel, keys: Sequence[str]) -> BaseModel:
    kept = {key: getattr(old, key) for key in keys if getattr(old, key) != getattr(new, key)}
    return new.model_copy(update=kept) if kept else new


def _of_section(section: str, path: str, before: BaseModel, after: BaseModel) -> Iterator[Change]:
    for key in type(before).model_fields:
        was, is_now = getattr(before, key), getattr(after, key)
        if was != is_now:
            kind = KINDS.get((section, key), Kind.LIVE)
            yield from _of_key(f"{path}.{key}", key, was, is_now, kind)


def _of_key(path: str, key: str, was: Any, is_now: Any, kind: Kind) -> Iterator[Change]:
    if isinstance(was, BaseModel) and isinstance(is_now, BaseModel) and type(was) is type(is_now):
        for inner in type(was).model_fields:
            before, after = getattr(was, inner), getattr(is_now, inner)
            if before != after:
                yield from _of_key(f"{path}.{inner}", inner, before, after, kind)
    else:
        yield Change(path, _words("" if path == "store.url" else key, was, is_now), kind)


def _of_tables(section: str, before: Mapping[str, BaseModel], after: Mapping[str, BaseModel]) -> Iterator[Change]:
    for name in before:
        if name not in after:
            yield Change(f"{section}.{name}", "removed", Kind.LIVE)
    for name, table in after.items():
        known = before.get(name)
        if known is None:
            yield Change(f"{section}.{name}", "added", Kind.LIVE)
        elif known != table:
            yield from _of_section(section, f"{section}.{name}", known, table)


def _of_routes(before: Sequence[Route], after: Sequence[Route]) -> Iterator[Change]:
    was, is_now = {route.name: route for route in before}, {route.name: route for route in after}
    yield from _of_tables("routes", was, is_now)
    stayed = [name for name in is_now if name in was]
    if stayed != [name for name in was if name in is_now]:
        yield Change("routes", "in another order", Kind.LIVE)


def _words(key: str, was: Any, is_now: Any) -> str:
    if key in _SECRETS:
        return _CHANGED
    before, after = _shown(was), _shown(is_now)
    return _CHANGED if before is None or after is None else f"{before} -> {after}"


def _shown(value: Any) -> str | None:
    """A value as the configuration would have it; None: too long, or nothing to be shown."""
    if isinstance(value, BaseModel | SecretStr):
        return None
    if isinstance(value, Enum):
        text = str(value.value)
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif value is None:
        text = "none"
    elif isinstance(value, str):
        text = f'"{value}"'
    elif isinstance(value, list | tuple | set | frozenset):
        return _shown_all(value)
    elif isinstance(value, Mapping):
        text = "{...}" if value else "{}"
        return None if value else text
    elif isinstance(value, int):
        text = f"{value:_}"
    else:
        text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST_VALUE else None


def _shown_all(values: Any) -> str | None:
    inner = [_shown(value) for value in values]
    known = [one for one in inner if one is not None]
    if len(known) < len(inner):
        return None
    text = f"[{', '.join(known)}]"
    return text if len(text) <= _LONGEST_VALUE else None
