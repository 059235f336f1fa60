"""Every setting of the gateway, and load(), which reads them from the file and the environment or tells what is wrong.

The sections are in settings.sections, carriers, routes and accounts, and can be imported from here.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateway.settings.accounts import DEFAULT_EVENTS, Account, AccountLimits, Token, Webhook
from gateway.settings.alerts import Alerts
from gateway.settings.carriers import Carrier
from gateway.settings.checks import contradictions, dangling_names, missing_sections
from gateway.settings.countries import CountryRules, lay_countries
from gateway.settings.files import Sources, fold, unused_variables
from gateway.settings.lookup import Lookup
from gateway.settings.opt_outs import OptOuts
from gateway.settings.problems import ConfigurationError, Fault, Problem, explain, key_of
from gateway.settings.profiles import lay_beneath
from gateway.settings.routes import Match, Route
from gateway.settings.secrets import SecretFiles
from gateway.settings.sections import (
    BUILT_IN_LANES,
    Http,
    Lane,
    Limits,
    Operator,
    OperatorToken,
    Process,
    Retention,
    Store,
    Webhooks,
)
from gateway.settings.tls import Tls
from gateway.settings.types import (
    BareDigits,
    CarrierMode,
    EventType,
    InDoubt,
    InterfaceVersion,
    MessageIdBase,
    NumberCheck,
    OptInRule,
    OptOutRule,
    OptOutScope,
    Scope,
    Section,
    UnicodePolicy,
    format_duration,
)

__all__ = [
    "DEFAULT_EVENTS", "Account", "AccountLimits", "Alerts", "BareDigits", "Carrier", "CarrierMode",
    "ConfigurationError", "EventType", "Http", "InDoubt", "InterfaceVersion", "Lane", "Limits", "Lookup", "Match",
    "MessageIdBase", "NumberCheck", "Operator", "OperatorToken", "OptInRule", "OptOutRule", "OptOutScope", "OptOuts",
    "Problem", "Retention", "Route", "Scope", "Settings", "Store", "Tls", "Token", "UnicodePolicy", "Webhook",
    "Webhooks", "ignored_variables", "load", "load_store",
]  # fmt: skip

_NAMED = ("carriers", "accounts", "lanes")


class Settings(Section):
    """The whole configuration. Each part of the gateway is handed its own section, never the whole."""

    include: list[str] = Field(default=[])
    """Further files, by path or pattern beside this one: `["accounts.d/*.toml"]`. A key given in two files is an
    error. Only this file may include, and the environment may not."""
    http: Http = Http()
    operator: Operator = Operator()
    process: Process = Process()
    store: Store = Store()
    retention: Retention = Retention()
    webhooks: Webhooks = Webhooks()
    alerts: Alerts = Alerts()
    opt_outs: OptOuts = OptOuts()
    limits: Limits = Limits()
    lookup: Lookup = Lookup()
    lanes: dict[str, Lane] = Field(default={})
    countries_file: str | None = None
    """File with the rules of all countries, beside this one; it replaces `config/countries.toml`, which comes with
    Sluice."""
    countries: dict[str, CountryRules] = Field(default={})
    carriers: dict[str, Carrier] = Field(default={})
    routes: list[Route] = Field(default=[])
    accounts: dict[str, Account] = Field(default={})

    @property
    def longest_validity(self) -> float:
        """Seconds that a request may ask as validity, so that its receipts come while the message is still kept."""
        return self.retention.messages - max((c.receipt_horizon for c in self.carriers.values()), default=0.0)

    @model_validator(mode="before")
    @classmethod
    def _name_tables_and_add_lanes(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        filled = {**given, "lanes": _with_built_in(given.get("lanes", {}), _text_kept(given.get("retention")))}
        for section in _NAMED:
            if isinstance(tables := filled.get(section), Mapping):
                filled[section] = {
                    name: {**table, "name": name} if isinstance(table, Mapping) else table
                    for name, table in tables.items()
                }
        return filled


class _VariableNames(Settings, BaseSettings):
    """Settings as pydantic-settings wants them, to tell which variables there are."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def load(path: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a file, what it includes, the environment over both, and carriers' profiles beneath, all checked.

    Raises ConfigurationError, which names every problem with its file, key and remedy.
    """
    sources = Sources(path)
    sources.read_files()
    if sources.problems:
        raise ConfigurationError(sources.problems)
    sources.read_environment(_VariableNames, environ)
    lay_beneath(sources)
    lay_countries(sources)
    faults = [*_names(sources.data), *missing_sections(sources.data), *dangling_names(sources.data)]
    try:
        settings = Settings.model_validate(sources.data, context=SecretFiles.of(path, environ))
    except ValidationError as error:
        faults += explain(error, Settings)
    else:
        faults += contradictions(settings)
        if not faults and not sources.problems:
            return settings
    problems = [Problem(sources.origin(fault.path), key_of(fault.path), fault.reason) for fault in faults]
    raise ConfigurationError([*sources.problems, *problems])


def load_store(path: Path, environ: Mapping[str, str] = os.environ) -> Store:
    """The section `store` alone, for commands that need no secret: other sections are not looked at.

    Raises ConfigurationError.
    """
    sources = Sources(path)
    sources.read_files()
    if sources.problems:
        raise ConfigurationError(sources.problems)
    sources.read_environment(_VariableNames, environ)
    try:
        return Store.model_validate(sources.data.get("store", {}))
    except ValidationError as error:
        faults = [Fault(("store", *fault.path), fault.reason) for fault in explain(error, Store)]
        problems = [Problem(sources.origin(fault.path), key_of(fault.path), fault.reason) for fault in faults]
        raise ConfigurationError(problems) from None


def ignored_variables(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Environment variables that begin with SLUICE_ and set nothing: worth a word, no reason to stop."""
    return unused_variables(_VariableNames, environ)


def _names(data: Mapping[str, Any]) -> list[Fault]:
    """Faults in how tables are named: a name given twice over, or two that the environment could not tell apart."""
    faults = []
    for section in _NAMED:
        tables = data.get(section)
        seen: dict[str, str] = {}
        for name, table in tables.items() if isinstance(tables, dict) else ():
            if isinstance(table, dict) and "name" in table:
                faults.append(Fault((section, name, "name"), "is the table's own name; remove it"))
            if (other := seen.setdefault(fold(name), name)) != name:
                faults.append(Fault((section, name), f'differs from "{other}" in case or hyphens alone; rename one'))
    return faults


def _text_kept(retention: object) -> str:
    """`retention.text` for the lanes that do not say their own; a wrong one is told of once, under its own key."""
    if isinstance(retention, Mapping):
        try:
            retention = Retention.model_validate({key: retention[key] for key in ("text",) if key in retention})
        except ValidationError:
            retention = Retention()
    return format_duration(retention.text if isinstance(retention, Retention) else Retention().text)


def _with_built_in(given: object, text_kept: str) -> object:
    if not isinstance(given, Mapping):
        return given
    return {
        name: {"text_kept": text_kept, **BUILT_IN_LANES.get(name, {}), **given.get(name, {})}
        if isinstance(given.get(name, {}), Mapping)
        else given[name]
        for name in {**BUILT_IN_LANES, **given}
    }
