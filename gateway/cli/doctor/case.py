"""What every check is given: the settings, the machine, and a running gateway's own word if there is one."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import trio

from gateway.cli.calls import OPERATORS, Caller, CallError
from gateway.cli.configured import operator_token, operators_url
from gateway.cli.doctor.machine import Machine
from gateway.cli.doctor.reaching import Reaching
from gateway.settings import Settings
from gateway.settings.secrets import SecretFiles
from gateway.store.connection import Holder
from gateway.store.examined import owner
from gateway.webhooks.addresses import Resolve

_CALL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Case:
    """One look at one gateway."""

    config: Path
    settings: Settings
    machine: Machine = field(default_factory=Machine)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    may_bind: bool = False
    thoroughly: bool = False
    """A check was asked for by its name: what takes long is done too."""
    token: str | None = None
    resolve: Resolve | None = None
    """Asked for addresses of webhooks' hosts; the system's resolver where not said."""
    owner: Holder | None = field(init=False)
    """Who runs on this store now. Looked at once: to look is to hold the lock for a moment."""
    reaching: Reaching = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "owner", owner(self.settings.store.path))
        object.__setattr__(self, "reaching", Reaching(self.settings, self.machine.now_seconds, self.resolve))

    @property
    def secret_files(self) -> SecretFiles:
        """Where secrets are looked for."""
        return SecretFiles.of(self.config, self.environ)

    async def said(self, path: str) -> Any:
        """What the running gateway's /admin answers. Raises CallError."""
        url = self.environ.get(OPERATORS.url_variable) or operators_url(self.settings.operator)
        caller = Caller(url, self._operators_token(), OPERATORS, _CALL_SECONDS)
        try:
            return await trio.to_thread.run_sync(partial(caller.get, path), abandon_on_cancel=True)
        finally:
            caller.close()

    def _operators_token(self) -> str:
        """Given, or in a file that the settings name. Raises CallError."""
        given = self.token or self.environ.get(OPERATORS.token_variable)
        token = given or operator_token(self.settings.operator, self.secret_files)
        if token:
            return token
        raise CallError(f"an operator token is missing: give it by --token or in ${OPERATORS.token_variable}")
