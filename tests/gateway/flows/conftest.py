"""A bind with its feed, bound while a test runs (tests/support/fed_binds.py)."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from fed_binds import FedBind, quiet


@pytest.fixture
def sending(scripted_smsc: type[Any], carrier_settings: Callable[..., Any]) -> Callable[..., Any]:
    """A bound bind with its feed; the store is the test's."""

    @asynccontextmanager
    async def run(**given: Any) -> AsyncIterator[FedBind]:
        setup = FedBind(scripted_smsc(), carrier_settings(**{"window": 10, **given}))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(setup.smsc.run)
            nursery.start_soon(setup.send.run)
            nursery.start_soon(setup.run)
            await quiet()
            yield setup
            nursery.cancel_scope.cancel()

    return run
