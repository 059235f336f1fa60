"""The section about number facts: the table of mobile networks, and whom to ask which network has a number now."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, model_validator

from gateway.settings.network_tables import read_table
from gateway.settings.secrets import SecretFile, SecretFiles, read_or_empty
from gateway.settings.types import Duration, Section, Whole, Within, parse_duration

_ASKING = ("token_file", "token", "timeout", "cache", "keep", "concurrency", "most")


def _check_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f'is {value!r}; write an address such as "https://numbers.example/lookup"')
    return value


def _check_table(value: str, info: ValidationInfo) -> str:
    """Its whole path: found beside the configuration."""
    beside = info.context.beside if isinstance(info.context, SecretFiles) else Path()
    file = (beside / value).absolute()
    read_table(file)
    return str(file)


class Lookup(Section):
    """Which mobile network a number has: by a table, and by a look-up where there is a source that knows of ported
    numbers. Asked only where a route matches on `mccmnc`."""

    url: Annotated[str, AfterValidator(_check_url)] | None = None
    """Where to ask: it is POSTed `{"number": "+34600000001"}` and answers `{"mccmnc": "21401", "ported": true}`. None:
    the table alone."""
    token_file: SecretFile | None = None
    """File with a token that is sent as `Authorization: Bearer`."""
    token: SecretStr | None = Field(default=None)
    """The token itself; `token_file` keeps it out of the configuration."""
    timeout: Annotated[Duration, Within.durations("10ms", "10s")] = parse_duration("500ms")
    """How long a request waits for all its numbers together; then the table answers."""
    cache: Annotated[Whole, Within(1, 5_000_000, "numbers")] = 100_000
    """Answers kept; the one not asked for longest goes first. About 300 bytes each."""
    keep: Annotated[Duration, Within.durations("1m", "90d")] = parse_duration("24h")
    """How long an answer is kept."""
    concurrency: Annotated[Whole, Within(1, 256, "questions")] = 16
    """Questions at a time for one request."""
    most: Annotated[Whole, Within(1, 1024, "questions")] = 64
    """Questions at a time for all requests."""
    networks_file: Annotated[str, AfterValidator(_check_table)] | None = None
    """Table of ranges beside this file, lines of `prefix,mccmnc`; it replaces `config/networks.csv`, the sample that
    comes with Sluice."""

    @model_validator(mode="before")
    @classmethod
    def _read_token(cls, given: Any, info: ValidationInfo) -> Any:
        if not isinstance(given, Mapping) or given.get("token_file") is None:
            return given
        if given.get("token") is not None:
            raise ValueError("has both token and token_file; keep one")
        return {**given, "token": read_or_empty(given["token_file"], info)}

    @model_validator(mode="after")
    def _whom_to_ask(self) -> "Lookup":
        idle = [key for key in _ASKING if getattr(self, key) != type(self).model_fields[key].default]
        if self.url is None and idle:
            raise ValueError(f"has {idle[0]}, which does nothing without url; give url, or remove it")
        return self

    @property
    def bearer(self) -> str | None:
        """The token to send."""
        return None if self.token is None else self.token.get_secret_value()
