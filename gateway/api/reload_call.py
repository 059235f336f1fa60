"""POST /admin/reload: the configuration is read again and comes into force, or nothing changes and the answer says why.

What a reload does is the daemon's (gateway/reloading.py).
"""

from typing import Protocol

from msgspec import json
from quart import Response

from gateway.api.admin.asking import by
from gateway.api.base import json_response
from gateway.api.problem_types import INVALID_CONFIGURATION
from gateway.api.problems import Problem
from gateway.settings import ConfigurationError
from gateway.settings import Problem as ConfigurationProblem
from gateway.settings.changes import Reloaded
from gateway.store.by import By

NO_FILE = ConfigurationProblem("this gateway", "", "was started without a file that could be read again")


class Reloads(Protocol):
    async def reload(self, *, by: By | None = None) -> Reloaded:
        """Raises ConfigurationError, StoreFull or StoreBusy: then nothing was changed."""


class NothingToReload:
    """Of a gateway that was started without a file."""

    async def reload(self, *, by: By | None = None) -> Reloaded:
        raise ConfigurationError([NO_FILE])


class ReloadCall:
    def __init__(self, reloads: Reloads) -> None:
        self._reloads = reloads

    async def reload(self) -> Response:
        try:
            done = await self._reloads.reload(by=by())
        except ConfigurationError as error:
            told = [str(problem) for problem in error.problems]
            raise Problem(
                INVALID_CONFIGURATION,
                "The configuration cannot be used. Nothing was changed.",
                members={"problems": told},
            ) from None
        return json_response(json.encode(done._asdict()))
