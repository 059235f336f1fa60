"""The three processes of the demo, and how the acts speak with them: calls, control lines, waiting for what they say.

What happens on it is told by the acts: one_message, bulk, crash, figures.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import trio

from gateway.cli.calls import CALLERS, OPERATORS, Caller, CallError
from gateway.cli.demo.carrier_record import CarrierRecord
from gateway.cli.demo.children import Child, DemoError
from gateway.cli.demo.receiver import Receiver
from gateway.cli.demo.screen import Screen
from gateway.cli.demo.setting import HOST, LATENCY, RECEIPT_DELAY, Setting

T = TypeVar("T")

PATIENCE_SECONDS = 30.0
"""For anything that takes a second or two on an idle machine."""
_LOOK_EVERY_SECONDS = 0.03


class Stage:
    """Everything that runs."""

    def __init__(self, setting: Setting, screen: Screen, receiver: Receiver) -> None:
        self.setting = setting
        self.screen = screen
        self.receiver = receiver
        self.record = CarrierRecord(setting.record)
        self.simulator = Child(
            "simulator",
            [
                "simulator",
                f"--listen={HOST}:{setting.smpp_port}",
                f"--latency={LATENCY}",
                f"--receipt-delay={RECEIPT_DELAY}",
                f"--record={setting.record}",
            ],
            setting.folder / "simulator.log",
            speaks=True,
        )
        self.gateway = Child("gateway", ["run", "--config", str(setting.configuration)], setting.folder / "gateway.log")
        self._callers = Caller(setting.url, setting.token, CALLERS)
        self._operators = Caller(setting.operator_url, setting.operator_token, OPERATORS)
        self._turn = trio.Lock()

    async def start(self, nursery: trio.Nursery) -> None:
        """Both processes; returns when the gateway is bound. They are watched in the nursery."""
        await self.simulator.start()
        nursery.start_soon(self.simulator.watch)
        await self.start_gateway(nursery)
        await self.simulator.hear()
        await self.until_bound()

    async def start_gateway(self, nursery: trio.Nursery) -> None:
        """For the first time, or again."""
        # What was connected to the one before is of no use with this one.
        self._callers.close()
        self._operators.close()
        await self.gateway.start()
        nursery.start_soon(self.gateway.watch)

    async def end(self) -> None:
        """Both, on every path."""
        # An idle connection that is kept open would hold the gateway's stop up.
        self._callers.close()
        self._operators.close()
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.gateway.end)
                nursery.start_soon(self.simulator.end)

    def kill_now(self) -> None:
        """The last resort, without a loop."""
        self.gateway.kill_now()
        self.simulator.kill_now()

    async def tell_carrier(self, options: str) -> None:
        """Have the simulator go on by other options."""
        reply = await self.simulator.tell(f"set {options}")
        if reply != "set":
            raise DemoError(f"The simulator did not take {options!r}: {reply}", self.simulator.log)

    async def get(self, path: str) -> Any:
        """As the customer."""
        return await self._in_thread(partial(self._callers.get, path))

    async def post(self, path: str, body: Any) -> Any:
        """As the customer."""
        return await self._in_thread(partial(self._callers.post, path, body))

    async def admin(self, path: str) -> Any:
        """As the operator."""
        return await self._in_thread(partial(self._operators.get, path))

    async def _in_thread(self, call: Callable[[], T]) -> T:
        async with self._turn:
            try:
                return await trio.to_thread.run_sync(call, abandon_on_cancel=True)
            except CallError as failure:
                raise DemoError(str(failure), self.gateway.log) from failure

    async def until_bound(self) -> dict[str, Any]:
        """The bind, once it can send. Raises DemoError when that takes too long."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        why = "it never answered"
        while time.monotonic() < deadline:
            try:
                carriers = (await self.admin("/admin/carriers"))["entities"]
            except DemoError as failure:
                why = str(failure)
            else:
                if carriers[0]["able"]:
                    bind: dict[str, Any] = carriers[0]["binds"][0]
                    return bind
                why = f"the bind is {carriers[0]['binds'][0]['state']}"
            await trio.sleep(_LOOK_EVERY_SECONDS)
        raise DemoError(f"The gateway was not ready within {PATIENCE_SECONDS:.0f} s: {why}", self.gateway.log)

    async def until_told(self, count: Callable[[], int], total: int, what: str, shown: Callable[[int], None]) -> None:
        """Until the customer was told of so many; `shown` gets the count so far. Raises DemoError if it takes long."""
        with trio.move_on_after(PATIENCE_SECONDS):
            while (so_far := count()) < total:
                shown(so_far)
                await self.receiver.wait()
            shown(total)
            return
        raise DemoError(f"Only {count()} of {total} {what} within {PATIENCE_SECONDS:.0f} s.", self.gateway.log)
