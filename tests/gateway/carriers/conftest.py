"""Binds and carriers that run while a test does (tests/support/bound_binds.py, dialed_carriers.py)."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
from bound_binds import BoundBind
from dialed_carriers import DialedCarrier, Network

from gateway.carriers.bind_states import BindState


@pytest.fixture
def bound(scripted_smsc: type[Any], carrier_settings: Callable[..., Any]) -> Callable[..., Any]:
    """A bind that runs beside its SMSC until the block is left. `kind`: of BoundBind; the rest are its settings."""

    @asynccontextmanager
    async def run(
        *, smsc: Any = None, stream: Any = None, wait: bool = True, kind: type[BoundBind] = BoundBind, **given: Any
    ) -> AsyncIterator[Any]:
        made = kind(smsc or scripted_smsc(), carrier_settings(**given), stream)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(made.smsc.run)
            nursery.start_soon(made.run)
            if wait:
                await trio.testing.wait_all_tasks_blocked()
                assert made.bind.state is BindState.BOUND
            yield made
            nursery.cancel_scope.cancel()

    return run


@pytest.fixture
def started(scripted_smsc: type[Any], carrier_settings: Callable[..., Any]) -> Callable[..., Any]:
    """A carrier that runs until the block is left. `prepare`: its network; the rest are its settings."""

    @asynccontextmanager
    async def run(
        *, prepare: Callable[[Network], None] = lambda network: None, rand: float = 0.5, **given: Any
    ) -> AsyncIterator[DialedCarrier]:
        async with trio.open_nursery() as nursery:
            network = Network(scripted_smsc, nursery)
            prepare(network)
            setup = DialedCarrier(carrier_settings(**given), network, lambda: rand)
            await nursery.start(setup.carrier.run)
            await trio.testing.wait_all_tasks_blocked()
            yield setup
            nursery.cancel_scope.cancel()

    return run
