"""The store, the flows and a carrier that answers query_sm and cancel_sm with where its messages really stand."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from gateway.carriers.carrier import Carrier
from gateway.carriers.traffic import Traffic
from gateway.flows.asking import Asking
from gateway.flows.send import Send
from gateway.messages import MessageState
from gateway.settings.carriers import Carrier as CarrierSettings
from gateway.simulator.options import Options
from gateway.simulator.simulator import Simulator
from gateway.simulator.spans import Span
from gateway.store.by import by_account
from gateway.store.interface import CancelOutcome
from gateway.store.policy import CarrierPolicy

HOUR = 3_600_000
HORIZON = 24 * HOUR + 72 * HOUR
PATIENCE_SECONDS = 20


class Street:
    """A store that sends to a simulator and asks it; its wall clock is the test's."""

    def __init__(self, bench: Any) -> None:
        self.bench = bench

    async def comes_to(self, message: int, state: MessageState) -> Any:
        with trio.fail_after(PATIENCE_SECONDS):
            while await self.bench.state(message) is not state:
                await self.bench.commit()
        return await self.bench.story(message)


@pytest.fixture
def street(open_store: Any) -> Callable[..., Any]:
    @asynccontextmanager
    async def open_street(**options: Any) -> AsyncIterator[Street]:
        policy = CarrierPolicy(72 * HOUR, 180_000, query_sm=True, cancel_sm=True)
        async with open_store(carriers={"telco": policy}) as bench, trio.open_nursery() as nursery:
            port = await nursery.start(Simulator(Options(seed=1, **options)).serve, "127.0.0.1", 0)
            settings = CarrierSettings.model_validate(
                {
                    "name": "telco",
                    "hosts": [f"127.0.0.1:{port}"],
                    "system_id": "acme",
                    "password": "secret",
                    "query_sm": True,
                    "cancel_sm": True,
                }
            )
            send = Send(bench.store, {}, clock=bench.clock)
            carrier = Carrier(settings, Traffic(send.open_feed, lambda bind, pdus: None), bench.store.carrier_able)
            await nursery.start(carrier.run)
            await nursery.start(Asking(bench.store, [carrier], clock=bench.clock).run)
            yield Street(bench)
            nursery.cancel_scope.cancel()

    return open_street


async def test_a_message_that_arrived_without_a_word_is_found_delivered_at_the_horizon(street: Any) -> None:
    async with street() as it:
        message = await it.bench.accept_one(recipient="+34600000204")
        await it.comes_to(message, MessageState.SENT)
        await it.bench.after(HORIZON)
        story = await it.comes_to(message, MessageState.DELIVERED)
        assert [(receipt.matched, receipt.applied) for receipt in story.receipts] == [("query_sm", True)]


async def test_a_message_that_the_carrier_still_tries_is_given_up_at_the_horizon_as_ever(street: Any) -> None:
    async with street(receipt_delay=Span(900, 900)) as it:
        message = await it.bench.accept_one()
        await it.comes_to(message, MessageState.SENT)
        await it.bench.after(HORIZON)
        story = await it.comes_to(message, MessageState.UNKNOWN)
        assert [row.message_state for row in story.enquiries] == [1]


async def test_a_canceled_message_of_which_no_receipt_came_is_found_deleted(street: Any) -> None:
    async with street(receipt_delay=Span(900, 900)) as it:
        message = await it.bench.accept_one()
        await it.comes_to(message, MessageState.SENT)
        assert await it.bench.store.cancel("shop", message, by_account("shop", 1)) is CancelOutcome.ASKED
        with trio.fail_after(PATIENCE_SECONDS):
            while not (await it.bench.story(message)).enquiries:
                await it.bench.commit()
        await it.bench.after(HORIZON)
        story = await it.comes_to(message, MessageState.CANCELED)
        assert {(row.kind, row.command_status) for row in story.enquiries} == {(0, 0), (1, 0)}
